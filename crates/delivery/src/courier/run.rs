//! The courier's loop: waits for news, an answer or a time; looks at the outbox; writes receipts; stops in order.
//!
//! Refuses to know: what a message says, how one is sent.
//!
//! Invariant: it looks at most once in `Options::look_apart` and at least once in `Options::poll`, and leases
//! nothing while the journal refuses what it has to say already.

use std::sync::Arc;
use std::time::Duration as Span;

use model::{Duration, Seq, Target, Timestamp};
use store::DueTarget;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::flights::Landing;
use super::meters::Standing;
use super::plan::Plan;
use super::{Courier, Error};

/// Targets asked for in one look; four times as many while that is not enough to find work for every slot.
pub(super) const TARGETS_FIRST: usize = 1_024;
/// Targets asked for in one look at most.
const TARGETS_MOST: usize = 65_536;
/// How far two looks are apart for each span that one takes: looking may take half of the time. Sends go on meanwhile.
const LOOK_SHARE: u32 = 1;
/// How far apart two looks are at most for that reason: one that waited for somebody else's write took long
/// without costing much.
const LOOK_APART_MOST: std::time::Duration = std::time::Duration::from_millis(50);

/// What ended a wait.
enum Event {
    Stop,
    Landed(Landing),
    Answered(Result<journal::Appended, journal::Error>),
    News,
    Time,
}

