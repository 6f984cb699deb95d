//! What is not data: configuration, the folder's owner and modes, room and speed of its disk, the clock.

use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use journal::Durability;

use super::{Finding, Patient};
use crate::serve;
use crate::serve::offline::copies;

/// Writes by which the disk's speed is measured, and the bytes of each.
const WRITES: usize = 100;
const WRITE_BYTES: usize = 4_096;
/// Above this a sender waits so long for an acknowledgement that it is worth a look; the alert rules say
/// the same.
const SLOW: Duration = Duration::from_millis(100);
/// Space below which `/healthz` calls the disk degraded.
const LITTLE_BYTES: u64 = 1 << 30;
/// 2025-01-01 and 2100-01-01 in microseconds since 1970: a clock outside was never set.
const SANE: std::ops::Range<i64> = 1_735_689_600_000_000..4_102_444_800_000_000;
/// A last record that lies this little ahead of the clock is no matter, in microseconds.
const AHEAD_US: i64 = 1_000_000;

/// The configuration was resolved already; what is left are the files and choices it names.
pub(super) fn configuration(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    let config = patient.config;
    let mut warnings = Vec::new();
    serve::check_files(config)?;
    let tls = match &config.tls {
        Some((_, key)) => {
            if others_may(key, 0o077)? {
                warnings.push(format!("tls.key: {} can be read by others", key.display()));
            }
            "TLS on both"
        }
        None => "no TLS",
    };
    for (name, address) in [("http", config.http), ("grpc", config.grpc)] {
        if config.tls.is_none() && !address.ip().is_loopback() {
            warnings.push(format!(
                "{name}: {address} is not loopback and has no TLS: keys travel in the clear unless a \
                 proxy in front speaks TLS"
            ));
        }
    }
    if config.durability == Durability::Os {
        warnings
            .push("durability: `os` does not wait for the disk; it is for development".to_owned());
    }
    let (data, http, grpc) = (config.data_dir.display(), config.http, config.grpc);
    let all = format!("data in {data}, HTTP on {http}, gRPC on {grpc}, {tls}");
    Ok(Finding::of(warnings, Vec::new(), all))
}

/// Whether the folder and what is in it belong to one user, and to nobody else.
pub(super) fn data_folder(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    let data = &patient.config.data_dir;
    if !copies::is_there(data)? {
        return not_yet(data);
    }
    let folder =
        fs::metadata(data).with_context(|| format!("cannot look at {}", data.display()))?;
    ensure!(folder.is_dir(), "{} is no folder", data.display());
    let (mut warnings, mut failures) = (Vec::new(), Vec::new());
    let user = rustix::process::geteuid().as_raw();
    // Who may do everything leaves nothing behind here that the owner could not open.
    if folder.uid() != user && user != 0 {
        warnings.push(format!(
            "{} belongs to user {}, and this is user {user}: run stormbell as its owner",
            data.display(),
            folder.uid()
        ));
    }
    if folder.mode() & 0o007 != 0 {
        warnings.push(format!("{0} can be entered by others: chmod 700 {0}", data.display()));
    }
    for path in contents(data)? {
        let owner = fs::symlink_metadata(&path).map_or(folder.uid(), |found| found.uid());
        if owner != folder.uid() {
            failures.push(format!(
                "{} belongs to user {owner}, the folder to user {}: chown it",
                path.display(),
                folder.uid()
            ));
        }
    }
    let key = patient.config.admin_key_path();
    if copies::is_there(&key)? && others_may(&key, 0o077)? {
        failures.push(format!("{0} can be read by others: chmod 600 {0}", key.display()));
    }
    let mode = folder.mode() & 0o777;
    Ok(Finding::of(warnings, failures, format!("{}, mode {mode:o}", data.display())))
}

/// The first start makes the folder, if it may.
fn not_yet(data: &Path) -> anyhow::Result<Finding> {
    let above = existing(data);
    let shown = data.display();
    let cannot = || format!("{shown} is not there yet, and cannot be made in {}", above.display());
    ensure!(above.is_dir(), "{}: it is no folder", cannot());
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(&above, access).with_context(cannot)?;
    Ok(Finding::ok(format!("{shown} is not there yet: the first start makes it")))
}

