//! How a run comes to rest: everything due is delivered or dead, and what is dead is delivered when it
//! is sent again and the endpoints are well.

use model::{Entry, NotificationId, ProjectId, Target};
use store::{LetterFilter, Outbox};

use super::Run;
use crate::invariant::{Invariant, Violation};
use crate::ports::is_there;
use crate::world::{World, at_once};

/// Turns after which everything must have come to rest.
const TURNS: u64 = 2_000;
/// How often some of what is dead is sent again.
const REPLAYS: usize = 40;

impl Run {
    /// I5: nothing stays pending, and a dead letter can be replayed.
    pub(super) fn come_to_rest(&mut self) -> Result<(), Violation> {
        if !self.world.swarm.delivery {
            return Ok(());
        }
        self.deliver_to_the_end()?;
        self.judge.check_settled(&self.world)?;
        self.world.channels().heal();
        for _ in 0..REPLAYS {
            if !self.replay_all()? {
                return self.judge.check_settled(&self.world);
            }
            self.deliver_to_the_end()?;
        }
        let what = format!("dead letters are sent again {REPLAYS} times and stay dead");
        Err(Violation::new(Invariant::I5, what))
    }

    /// Lets time pass until nothing is due.
    fn deliver_to_the_end(&mut self) -> Result<(), Violation> {
        for turn in 0..TURNS {
            self.flow_to_the_end()?;
            let counts = at_once(self.world.store.outbox_counts()).map_err(|error| {
                Violation::new(Invariant::Conduct, format!("the outbox does not answer: {error}"))
            })?;
            if counts.due == 0 {
                return Ok(());
            }
            // Small steps first, so that little is late by the clock alone.
            let secs = [1, 1, 2, 5, 10, 30, 60][usize::try_from(turn / 8).unwrap_or(6).min(6)];
            self.world.move_clock(secs * 1_000_000);
        }
        let what = format!("something is due still after {TURNS} turns");
        Err(Violation::new(Invariant::I5, what))
    }

    /// Sends every dead letter again; whether there was one.
    fn replay_all(&mut self) -> Result<bool, Violation> {
        // A letter is replayed once in a moment of the journal, and its time never goes back.
        let last =
            self.world.ledger.get(self.world.ledger.end()).map_or(0, |last| last.at.micros());
        let behind = (last - self.world.now().micros()).max(0);
        self.world.move_clock(behind + 1_000_000);
        let mut any = false;
        for project in (1..=u32::try_from(self.world.swarm.projects).unwrap_or(1)).map(ProjectId) {
            let mut letters = dead_letters(&self.world, project, usize::MAX);
            letters.retain(|&(_, target)| is_there(project, target));
            for part in letters.chunks(LETTERS) {
                any = true;
                let entry: Entry<'_> = self.workload.replay_all(project, part.to_vec());
                self.world.trace.say(format!("{} dead letters are sent again", part.len()));
                self.world.append(&[entry])?;
                self.flow_to_the_end()?;
            }
        }
        Ok(any)
    }
}

/// Letters of one command: an entry of this world is small.
pub(super) const LETTERS: usize = 100;

/// The newest dead letters of a project, about `limit` of them.
pub(super) fn dead_letters(
    world: &World,
    project: ProjectId,
    limit: usize,
) -> Vec<(NotificationId, Target)> {
    let filter = LetterFilter { limit, ..LetterFilter::default() };
    let page = at_once(world.store.letters(project, &filter)).expect("the store in memory answers");
    page.items.into_iter().map(|letter| (letter.notification.id, letter.target)).collect()
}
