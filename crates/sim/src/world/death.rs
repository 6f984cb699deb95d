//! How the system dies, and how it comes back.

use std::sync::Arc;

use journal::segments::Options;
use journal::{Journal, SegmentJournal};
use model::Seq;
use pipeline::{Error, Opened, Pipeline};
use store::Store;

use super::flow::chain;
use super::{Alive, PARTITION, World, at_once};
use crate::invariant::{Invariant, Violation};
use crate::ports::Planted;
use crate::swarm::Mode;

/// A way to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// An ordered shutdown.
    Clean,
    /// The process is killed: what the operating system has stays.
    Kill,
    /// The power is cut: unsynced sectors survive by chance, the store may lose its latest commits.
    PowerCut,
}

/// How a start went.
#[derive(Debug)]
pub(crate) enum Start {
    /// It runs, and nothing is missing.
    Up,
    /// It runs, and entries after this one are gone that the store never had: a lying disk.
    Shorter(Seq),
    /// It refuses to start, and says why.
    Refused(Refusal),
}

/// Why it does not start.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The journal does not open.
    Journal(journal::Error),
    /// The pipeline does not open.
    Pipeline(Error),
}

impl World {
    /// Ends the system.
    ///
    /// # Errors
    /// A clean stop does not answer what waits.
    pub fn die(&mut self, death: Death) -> Result<(), Violation> {
        self.deaths += 1;
        if self.alive.is_some() && death == Death::Clean {
            self.stop_post()?;
        }
        self.kill_post();
        let Some(Alive { journal, pipeline, tail }) = self.alive.take() else { return Ok(()) };
        if death == Death::Clean {
            drop(pipeline);
            journal.close();
            drop((journal, tail));
            self.collect()?;
            // What the lake could not write is gone with the process.
            let _refused = lake::Lake::close(&*self.lake);
        } else {
            self.disk.inject(|faults| faults.cut_after = Some(0));
            drop((pipeline, tail, journal));
            self.collect()?;
            self.disk.inject(|faults| faults.cut_after = None);
        }
        let mut lost = 0;
        if death == Death::PowerCut {
            self.disk.crash(self.random.bits());
            self.mount = self.disk.mount();
            let risked = self.random.below(40);
            lost = self.store.inner().crash(usize::try_from(risked).unwrap_or(0));
            if self.swarm.mode == Mode::Forgetful && self.random.chance(50) {
                self.snapshots.lose_all();
                self.trace.say("all snapshots are missing");
            } else if self.random.chance(20) && self.snapshots.lose_newest() {
                self.trace.say("the newest snapshot is missing");
            }
        }
        self.lake.inner().crash();
        self.trace.say(format!("death: {death:?}; {lost} commits of the store lost"));
        Ok(())
    }

    /// Starts the system. A power cut may come in the middle of it; then it is started again.
    ///
    /// # Errors
    /// What comes up is not what was acknowledged, or it does not start without reason.
    pub(crate) fn start(&mut self) -> Result<Start, Violation> {
        self.disk.inject(|faults| {
            faults.sync_lies = self.swarm.mode == Mode::Lying && self.random.chance(70);
        });
        if self.random.chance(10) && self.swarm.mode == Mode::Sound && self.deaths > 0 {
            let operations = self.random.below(12);
            self.disk.inject(|faults| faults.cut_after = Some(operations));
            let start = self.open()?;
            let cut = matches!(start, Start::Refused(Refusal::Journal(_)));
            self.trace.say(format!("the power is cut {operations} operations into the start"));
            if !cut {
                self.die(Death::PowerCut)?;
            }
            self.disk.crash(self.random.bits());
            self.mount = self.disk.mount();
        }
        self.open()
    }

    fn open(&mut self) -> Result<Start, Violation> {
        let unbounded = self.planted == Some(Planted::JournalQueueUnbounded);
        let mut options = self.swarm.journal.clone();
        if unbounded {
            options = Options { queue_records: u64::MAX, queue_bytes: u64::MAX, ..options };
        }
        let opened = SegmentJournal::open(options, self.mount.clone(), self.clock.clone());
        let journal = match opened {
            Ok((journal, recovery)) => {
                self.trace.say(format!(
                    "journal opens with {}..{}, clean: {}, torn: {}",
                    recovery.first_seq,
                    recovery.end_seq,
                    recovery.clean,
                    recovery.truncated.is_some()
                ));
                Arc::new(journal)
            }
            Err(error) => {
                self.trace.say(format!("the journal refuses to open: {}", chain(&error)));
                return Ok(Start::Refused(Refusal::Journal(error)));
            }
        };
        let shorter = self.verify(&journal)?;
        self.open_pipeline(journal, shorter)
    }