/// Whether there is room, now and for what the journal may still grow to.
pub(super) fn disk_space(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    let place = existing(&patient.config.data_dir);
    let stats = rustix::fs::statvfs(&place)
        .with_context(|| format!("cannot tell the space left at {}", place.display()))?;
    let free = stats.f_bavail.saturating_mul(stats.f_frsize);
    let journal = &patient.config.journal;
    if free < 2 * journal.segment_bytes {
        return Ok(Finding::fail(format!(
            "{} left: not enough for two segments of the journal; at nothing left it stops acknowledging",
            size(free)
        )));
    }
    let grown = copies::bytes_below(&patient.config.folder("journal"));
    let growth = journal.max_bytes.unwrap_or(0).saturating_sub(grown);
    if growth > free {
        return Ok(Finding::warn(format!(
            "{} left, and the journal may grow by {} before its retention removes anything by size: \
             lower journal.keep_bytes or make room",
            size(free),
            size(growth)
        )));
    }
    if free < LITTLE_BYTES {
        return Ok(Finding::warn(format!("{} left", size(free))));
    }
    Ok(Finding::ok(format!("{} left", size(free))))
}

/// How long a small write takes until it is durable: what every acknowledgement waits for.
pub(super) fn disk_speed(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    let data = &patient.config.data_dir;
    if !copies::is_there(data)? {
        return Ok(Finding::ok("not measured: the data folder is not there yet"));
    }
    let mut took = measure(data).with_context(|| format!("cannot write in {}", data.display()))?;
    took.sort_unstable();
    let (p50, p99) = (took[WRITES / 2 - 1], took[WRITES * 99 / 100 - 1]);
    let figures = format!(
        "4 KiB write and fdatasync, {WRITES} times: p50 {} µs, p99 {} µs",
        p50.as_micros(),
        p99.as_micros()
    );
    if p99 > SLOW {
        return Ok(Finding::warn(format!(
            "{figures}: slow, and every acknowledgement waits for it"
        )));
    }
    Ok(Finding::ok(figures))
}

/// Whether the clock was set, and has not gone back since the journal's last record.
pub(super) fn clock(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    let shown = |micros: i64| {
        jiff::Timestamp::from_microsecond(micros)
            .map_or_else(|_| micros.to_string(), |at| at.to_string())
    };
    if !SANE.contains(&now) {
        return Ok(Finding::fail(format!("it says {}: set the clock", shown(now))));
    }
    let Some(journal) = patient.journal else {
        return Ok(Finding::ok(format!("it says {}", shown(now))));
    };
    let ahead = journal.at.saturating_sub(now);
    if ahead <= AHEAD_US {
        let last = shown(journal.at);
        return Ok(Finding::ok(format!(
            "it says {}, the journal's last record {last}",
            shown(now)
        )));
    }
    let detail = format!(
        "the journal's last record is of {}, {} s ahead of the clock: until the clock has passed it, new \
         records get that time and no deadline comes",
        shown(journal.at),
        ahead / 1_000_000
    );
    let much = i64::try_from(model::limits::OCCURRED_AHEAD.micros()).unwrap_or(i64::MAX);
    Ok(if ahead > much { Finding::fail(detail) } else { Finding::warn(detail) })
}

/// Bytes for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{bytes} bytes"),
        1_048_576..10_737_418_240 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

fn measure(folder: &Path) -> io::Result<Vec<Duration>> {
    let file = tempfile::tempfile_in(folder)?;
    // Written before, as the journal's segments are: only the bytes are synced then, not the file's size.
    file.write_all_at(&vec![0; WRITES * WRITE_BYTES], 0)?;
    file.sync_all()?;
    let bytes = [0xA5; WRITE_BYTES];
    let write = |index: usize| {
        let began = Instant::now();
        file.write_all_at(&bytes, (index * WRITE_BYTES) as u64)?;
        file.sync_data()?;
        Ok(began.elapsed())
    };
    (0..WRITES).map(write).collect()
}

/// What lies in the folder, and the files that a server opens for writing in its parts.
fn contents(data: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in [data.to_owned(), data.join("journal"), data.join("lake"), data.join("snapshots")]
    {
        if !folder.is_dir() {
            continue;
        }
        let entries = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.with_context(|| format!("cannot list {}", folder.display()))?;
        let paths = entries.into_iter().map(|entry| entry.path());
        found.extend(paths.filter(|path| !path.ends_with("lost+found")));
    }
    Ok(found)
}

fn others_may(path: &Path, bits: u32) -> anyhow::Result<bool> {
    let found = fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
    Ok(found.mode() & bits != 0)
}

/// The path, or the nearest folder above it that exists.
fn existing(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut above = whole.ancestors();
    above.find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}
