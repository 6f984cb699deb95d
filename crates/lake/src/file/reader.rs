//! Reads one file: counts and finds the rows that fit a plan, and reads chosen rows whole.
//!
//! Row groups that cannot hold such a row are passed over by statistics and bloom filters.

use std::fs::File;
use std::sync::Arc;

use arrow_array::RecordBatch;
use model::IncidentId;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};

use super::checked::{CheckedData, Tail};
use super::footer::{Cache, Footer};
use super::group::Reading;
use super::{LakeFile, columns, decode};
use crate::scan::Plan;
use crate::{Error, ErrorKind, StoredSignal};

/// Rows decoded at a time.
pub(super) const BATCH_ROWS: usize = 8_192;

/// A file that is open for one query.
pub(crate) struct OpenFile<'f> {
    pub(super) file: &'f LakeFile,
    pub(super) footer: Arc<Footer>,
    pub(super) data: CheckedData,
}

impl<'f> OpenFile<'f> {
    pub(crate) fn open(file: &'f LakeFile, cache: &Cache) -> Result<Self, Error> {
        let info = &file.info;
        let handle = File::open(file.path()).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                return Error::caused(
                    ErrorKind::Corrupt,
                    format!("lake file {} is missing", file.path().display()),
                    error,
                );
            }
            Error::disk("open", file.path(), error)
        })?;
        let footer = match cache.footers.get(&info.number) {
            Some(footer) => footer,
            None => {
                let footer = Arc::new(read_footer(file, &handle)?);
                cache.footers.insert(info.number, Arc::clone(&footer));
                footer
            }
        };
        let data = CheckedData::new(handle, info.tail_at, Arc::clone(&footer.blocks));
        Ok(Self { file, footer, data })
    }

    pub(crate) fn groups(&self) -> usize {
        self.footer.groups.len()
    }

    /// The first and last position of a row group.
    pub(crate) fn group_seqs(&self, group: usize) -> (u64, u64) {
        let group = &self.footer.groups[group];
        (group.first_seq, group.last_seq)
    }

    /// How many rows fit, the cursor apart.
    pub(crate) fn count(&self, plan: &Plan, cache: &Cache) -> Result<u64, Error> {
        let info = &self.file.info;
        let whole = plan.ids.is_empty() && plan.covers(info.received_from, info.received_to);
        match &plan.incidents {
            Some(incidents) if whole => {
                let filed = self.count_filed(incidents, cache)?;
                if plan.moved_between(info.first_seq.0, info.last_seq.0) {
                    return self.count_moved(plan, filed);
                }
                Ok(filed)
            }
            _ => {
                let mut count = 0;
                for group in 0..self.groups() {
                    self.scan(group, plan, |_, _| count += 1)?;
                }
                Ok(count)
            }
        }
    }

    /// Calls `each` with position and row for the rows of a group that fit, the cursor apart.
    pub(crate) fn scan(
        &self,
        group: usize,
        plan: &Plan,
        mut each: impl FnMut(u64, usize),
    ) -> Result<(), Error> {
        if !self.can_fit(group, plan)? {
            return Ok(());
        }
        let reading = Reading::of(&self.footer.groups[group], plan);
        let mut start = 0;
        for batch in self.batches(group, &reading.columns)? {
            let batch = batch.map_err(|error| self.unreadable(error))?;
            reading
                .scan(&batch, plan, |seq, row| each(seq, start + row))
                .map_err(|wrong| Error::corrupt(self.file.path(), wrong))?;
            start += batch.num_rows();
        }
        Ok(())
    }

    /// Rows read whole; `places` are row groups and their rows, ascending.
    pub(crate) fn rows(&self, places: &[(usize, usize)]) -> Result<Vec<StoredSignal>, Error> {
        let mut groups: Vec<usize> = places.iter().map(|&(group, _)| group).collect();
        groups.dedup();
        let mut starts = Vec::with_capacity(groups.len());
        let mut total = 0;
        for &group in &groups {
            starts.push(total);
            total += self.footer.groups[group].rows as usize;
        }
        let ranges = places.iter().map(|(group, row)| {
            let index = groups.partition_point(|other| other < group);
            let at = starts[index] + row;
            at..at + 1
        });
        let selection = RowSelection::from_consecutive_ranges(ranges, total);
        let reader = self
            .builder()
            .with_row_groups(groups)
            .with_row_selection(selection)
            .build()
            .map_err(|error| self.unreadable(error))?;
        let mut rows = Vec::with_capacity(places.len());
        for batch in reader {
            let batch = batch.map_err(|error| self.unreadable(error))?;
            rows.extend(
                decode::rows(&batch).map_err(|wrong| Error::corrupt(self.file.path(), wrong))?,
            );
        }
        Ok(rows)
    }

    /// The whole file, batch by batch, in order.
    pub(crate) fn all(
        &self,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, Error>> + use<'f>, Error> {
        let reader = self.builder().build().map_err(|error| self.unreadable(error))?;
        let file = self.file;
        Ok(reader.map(move |batch| batch.map_err(|error| Error::reading(file.path(), error))))
    }

    /// Reads every byte and verifies it.
    pub(crate) fn verify(&self) -> Result<(), Error> {
        self.data.verify().map_err(|error| self.unreadable(error))
    }

    fn count_filed(&self, incidents: &[IncidentId], cache: &Cache) -> Result<u64, Error> {
        let number = self.file.info.number;
        let known = |&incident: &IncidentId| {
            self.footer.count(incident).or_else(|| cache.counts.get(&(number, incident)))
        };
        if let Some(counts) = incidents.iter().map(known).collect::<Option<Vec<_>>>() {
            return Ok(counts.iter().sum());
        }
        let mut total = 0;
        for &incident in incidents {
            let count = match known(&incident) {
                Some(count) => count,
                None => self.count_incident(incident)?,
            };
            cache.counts.insert((number, incident), count);
            total += count;
        }
        Ok(total)
    }

    fn count_incident(&self, incident: IncidentId) -> Result<u64, Error> {
        let plan = Plan::of_incident(self.file.info.project, incident);
        let mut count = 0;
        for group in 0..self.groups() {
            self.scan(group, &plan, |_, _| count += 1)?;
        }
        Ok(count)
    }

    /// Corrects `filed` by the rows that came in and went out.
    fn count_moved(&self, plan: &Plan, filed: u64) -> Result<u64, Error> {
        let (mut came, mut went) = (0, 0);
        for group in 0..self.groups() {
            let (first, last) = self.group_seqs(group);
            if !plan.moved_between(first, last) {
                continue;
            }
            let reading = Reading::of(&self.footer.groups[group], plan);
            for batch in self.batches(group, &reading.columns)? {
                let batch = batch.map_err(|error| self.unreadable(error))?;
                let (more_came, more_went) = reading
                    .moved(&batch, plan)
                    .map_err(|wrong| Error::corrupt(self.file.path(), wrong))?;
                came += more_came;
                went += more_went;
            }
        }
        Ok(filed + came - went)
    }

    /// Whether a row group can hold a row that fits.
    fn can_fit(&self, index: usize, plan: &Plan) -> Result<bool, Error> {
        let group = &self.footer.groups[index];
        if !plan.overlaps(group.received_from, group.received_to) {
            return Ok(false);
        }
        let moved_in = !plan.moved_in_between(group.first_seq, group.last_seq).is_empty();
        if let (Some(incidents), false) = (&plan.incidents, moved_in) {
            let texts = incidents.iter().map(ToString::to_string);
            if !plan.incident_between(group.incidents)
                || !self.may_hold(index, columns::INCIDENT_ID, texts)?
            {
                return Ok(false);
            }
        }
        if plan.ids.is_empty() {
            return Ok(true);
        }
        self.may_hold(index, columns::ID, plan.ids.iter().map(ToString::to_string))
    }

    /// Asks the bloom filter of a column for any of the texts.
    fn may_hold(
        &self,
        group: usize,
        column: usize,
        mut texts: impl Iterator<Item = String>,
    ) -> Result<bool, Error> {
        let filter = self
            .builder()
            .get_row_group_column_bloom_filter(group, column)
            .map_err(|error| self.unreadable(error))?;
        Ok(filter.is_none_or(|filter| texts.any(|text| filter.check(text.as_str()))))
    }

    fn batches(&self, group: usize, columns: &[usize]) -> Result<ParquetRecordBatchReader, Error> {
        let schema = self.footer.parquet.parquet_schema();
        self.builder()
            .with_row_groups(vec![group])
            .with_projection(ProjectionMask::roots(schema, columns.iter().copied()))
            .build()
            .map_err(|error| self.unreadable(error))
    }

    fn builder(&self) -> ParquetRecordBatchReaderBuilder<CheckedData> {
        let footer = self.footer.parquet.clone();
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.data.clone(), footer)
            .with_batch_size(BATCH_ROWS)
    }

    fn unreadable(&self, error: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::reading(self.file.path(), error)
    }
}

fn read_footer(file: &LakeFile, handle: &File) -> Result<Footer, Error> {
    let info = &file.info;
    let tail = Tail::read(handle, info.tail_at, info.bytes, info.tail_crc32c)
        .map_err(|error| Error::reading(file.path(), error))?;
    let footer = Footer::read(&tail).map_err(|error| Error::corrupt(file.path(), error))?;
    let rows: u64 = footer.groups.iter().map(|group| group.rows).sum();
    if rows != info.rows {
        let wrong = format!("it has {rows} rows, and the manifest says {}", info.rows);
        return Err(Error::corrupt(file.path(), wrong));
    }
    Ok(footer)
}
