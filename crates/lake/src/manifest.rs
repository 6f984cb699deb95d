//! The list of files that hold what is durable, as JSON lines; `docs/formats/lake.md` is its page.
//!
//! The first line names format, version and the checksum of everything after it, the second the lake,
//! each further one a file. Invariant: it is replaced whole, so after a crash it is the old or the new.

use std::any::Any;
use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use model::{IncidentId, ProjectId, Seq, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind};

/// Name of the manifest in the directory of a lake.
pub const MANIFEST_FILE: &str = "manifest.jsonl";

const FORMAT: &str = "stormbell-lake";
const VERSION: u32 = 1;

/// A day of `occurred_at` in UTC, as days since 1970-01-01, from year 1 to year 9999: what lies beyond
/// counts as the first or the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day(i32);

impl Day {
    const FIRST: i64 = -719_162;
    const LAST: i64 = 2_932_896;

    pub(crate) fn of(at: Timestamp) -> Self {
        let days = at.micros().div_euclid(86_400_000_000).clamp(Self::FIRST, Self::LAST);
        Self(i32::try_from(days).expect("the days of ten thousand years fit"))
    }

    fn parse(text: &str) -> Option<Self> {
        let date: jiff::civil::Date = text.parse().ok()?;
        let span = EPOCH.until((jiff::Unit::Day, date)).ok()?;
        let days = i64::from(span.get_days());
        (Self::FIRST..=Self::LAST).contains(&days).then_some(Self(span.get_days()))
    }
}

const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = jiff::Span::new().days(self.0);
        let date = EPOCH.checked_add(span).expect("the day lies between year 1 and year 9999");
        write!(formatter, "{date}")
    }
}

/// What the manifest says of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Where it is, below the directory of the lake.
    pub path: PathBuf,
    /// Whose rows it holds.
    pub project: ProjectId,
    /// How many.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// Position of its first row.
    pub first_seq: Seq,
    /// Position of its last row.
    pub last_seq: Seq,
    /// When the earliest of its rows was received.
    pub received_from: Timestamp,
    /// When the latest of its rows was received.
    pub received_to: Timestamp,
    /// The lowest and the highest of its incidents.
    pub incidents: Option<(IncidentId, IncidentId)>,
    pub(crate) number: u64,
    pub(crate) day: Day,
    pub(crate) tail_at: u64,
    pub(crate) tail_crc32c: u32,
}

/// The files of a lake at one moment. They are not deleted while it is kept.
#[derive(Clone, Default)]
pub struct Manifest {
    /// Everything at or below is in the files.
    pub durable: Seq,
    /// The files.
    pub files: Vec<FileInfo>,
    pub(crate) next_number: u64,
    pub(crate) kept: Option<Arc<dyn Any + Send + Sync>>,
}

impl fmt::Debug for Manifest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Manifest");
        shown.field("durable", &self.durable).field("files", &self.files).finish_non_exhaustive()
    }
}

impl Manifest {
    /// The content of [`MANIFEST_FILE`]: with it and copies of the files, a directory is a lake.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lake = LakeLine { durable: self.durable.0, next_number: self.next_number };
        let mut body = line(&lake);
        for file in &self.files {
            body.push_str(&line(&FileLine::of(file)));
        }
        let sum = crc32c::crc32c(body.as_bytes());
        let head =
            HeadLine { format: FORMAT.to_owned(), version: VERSION, crc32c: format!("{sum:08x}") };
        line(&head) + &body
    }

    /// Reads the manifest of a lake; `None` where there is none.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join(MANIFEST_FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::disk("read", &path, error)),
        };
        Self::parse(&bytes).map(Some).map_err(|wrong| match wrong {
            Wrong::Version(version) => Error::new(
                ErrorKind::Version,
                format!(
                    "{} has version {version}, this program reads up to {VERSION}",
                    path.display()
                ),
            ),
            Wrong::Damaged(what) => Error::corrupt(
                &path,
                format!(
                    "{what}; restore the lake from a backup, or move its directory away to have it \
                     built again from what the journal still holds"
                ),
            ),
        })
    }

    fn parse(bytes: &[u8]) -> Result<Self, Wrong> {
        let damaged = |what: &str| Wrong::Damaged(what.to_owned());
        let end = bytes.iter().position(|&byte| byte == b'\n').ok_or(damaged("it has no end"))?;
        let (head, body) = (&bytes[..end], &bytes[end + 1..]);
        let head: HeadLine = read_line(head, 1)?;
        if head.format != FORMAT {
            return Err(damaged("it is of another format"));
        }
        if head.version != VERSION {
            return Err(Wrong::Version(head.version));
        }
        if head.crc32c != format!("{:08x}", crc32c::crc32c(body)) {
            return Err(damaged("it does not fit its checksum"));
        }
        let mut lines = body.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let lake: LakeLine = read_line(lines.next().unwrap_or_default(), 2)?;
        let files = lines
            .enumerate()
            .map(|(index, line)| read_line::<FileLine>(line, index + 3)?.into_info(index + 3))
            .collect::<Result<_, Wrong>>()?;
        let (durable, next_number) = (Seq(lake.durable), lake.next_number);
        Ok(Self { durable, files, next_number, kept: None })
    }
}

/// Why a manifest cannot be read.
#[derive(Debug)]
enum Wrong {
    Version(u32),
    Damaged(String),
}

