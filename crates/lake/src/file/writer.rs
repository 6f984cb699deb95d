//! Writes one file: rows in ascending order of position, under a draft name until it is whole and synced.
//!
//! Refuses to know where rows come from. A writer that is dropped leaves nothing behind.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use model::{ProjectId, Seq, Timestamp};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::checked::SummedWrite;
use super::footer::{BLOCKS_KEY, FORMAT, FORMAT_KEY, INCIDENTS_KEY, IncidentCounts};
use super::{columns, decode};
use crate::manifest::{Day, FileInfo};
use crate::{Error, disk};

/// The directory of all partitions.
pub(crate) const PARTITION_ROOT: &str = "signals";

/// Rows of a row group.
const GROUP_ROWS: usize = 65_536;
/// Encoded bytes of a row group.
const GROUP_BYTES: usize = 64 << 20;
/// Rows of a page: what reading one row costs.
const PAGE_ROWS: usize = 8_192;
/// Values written between two looks at the size of a page, so that big values do not make huge pages.
const WRITE_ROWS: usize = 256;
/// How often a bloom filter may be wrong: the least with which the ids of a row group fit 64 KiB.
const BLOOM_ERROR: f64 = 0.03;

/// The directory of a partition, below that of the lake.
fn partition_dir(project: ProjectId, day: Day) -> PathBuf {
    PathBuf::from(PARTITION_ROOT).join(format!("project={project}")).join(format!("day={day}"))
}

/// A file that is being written.
pub(crate) struct FileWriter {
    dir: PathBuf,
    project: ProjectId,
    day: Day,
    number: u64,
    draft: PathBuf,
    writer: ArrowWriter<SummedWrite<File>>,
    rows: u64,
    seqs: Option<(u64, u64)>,
    received: (i64, i64),
    incidents: IncidentCounts,
    named: bool,
}

impl FileWriter {
    /// Begins a file of a partition. `number` was never used before.
    pub(crate) fn create(
        dir: &Path,
        project: ProjectId,
        day: Day,
        number: u64,
    ) -> Result<Self, Error> {
        let below = partition_dir(project, day);
        let partition = dir.join(&below);
        disk::create_dirs(dir, &below).map_err(|e| Error::disk("make", &partition, e))?;
        let draft = partition.join(format!("{number}.parquet.tmp"));
        let file = File::create(&draft).map_err(|e| Error::disk("create", &draft, e))?;
        let options =
            ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
        let summed = SummedWrite::new(file);
        let schema = columns::WRITTEN.clone();
        let writer = ArrowWriter::try_new_with_options(summed, schema, options)
            .map_err(|error| Error::writing(&draft, error))?;
        Ok(Self {
            dir: dir.to_path_buf(),
            project,
            day,
            number,
            draft,
            writer,
            rows: 0,
            seqs: None,
            received: (i64::MAX, i64::MIN),
            incidents: IncidentCounts::default(),
            named: false,
        })
    }

    /// Adds rows; their positions are above all before.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.summarise(batch).map_err(|wrong| Error::corrupt(&self.draft, wrong))?;
        self.writer.write(batch).map_err(|error| Error::writing(&self.draft, error))
    }

    /// Rows written so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Makes it a file that survives a crash under its own name. It has at least one row.
    pub(crate) fn finish(mut self) -> Result<FileInfo, Error> {
        let failed = |error| Error::writing(&self.draft, error);
        self.writer.flush().map_err(failed)?;
        self.writer.sync().map_err(|e| Error::disk("write", &self.draft, e))?;
        let blocks: String =
            self.writer.inner_mut().begin_tail().iter().map(|sum| format!("{sum:08x}")).collect();
        self.note(BLOCKS_KEY, blocks);
        self.note(FORMAT_KEY, FORMAT.to_owned());
        if let Some(counts) = self.incidents.to_json() {
            self.note(INCIDENTS_KEY, counts);
        }
        self.writer.finish().map_err(|error| Error::writing(&self.draft, error))?;
        self.writer.sync().map_err(|e| Error::disk("write", &self.draft, e))?;
        let file = self.writer.inner().inner();
        file.sync_all().map_err(|e| Error::disk("sync", &self.draft, e))?;
        let info = self.info();
        let path = self.dir.join(&info.path);
        fs::rename(&self.draft, &path).map_err(|e| Error::disk("rename", &self.draft, e))?;
        self.named = true;
        let partition = path.parent().unwrap_or(&self.dir);
        disk::sync_dir(partition).map_err(|e| Error::disk("sync", partition, e))?;
        Ok(info)
    }

    fn info(&self) -> FileInfo {
        let (first, last) = self.seqs.unwrap_or((0, 0));
        let (tail_at, tail_crc32c, bytes) = self.writer.inner().tail();
        let name = format!("{first:020}-{last:020}-{}.parquet", self.number);
        FileInfo {
            path: partition_dir(self.project, self.day).join(name),
            number: self.number,
            project: self.project,
            day: self.day,
            rows: self.rows,
            bytes,
            first_seq: Seq(first),
            last_seq: Seq(last),
            received_from: Timestamp::from_micros(self.received.0),
            received_to: Timestamp::from_micros(self.received.1),
            incidents: self.incidents.range(),
            tail_at,
            tail_crc32c,
        }
    }

    fn note(&mut self, key: &str, value: String) {
        self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }

    fn summarise(&mut self, batch: &RecordBatch) -> Result<(), decode::Wrong> {
        let seqs = decode::seqs(batch, columns::SEQ)?.values();
        let first = self.seqs.map_or(seqs[0], |(first, _)| first);
        self.seqs = Some((first, seqs[seqs.len() - 1]));
        for &at in decode::times(batch, columns::RECEIVED_AT)?.values() {
            self.received = (self.received.0.min(at), self.received.1.max(at));
        }
        let incidents = decode::Incidents::of(batch, columns::INCIDENT_ID)?;
        let list = incidents.list()?;
        let mut counts = vec![0_u32; list.len()];
        for row in 0..batch.num_rows() {
            if let Some(key) = incidents.key(row) {
                counts[key] += 1;
            }
        }
        for (incident, count) in list.into_iter().zip(counts) {
            if let Some(incident) = incident.filter(|_| count > 0) {
                self.incidents.add(incident, u64::from(count));
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if !self.named {
            // What cannot be deleted now is deleted when the lake is opened again.
            let _ = fs::remove_file(&self.draft);
        }
    }
}

fn properties() -> WriterProperties {
    let column = |index: usize| ColumnPath::from(columns::NAMES[index].0);
    let by_seq =
        SortingColumn { column_idx: columns::SEQ as i32, descending: false, nulls_first: false };
    let level = ZstdLevel::try_new(1).expect("zstd has a level 1");
    let mut builder = WriterProperties::builder()
        .set_created_by("stormbell".to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(WRITE_ROWS)
        .set_sorting_columns(Some(vec![by_seq]));
    for index in [columns::SEQ, columns::RECEIVED_AT, columns::OCCURRED_AT] {
        builder = builder
            .set_column_dictionary_enabled(column(index), false)
            .set_column_encoding(column(index), Encoding::DELTA_BINARY_PACKED);
    }
    for index in [columns::ID, columns::PAYLOAD, columns::PAYLOAD_BYTES, columns::TRACE_ID] {
        builder = builder.set_column_dictionary_enabled(column(index), false);
    }
    for index in [columns::ID, columns::INCIDENT_ID] {
        builder = builder
            .set_column_bloom_filter_enabled(column(index), true)
            .set_column_bloom_filter_fpp(column(index), BLOOM_ERROR);
    }
    builder.build()
}
