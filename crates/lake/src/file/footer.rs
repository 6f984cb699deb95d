//! What the end of a file says about it, read once, verified, and kept in a bounded cache.

use std::collections::HashMap;
use std::sync::Arc;

use model::{IncidentId, Timestamp};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{PageIndexPolicy, ParquetStatisticsPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use quick_cache::Weighter;
use quick_cache::sync::Cache as WeightedCache;

use super::checked::Tail;
use super::columns;

/// Names the format of the columns.
pub(super) const FORMAT_KEY: &str = "stormbell.format";
/// The format that this crate writes.
pub(super) const FORMAT: &str = "signals.v1";
/// Checksums of the blocks of data, eight hexadecimal digits each.
pub(super) const BLOCKS_KEY: &str = "stormbell.blocks";
/// Rows by incident, as a JSON object; absent where there are too many incidents.
pub(super) const INCIDENTS_KEY: &str = "stormbell.incidents";

/// Incidents of one file up to which rows are counted by incident.
const COUNTED_INCIDENTS: usize = 4_096;
/// Memory for footers: 64 MiB.
const FOOTER_BYTES: u64 = 64 << 20;
/// Counts that were found by scanning.
const SCANNED_COUNTS: usize = 65_536;

/// What was learned of files, which never change; keyed by their number.
pub(crate) struct Cache {
    pub(super) footers: WeightedCache<u64, Arc<Footer>, FooterWeight>,
    pub(super) counts: WeightedCache<(u64, IncidentId), u64>,
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self {
            footers: WeightedCache::with_weighter(1_024, FOOTER_BYTES, FooterWeight),
            counts: WeightedCache::new(SCANNED_COUNTS),
        }
    }
}

/// Weighs footers by their memory.
#[derive(Clone)]
pub(super) struct FooterWeight;

impl Weighter<u64, Arc<Footer>> for FooterWeight {
    fn weight(&self, _: &u64, footer: &Arc<Footer>) -> u64 {
        footer.memory
    }
}

/// Rows by incident, as long as there are few incidents.
#[derive(Default)]
pub(crate) struct IncidentCounts {
    counts: HashMap<IncidentId, u64>,
    range: Option<(IncidentId, IncidentId)>,
    too_many: bool,
}

impl IncidentCounts {
    pub(super) fn add(&mut self, incident: IncidentId, rows: u64) {
        let (low, high) = self.range.unwrap_or((incident, incident));
        self.range = Some((low.min(incident), high.max(incident)));
        if !self.too_many {
            *self.counts.entry(incident).or_insert(0) += rows;
            if self.counts.len() > COUNTED_INCIDENTS {
                self.too_many = true;
                self.counts = HashMap::new();
            }
        }
    }

    /// The lowest and the highest incident.
    pub(super) fn range(&self) -> Option<(IncidentId, IncidentId)> {
        self.range
    }

    /// `None` where there are too many.
    pub(super) fn to_json(&self) -> Option<String> {
        if self.too_many {
            return None;
        }
        let mut counts: Vec<_> = self.counts.iter().collect();
        counts.sort();
        let pairs: Vec<String> =
            counts.iter().map(|(incident, rows)| format!("\"{incident}\":{rows}")).collect();
        Some(format!("{{{}}}", pairs.join(",")))
    }

    fn from_json(json: &str) -> Option<Self> {
        let texts: HashMap<String, u64> = serde_json::from_str(json).ok()?;
        let mut counts = Self::default();
        for (text, rows) in texts {
            counts.add(IncidentId::parse(&text)?, rows);
        }
        Some(counts)
    }
}

/// A row group: what scans prune by.
pub(super) struct Group {
    pub(super) rows: u64,
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    pub(super) received_from: Timestamp,
    pub(super) received_to: Timestamp,
    pub(super) incidents: Option<(IncidentId, IncidentId)>,
}