    /// Reads the whole journal and compares it with the ledger. With a lying disk it may be shorter.
    fn verify(&mut self, journal: &SegmentJournal) -> Result<bool, Violation> {
        let broken = |error| {
            let what = format!("the journal opened and cannot be read: {}", chain(&error));
            Violation::new(Invariant::I1, what)
        };
        let mut reader = journal.reader(journal.start()).map_err(broken)?;
        let mut surfaced = 0;
        while let Some(batch) = reader.next().map_err(broken)? {
            self.last_batch = batch.first_seq();
            surfaced += self.ledger.compare(&batch)?;
        }
        if surfaced > 0 {
            self.trace.say(format!("{surfaced} entries had become durable unanswered"));
        }
        match self.ledger.settle(journal.durable_end()) {
            Ok(()) => Ok(false),
            Err(_) if self.swarm.mode == Mode::Lying => Ok(true),
            Err(violation) => Err(violation),
        }
    }

    fn open_pipeline(
        &mut self,
        journal: Arc<SegmentJournal>,
        shorter: bool,
    ) -> Result<Start, Violation> {
        let had = at_once(self.store.offset(PARTITION)).expect("the store in memory answers");
        let end = Seq(journal.durable_end() - 1);
        let opened = loop {
            match at_once(Pipeline::open(self.ports(journal.clone()), PARTITION)) {
                Err(error)
                    if error.kind() == pipeline::ErrorKind::Passing
                        && self.store.take_refused() > 0 =>
                {
                    // As often as the store was told to refuse, and no more.
                    self.trace.say("the store refuses while the pipeline opens");
                }
                opened => break opened,
            }
        };
        let (pipeline, Opened { snapshot, replayed, caught_up }) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.trace.say(format!("the pipeline refuses to open: {}", chain(&error)));
                return Ok(Start::Refused(Refusal::Pipeline(error)));
            }
        };
        self.trace.say(format!(
            "pipeline opens: snapshot {snapshot}, replayed {replayed}, caught up {caught_up}"
        ));
        self.checked.count(Invariant::Conduct);
        let applied = pipeline.handle().applied();
        if shorter && had > end {
            let what = format!("the store had {had}, the journal ends with {end}, and it starts");
            return Err(Violation::new(Invariant::I1, what));
        }
        if applied != end {
            let what = format!("opened with {applied} applied of {end}");
            return Err(Violation::new(Invariant::Conduct, what));
        }
        let tail = journal.reader(end.0 + 1).expect("a reader begins where the journal ends");
        self.alive = Some(Alive { journal, pipeline, tail });
        self.start_post();
        Ok(if shorter { Start::Shorter(end) } else { Start::Up })
    }

    /// A second owner opens, applies everything, and stays; the first one must notice.
    ///
    /// # Errors
    /// The first one goes on, or the second one does not start.
    pub(crate) fn fence(&mut self) -> Result<(), Violation> {
        let journal = self.alive().journal.clone();
        let end = Seq(journal.durable_end() - 1);
        let behind = self.pipeline().handle().applied() < end;
        let second = at_once(Pipeline::open(self.ports(journal), PARTITION));
        let second = match second {
            Ok((second, _)) => second,
            Err(error)
                if error.kind() == pipeline::ErrorKind::Passing
                    && self.store.take_refused() > 0 =>
            {
                return Ok(());
            }
            Err(error) => {
                let what = format!("the second owner does not start: {}", chain(&error));
                return Err(Violation::new(Invariant::Conduct, what));
            }
        };
        self.trace.say(format!("a second owner takes over at {end}"));
        self.checked.count(Invariant::Conduct);
        let first = at_once(self.alive_mut().pipeline.step());
        let fenced = first.as_ref().is_err_and(|error| error.kind() == pipeline::ErrorKind::Fenced);
        self.kill_post();
        self.alive_mut().pipeline = second;
        self.drive()?;
        self.start_post();
        if behind && !fenced {
            let what = format!("the owner that was fenced goes on: {first:?}");
            return Err(Violation::new(Invariant::Conduct, what));
        }
        Ok(())
    }
}
