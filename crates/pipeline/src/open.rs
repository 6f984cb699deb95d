//! Opening: the newest snapshot that the store and the lake have reached, then the suffix of the
//! journal. Records the store has already are applied to the engine only.

use std::sync::Arc;

use engine::Engine;
use model::{Effects, Seq};
use store::{ActiveAlerts, PartitionId};

use crate::step::decode;
use crate::{Error, Handle, Pipeline, Ports, Step};

/// How opening went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The position of the snapshot it began with; 0 for none.
    pub snapshot: Seq,
    /// Records replayed that the store had already.
    pub replayed: u64,
    /// Records applied that the store had not.
    pub caught_up: u64,
}

impl Pipeline {
    /// Opens the loop of a partition and catches up with the journal.
    ///
    /// # Errors
    /// The journal does not reach from a snapshot to what the store has, or something cannot be read.
    pub async fn open(ports: Ports, partition: PartitionId) -> Result<(Self, Opened), Error> {
        let offset = ports.store.offset(partition).await?;
        let journal_end = ports.journal.durable_end();
        // The lake is ahead of the store at times, and takes no row twice: it would ignore what comes
        // to lie on positions that it has.
        let applied = offset.max(ports.lake.durable());
        if applied.next().0 > journal_end {
            return Err(Error::JournalShorter { journal_end, applied: applied.0 });
        }
        let (snapshot_seq, engine) = restore(&ports, offset)?;
        let needed = snapshot_seq.next().0;
        if ports.journal.start() > needed {
            return Err(Error::Gap { start: ports.journal.start(), needed });
        }
        let reader = ports.journal.reader(needed)?;
        let alerts = ActiveAlerts::new(ports.store.firing_alerts().await?);
        let handle = Arc::new(Handle::new(offset, alerts));
        let mut pipeline = Self {
            ports,
            partition,
            engine,
            reader,
            effects: Effects::default(),
            handle,
            snapshot_at: snapshot_seq,
            uncommitted: None,
            unfinished: None,
        };
        pipeline.share_ids();
        let replayed = pipeline.replay(offset).await?;
        pipeline.share_leases();
        let caught_up = pipeline.catch_up(journal_end).await?;
        Ok((pipeline, Opened { snapshot: snapshot_seq, replayed, caught_up }))
    }

    /// Brings the engine, and the lake where it is behind, to what the store has.
    async fn replay(&mut self, offset: Seq) -> Result<u64, Error> {
        let mut replayed = 0;
        while self.engine.seq() < offset {
            let Some(batch) = self.reader.next()? else { break };
            let batches = [batch];
            let mut entries = decode(&batches, 0)?;
            // A commit of the journal may straddle what the store has: only its first part is replayed here.
            let straddling = entries.iter().position(|(seq, ..)| *seq > offset);
            entries.truncate(straddling.unwrap_or(entries.len()));
            let mut left = entries.as_slice();
            while !left.is_empty() {
                let decided = self.decide(left);
                let (applied, rest) = left.split_at(decided.entries);
                self.keep(applied, 0).await?;
                self.effects.0.clear();
                left = rest;
            }
            replayed += entries.len() as u64;
            if straddling.is_some() {
                self.reader = self.ports.journal.reader(offset.next().0)?;
            }
        }
        Ok(replayed)
    }

    /// The ids that the engine remembers, for the doors: before any replay, as they are kept by age.
    fn share_ids(&self) {
        let ids: Vec<_> = self.engine.remembered_ids().collect();
        self.handle.ids.note(&ids, self.engine.at());
    }

    /// The leases of the alerts that fire, for the list of alerts, which the store has without renewals.
    fn share_leases(&mut self) {
        self.effects.0.clear();
        self.engine.leases(&mut self.effects);
        self.alerts().apply(&self.effects);
        self.effects.0.clear();
    }

    async fn catch_up(&mut self, journal_end: u64) -> Result<u64, Error> {
        let mut caught_up = 0;
        while self.engine.seq().next().0 < journal_end {
            match self.step().await? {
                Step::Applied(entries) => caught_up += entries,
                Step::Idle => break,
            }
        }
        Ok(caught_up)
    }
}

/// The newest snapshot at or below what both the store and the lake have; an empty engine without one.
fn restore(ports: &Ports, offset: Seq) -> Result<(Seq, Engine), Error> {
    let mut reachable = offset.min(ports.lake.durable());
    let read = |source| Error::Snapshot { what: "cannot read".to_owned(), source };
    while let Some((seq, snapshot)) = ports.snapshots.newest(reachable).map_err(read)? {
        match Engine::restore(&snapshot) {
            Ok(engine) => return Ok((seq, engine)),
            Err(error) => {
                tracing::warn!(seq = seq.0, %error, "an engine snapshot cannot be restored; trying an older one");
                // There is none below the first position.
                let Some(below) = seq.0.checked_sub(1) else { break };
                reachable = Seq(below);
            }
        }
    }
    Ok((Seq(0), Engine::new()))
}
