//! Scans a row group: which columns a plan needs to see, and which rows fit it.

use arrow_array::RecordBatch;

use super::footer::Group;
use super::{columns, decode};
use crate::scan::Plan;

/// The columns that a scan reads, in their order in the file.
pub(super) struct Reading {
    pub(super) columns: Vec<usize>,
    times: bool,
    moves: bool,
}

impl Reading {
    pub(super) fn of(group: &Group, plan: &Plan) -> Self {
        let times = !plan.covers(group.received_from, group.received_to);
        let mut columns = vec![columns::SEQ];
        if times {
            columns.push(columns::RECEIVED_AT);
        }
        if !plan.ids.is_empty() {
            columns.push(columns::ID);
        }
        if plan.incidents.is_some() {
            columns.push(columns::INCIDENT_ID);
        }
        Self { columns, times, moves: plan.moved_between(group.first_seq, group.last_seq) }
    }

    /// Calls `each` with position and row for every row of a batch that fits.
    pub(super) fn scan(
        &self,
        batch: &RecordBatch,
        plan: &Plan,
        mut each: impl FnMut(u64, usize),
    ) -> Result<(), decode::Wrong> {
        let seqs = decode::seqs(batch, 0)?.values();
        let mut fits = self.filed(batch, plan)?;
        if self.moves {
            for (row, fits) in fits.iter_mut().enumerate() {
                *fits = plan.belongs(seqs[row], *fits);
            }
        }
        if self.times {
            let times = decode::times(batch, self.at(columns::RECEIVED_AT))?.values();
            for (row, fits) in fits.iter_mut().enumerate() {
                *fits = *fits && plan.in_time(model::Timestamp::from_micros(times[row]));
            }
        }
        if !plan.ids.is_empty() {
            let ids = decode::texts(batch, self.at(columns::ID))?;
            for (row, fits) in fits.iter_mut().enumerate() {
                *fits = *fits && plan.has_id(decode::signal_id(ids.value(row))?);
            }
        }
        for (row, _) in fits.iter().enumerate().filter(|(_, fits)| **fits) {
            each(seqs[row], row);
        }
        Ok(())
    }

    /// How many rows of a batch came in, and how many went out.
    pub(super) fn moved(
        &self,
        batch: &RecordBatch,
        plan: &Plan,
    ) -> Result<(u64, u64), decode::Wrong> {
        let seqs = decode::seqs(batch, 0)?.values();
        let (mut came, mut went) = (0, 0);
        for (row, filed) in self.filed(batch, plan)?.into_iter().enumerate() {
            match (filed, plan.belongs(seqs[row], filed)) {
                (false, true) => came += 1,
                (true, false) => went += 1,
                (true, true) | (false, false) => {}
            }
        }
        Ok((came, went))
    }

    /// For each row whether it was filed where the plan looks.
    fn filed(&self, batch: &RecordBatch, plan: &Plan) -> Result<Vec<bool>, decode::Wrong> {
        if plan.incidents.is_none() {
            return Ok(vec![true; batch.num_rows()]);
        }
        let incidents = decode::Incidents::of(batch, self.at(columns::INCIDENT_ID))?;
        let list: Vec<bool> = incidents
            .list()?
            .into_iter()
            .map(|incident| incident.is_some() && plan.filed(incident))
            .collect();
        let filed = |row| incidents.key(row).is_some_and(|key| list[key]);
        Ok((0..batch.num_rows()).map(filed).collect())
    }

    /// Where a column of the file is in a batch.
    fn at(&self, column: usize) -> usize {
        self.columns.partition_point(|&other| other < column)
    }
}