impl Courier {
    /// Delivers until `stop` says true; then finishes what is under way and returns.
    ///
    /// # Errors
    /// The pipeline has ended, so nothing that is sent would ever be settled.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
        if !self.catch_up(&mut stop).await? {
            return Ok(());
        }
        self.take_over().await;
        loop {
            if self.ports.news.applied.has_changed().is_err() {
                self.close().await;
                return Err(Error::PipelineEnded);
            }
            if self.look_at <= Instant::now() {
                self.look().await;
            }
            self.write();
            match self.event(&mut stop).await {
                Event::Stop => break,
                Event::Landed(landing) => self.land(landing),
                Event::Answered(answer) => self.answered(answer),
                Event::News => self.look_soon(),
                Event::Time => {}
            }
        }
        self.close().await;
        Ok(())
    }

    /// Waits until the pipeline has applied what was durable when the courier came: what was sent before the
    /// last end of the process is settled then. `false` if it is stopped first.
    async fn catch_up(&mut self, stop: &mut watch::Receiver<bool>) -> Result<bool, Error> {
        let durable = Seq(self.ports.journal.durable_end().saturating_sub(1));
        tokio::select! {
            biased;
            () = stopped(stop) => Ok(false),
            reached = self.ports.news.applied.wait_for(|applied| *applied >= durable) => {
                reached.map(|_| true).map_err(|_| Error::PipelineEnded)
            }
        }
    }

    /// What was leased by a run before this one is free, if nobody else leases.
    async fn take_over(&mut self) {
        if self.options.alone
            && let Err(error) = self.ports.outbox.release(None).await
        {
            // Those leases end by themselves.
            self.store_failed(&error);
        }
    }

    async fn event(&mut self, stop: &mut watch::Receiver<bool>) -> Event {
        let until = match self.write_at {
            Some(write_at) => self.look_at.min(write_at),
            None => self.look_at,
        };
        let flying = self.flights.len() > 0;
        tokio::select! {
            biased;
            () = stopped(stop) => Event::Stop,
            answer = self.receipts.answer() => Event::Answered(answer),
            // Before what has ended: where something always has, news would never be heard.
            () = self.ports.news.due.notified() => Event::News,
            Some(landing) = self.flights.next(), if flying => Event::Landed(landing),
            () = sleep_until(until) => Event::Time,
        }
    }

    /// A send has ended, and every other one that has as well.
    fn land(&mut self, landing: Landing) {
        self.landed(landing);
        while let Some(landing) = self.flights.try_next() {
            self.landed(landing);
        }
    }

    fn answered(&mut self, answer: Result<journal::Appended, journal::Error>) {
        if self.receipts.answered(answer, &mut self.held) {
            self.look_soon();
        } else {
            self.refused();
        }
    }

    /// Begins to write what waits to be written, unless the journal refused a moment ago.
    fn write(&mut self) {
        if self.write_at.is_none_or(|write_at| write_at <= Instant::now()) {
            self.write_at = None;
            if !self.receipts.append() {
                self.refused();
            }
        }
    }

    fn refused(&mut self) {
        self.handle.meters.journal_refused();
        self.write_at = Some(Instant::now() + span(self.options.journal_again));
    }

    /// There is reason to look at the outbox, as soon as the last look is long enough ago.
    pub(super) fn look_soon(&mut self) {
        self.look_at = self.look_at.min(self.looked_at + self.look_apart);
    }

    async fn look(&mut self) {
        let begun = Instant::now();
        self.look_at = begun + span(self.options.poll);
        // Before it is asked how much is held, or whoever holds too much would for ever; and before the lease, so
        // that what the lease answers is at least as new.
        let applied = *self.ports.news.applied.borrow();
        self.held.applied(applied);
        if let Err(error) = self.sweep().await {
            self.store_failed(&error);
        } else if self.may_lease() {
            self.handle.meters.looked();
            match self.lease().await {
                Ok(next) => {
                    self.trouble = None;
                    self.plan_look(next);
                }
                Err(error) => self.store_failed(&error),
            }
        }
        self.looked_at = Instant::now();
        let took = self.looked_at.duration_since(begun);
        let apart = (took * LOOK_SHARE).min(LOOK_APART_MOST);
        self.look_apart = span(self.options.look_apart).max(apart);
        self.look_at = self.look_at.max(self.looked_at + self.look_apart);
        self.report();
    }

    fn may_lease(&self) -> bool {
        self.receipts.refused().is_none() && self.held.len() < self.options.held
    }

    /// Leases what there is room for and sends it on its way; answers when something is due next.
    async fn lease(&mut self) -> Result<Option<Timestamp>, store::Error> {
        let now = self.wall();
        let (outbox, breadth) = (Arc::clone(&self.ports.outbox), self.breadth);
        let due = self.meanwhile(async move { outbox.due_targets(now, breadth).await }).await?;
        let steady = self.steady();
        self.open_lanes(&due, now, steady).await?;
        let plan = self.lanes.plan(&due, steady, &self.waiting);
        self.widen(due.len(), &plan);
        self.folding.clear();
        self.folding.extend(plan.folding.iter().copied());
        self.granted.clear();
        self.granted.extend(plan.granted.iter().copied());
        self.is_scarce = plan.is_scarce;
        if self.is_scarce {
            self.return_all().await?;
        }
        let waits = plan.next.map(|next| now + next.since(steady));
        if !plan.wanted.is_empty() {
            self.reserved = plan.granted.iter().map(|(_, slots)| slots).sum();
            let (outbox, owner) = (Arc::clone(&self.ports.outbox), self.options.owner);
            let (until, wanted) = (now + self.options.lease, plan.wanted);
            let lease = async move { outbox.lease(owner, now, until, &wanted).await };
            let leased = self.meanwhile(lease).await;
            self.reserved = 0;
            self.dispatch(leased?).await;
        }
        let outbox = Arc::clone(&self.ports.outbox);
        let due_next = self.meanwhile(async move { outbox.next_due(now).await }).await?;
        Ok(waits.into_iter().chain(due_next).min())
    }

    /// Waits for the store, and goes on with what ends meanwhile.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T> + Send) -> T {
        tokio::pin!(work);
        loop {
            let flying = self.flights.len() > 0;
            tokio::select! {
                biased;
                done = &mut work => return done,
                answer = self.receipts.answer() => self.answered(answer),
                Some(landing) = self.flights.next(), if flying => self.land(landing),
            }
            self.write();
        }
    }

    async fn open_lanes(
        &mut self,
        due: &[DueTarget],
        now: Timestamp,
        steady: Timestamp,
    ) -> Result<(), store::Error> {
        for one in due {
            if let Target::Endpoint(id) = one.target {
                let known = self.resolver.cache.endpoint(one.project, id, now).await?;
                let settings = known.map(|known| known.settings);
                self.lanes.open((one.project, one.target), settings, steady);
            }
        }
        Ok(())
    }

    /// Targets that cannot be sent to are due the longest: they must not hide those that can.
    fn widen(&mut self, found: usize, plan: &Plan) {
        if found >= self.breadth && plan.has_room && self.breadth < TARGETS_MOST {
            self.breadth = (self.breadth * 4).min(TARGETS_MOST);
            self.look_soon();
        } else if found < self.breadth / 8 {
            self.breadth = (self.breadth / 4).max(TARGETS_FIRST);
        }
    }

    fn plan_look(&mut self, next: Option<Timestamp>) {
        if let Some(next) = next {
            let wait = next.since(self.wall()).max(self.options.look_apart);
            self.look_at = self.look_at.min(Instant::now() + span(wait));
        }
    }

    pub(super) fn store_failed(&mut self, error: &store::Error) {
        self.handle.meters.store_failed();
        if self.trouble.is_none() {
            tracing::warn!(%error, "the store does not answer the courier");
        }
        self.trouble = Some(error.to_string().into());
    }

    /// Lets what is under way end within a bound, writes the receipts, and gives back what is left.
    async fn close(&mut self) {
        let bound = span(self.options.stop_within);
        if let Err(error) = self.return_all().await {
            self.store_failed(&error);
        }
        if timeout(bound, self.land_all()).await.is_err() {
            self.flights.abort();
            self.land_all().await;
        }
        let written = timeout(bound, self.write_all()).await.is_ok();
        let applied = match self.held.last_written() {
            Some(last) => timeout(bound, self.ports.news.applied.wait_for(|seq| *seq >= last))
                .await
                .is_ok_and(|reached| reached.is_ok()),
            None => true,
        };
        if written && applied {
            if let Err(error) = self.ports.outbox.release(Some(self.options.owner)).await {
                self.store_failed(&error);
            }
        } else {
            // What is leased stays so: given back, another server would send it again before it is settled.
            tracing::warn!(
                receipts = self.receipts.len(),
                "stopped before all receipts were applied"
            );
        }
        self.report();
    }

    async fn land_all(&mut self) {
        while let Some(landing) = self.flights.next().await {
            self.landed(landing);
        }
    }

    async fn write_all(&mut self) {
        while self.receipts.len() > 0 {
            if !self.receipts.append() {
                tokio::time::sleep(span(self.options.journal_again)).await;
                continue;
            }
            let answer = self.receipts.answer().await;
            if !self.receipts.answered(answer, &mut self.held) {
                tokio::time::sleep(span(self.options.journal_again)).await;
            }
        }
    }

    fn report(&self) {
        let refused = self.receipts.refused().cloned();
        self.handle.stand(Standing {
            in_flight: self.flights.len() as u64,
            unsettled: self.held.len() as u64,
            receipts_waiting: self.receipts.len() as u64,
            breakers: self.lanes.breakers(),
            hanging: self.lanes.hanging(self.steady()),
            trouble: refused.or_else(|| self.trouble.clone()),
        });
    }
}

/// Resolves when a stop is asked for, or whoever could ask is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _asked_or_gone = stop.wait_for(|stop| *stop).await;
}

/// The same span, as tokio has it.
pub(super) fn span(duration: Duration) -> Span {
    Span::from_micros(duration.micros())
}