/// The footer of one file.
pub(super) struct Footer {
    pub(super) parquet: ArrowReaderMetadata,
    pub(super) groups: Vec<Group>,
    pub(super) blocks: Arc<[u32]>,
    /// Rows by incident; `None` where there are too many incidents.
    pub(super) incidents: Option<IncidentCounts>,
    memory: u64,
}

impl Footer {
    /// Reads a footer whose bytes were verified.
    pub(super) fn read(tail: &Tail) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let statistics = [columns::SEQ, columns::RECEIVED_AT, columns::INCIDENT_ID];
        let options = ArrowReaderOptions::new()
            .with_schema(columns::READ.clone())
            .with_column_index_policy(PageIndexPolicy::Skip)
            .with_offset_index_policy(PageIndexPolicy::Optional)
            .with_column_stats_policy(ParquetStatisticsPolicy::skip_except(&statistics));
        let parquet = ArrowReaderMetadata::load(tail, options)?;
        let metadata = parquet.metadata();
        if note(&parquet, FORMAT_KEY) != Some(FORMAT) {
            return Err(format!("it is not of the format {FORMAT}").into());
        }
        let blocks = note(&parquet, BLOCKS_KEY).and_then(blocks).ok_or("it has no checksums")?;
        let incidents = match note(&parquet, INCIDENTS_KEY) {
            Some(json) => {
                Some(IncidentCounts::from_json(json).ok_or("it counts its incidents wrongly")?)
            }
            None => None,
        };
        let groups: Option<Vec<Group>> = metadata.row_groups().iter().map(group).collect();
        let counted = incidents.as_ref().map_or(0, |counts| counts.counts.len());
        let memory = metadata.memory_size() + counted * 64 + blocks.len() * 4 + 4_096;
        Ok(Self {
            groups: groups.ok_or("its row groups have no statistics")?,
            blocks,
            incidents,
            memory: memory as u64,
            parquet,
        })
    }

    /// Rows of an incident, where they were counted.
    pub(super) fn count(&self, incident: IncidentId) -> Option<u64> {
        let counts = self.incidents.as_ref()?;
        Some(counts.counts.get(&incident).copied().unwrap_or(0))
    }
}

fn note<'f>(parquet: &'f ArrowReaderMetadata, key: &str) -> Option<&'f str> {
    let notes = parquet.metadata().file_metadata().key_value_metadata()?;
    notes.iter().find(|note| note.key == key)?.value.as_deref()
}

fn blocks(text: &str) -> Option<Arc<[u32]>> {
    let sums = text.as_bytes().chunks(8).map(|digits| {
        let digits = std::str::from_utf8(digits).ok()?;
        u32::from_str_radix(digits, 16).ok()
    });
    sums.collect()
}

fn group(metadata: &RowGroupMetaData) -> Option<Group> {
    let (first_seq, last_seq) = range(metadata, columns::SEQ)?;
    let (received_from, received_to) = range(metadata, columns::RECEIVED_AT)?;
    Some(Group {
        rows: u64::try_from(metadata.num_rows()).ok()?,
        first_seq: first_seq.cast_unsigned(),
        last_seq: last_seq.cast_unsigned(),
        received_from: Timestamp::from_micros(received_from),
        received_to: Timestamp::from_micros(received_to),
        incidents: incident_range(metadata),
    })
}

fn range(metadata: &RowGroupMetaData, column: usize) -> Option<(i64, i64)> {
    match metadata.column(column).statistics()? {
        Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        _ => None,
    }
}

/// The texts of ids sort as the ids do.
fn incident_range(metadata: &RowGroupMetaData) -> Option<(IncidentId, IncidentId)> {
    let Statistics::ByteArray(values) = metadata.column(columns::INCIDENT_ID).statistics()? else {
        return None;
    };
    let id = |bytes: &[u8]| IncidentId::parse(std::str::from_utf8(bytes).ok()?);
    Some((id(values.min_opt()?.data())?, id(values.max_opt()?.data())?))
}