#[derive(Serialize, Deserialize)]
struct HeadLine {
    format: String,
    version: u32,
    crc32c: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LakeLine {
    durable: u64,
    next_number: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLine {
    path: String,
    number: u64,
    project: u32,
    day: String,
    rows: u64,
    bytes: u64,
    first_seq: u64,
    last_seq: u64,
    received_from_us: i64,
    received_to_us: i64,
    incidents: Option<(String, String)>,
    tail_at: u64,
    tail_crc32c: String,
}

impl FileLine {
    fn of(file: &FileInfo) -> Self {
        let path: Vec<_> = file.path.iter().map(|part| part.to_string_lossy()).collect();
        Self {
            path: path.join("/"),
            number: file.number,
            project: file.project.0,
            day: file.day.to_string(),
            rows: file.rows,
            bytes: file.bytes,
            first_seq: file.first_seq.0,
            last_seq: file.last_seq.0,
            received_from_us: file.received_from.micros(),
            received_to_us: file.received_to.micros(),
            incidents: file.incidents.map(|(low, high)| (low.to_string(), high.to_string())),
            tail_at: file.tail_at,
            tail_crc32c: format!("{:08x}", file.tail_crc32c),
        }
    }

    fn into_info(self, number: usize) -> Result<FileInfo, Wrong> {
        let damaged = |what| Wrong::Damaged(format!("line {number} has no usable {what}"));
        let path = PathBuf::from(&self.path);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(damaged("path"));
        }
        let incidents = match &self.incidents {
            Some((low, high)) => {
                let range = IncidentId::parse(low).zip(IncidentId::parse(high));
                Some(range.ok_or_else(|| damaged("incidents"))?)
            }
            None => None,
        };
        Ok(FileInfo {
            path,
            project: ProjectId(self.project),
            rows: self.rows,
            bytes: self.bytes,
            first_seq: Seq(self.first_seq),
            last_seq: Seq(self.last_seq),
            received_from: Timestamp::from_micros(self.received_from_us),
            received_to: Timestamp::from_micros(self.received_to_us),
            incidents,
            number: self.number,
            day: Day::parse(&self.day).ok_or_else(|| damaged("day"))?,
            tail_at: self.tail_at,
            tail_crc32c: u32::from_str_radix(&self.tail_crc32c, 16)
                .map_err(|_| damaged("checksum"))?,
        })
    }
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("numbers and texts are JSON") + "\n"
}

fn read_line<T: serde::de::DeserializeOwned>(line: &[u8], number: usize) -> Result<T, Wrong> {
    serde_json::from_slice(line).map_err(|error| Wrong::Damaged(format!("line {number}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let at = Timestamp::from_micros(1_700_000_000_000_000);
        let file = FileInfo {
            path: "signals/project=1/day=2023-11-14/1-9-4.parquet".into(),
            project: ProjectId(1),
            rows: 9,
            bytes: 4_000,
            first_seq: Seq(1),
            last_seq: Seq(9),
            received_from: at,
            received_to: at,
            incidents: Some((IncidentId(1), IncidentId(2))),
            number: 4,
            day: Day::of(at),
            tail_at: 3_000,
            tail_crc32c: 7,
        };
        Manifest { durable: Seq(12), files: vec![file], next_number: 5, kept: None }
    }

    #[test]
    fn a_manifest_reads_back_as_it_was_written() {
        let written = manifest();
        let read = Manifest::parse(written.to_text().as_bytes()).unwrap();
        assert_eq!(read.files, written.files);
        assert_eq!((read.durable, read.next_number), (Seq(12), 5));
    }

    #[test]
    fn no_flipped_bit_and_no_cut_goes_unnoticed() {
        let text = manifest().to_text().into_bytes();
        for at in 0..text.len() {
            assert!(Manifest::parse(&text[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut flipped = text.clone();
                flipped[at] ^= 1 << bit;
                let same = Manifest::parse(&flipped).is_ok_and(|read| {
                    read.files == manifest().files && read.durable == manifest().durable
                });
                // A flip in the case of a hexadecimal digit cannot pass either: the text is compared.
                assert!(!same, "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn a_path_that_leaves_the_lake_is_refused() {
        let mut outside = manifest();
        outside.files[0].path = "../elsewhere.parquet".into();
        assert!(Manifest::parse(outside.to_text().as_bytes()).is_err());
    }

    #[test]
    fn a_newer_version_is_said_and_not_called_damage() {
        let text = manifest().to_text().replacen("\"version\":1", "\"version\":2", 1);
        assert!(matches!(Manifest::parse(text.as_bytes()), Err(Wrong::Version(2))));
    }

    #[test]
    fn days_are_utc_and_what_lies_beyond_the_calendar_counts_as_its_end() {
        let day = |micros| Day::of(Timestamp::from_micros(micros)).to_string();
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(-1), "1969-12-31");
        assert_eq!(day(86_400_000_000 - 1), "1970-01-01");
        assert_eq!(day(i64::MIN), "0001-01-01");
        assert_eq!(day(i64::MAX), "9999-12-31");
        for text in ["1970-01-01", "0001-01-01", "9999-12-31", "2024-02-29"] {
            assert_eq!(Day::parse(text).map(|day| day.to_string()).as_deref(), Some(text));
        }
    }
}
