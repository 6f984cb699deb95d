//! Which files are merged, and the round that merges them.
//!
//! Files of one project and day have ranges of positions that follow each other; only neighbours are
//! merged, so that this stays so. Files of about one size wait for each other, so that a row is written
//! again a few times at most, however slowly rows come; a day without new rows is merged whole.

use std::ops::Range;
use std::sync::Arc;

use model::{ProjectId, Timestamp};

use super::flush::Change;
use super::{Compaction, Core, hold, merge};
use crate::file::{FileWriter, LakeFile};
use crate::manifest::{Day, FileInfo};
use crate::{CompactionReport, Error};

impl Core {
    /// Merges what is due, in every partition once.
    pub(super) fn compact_round(&self) -> Result<CompactionReport, Error> {
        let _compacting = hold(&self.compacting);
        let files = Arc::clone(&self.read().files);
        let mut report = CompactionReport::default();
        let merged = self.merge_due(&files, &mut report);
        let mut state = self.write();
        state.compactions += report.merges;
        state.compaction_error = match &merged {
            Err(error) if error.kind() != crate::ErrorKind::Closed => Some(error.chain()),
            Err(_) | Ok(()) => None,
        };
        merged.map(|()| report)
    }

    /// A file that cannot be read keeps its own partition from being merged, and no other.
    fn merge_due(
        &self,
        files: &[Arc<LakeFile>],
        report: &mut CompactionReport,
    ) -> Result<(), Error> {
        let latest = files.iter().map(|file| file.info.received_to).max().unwrap_or_default();
        let mut failed = None;
        for partition in files.chunk_by(|left, right| partition(left) == partition(right)) {
            let infos: Vec<_> = partition.iter().map(|file| &file.info).collect();
            let rules = &self.options.compaction;
            let Some(chosen) = choose(&infos, latest, rules) else { continue };
            match self.merge(&partition[chosen], report) {
                Ok(()) => {}
                Err(error) if error.kind() == crate::ErrorKind::Corrupt => {
                    failed = failed.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn merge(&self, files: &[Arc<LakeFile>], report: &mut CompactionReport) -> Result<(), Error> {
        let (project, day) = partition(&files[0]);
        let dir = &self.options.dir;
        let mut writer = FileWriter::create(dir, project, day, self.new_number())?;
        let duplicates = merge::merge(files, &self.cache, &mut writer, &self.wake)?;
        let rows = writer.rows();
        let added = vec![writer.finish()?];
        let removed = files.iter().map(|file| file.info.number).collect();
        self.commit(Change { added, removed, ..Change::default() })?;
        report.merges += 1;
        report.files_in += files.len() as u64;
        report.files_out += 1;
        report.rows += rows;
        report.duplicates += duplicates;
        Ok(())
    }
}

fn partition(file: &LakeFile) -> (ProjectId, Day) {
    (file.info.project, file.info.day)
}

/// Which neighbours of a partition to merge next; `latest` is the newest stamp of the whole lake.
fn choose(files: &[&FileInfo], latest: Timestamp, rules: &Compaction) -> Option<Range<usize>> {
    let newest = files.iter().map(|file| file.received_to).max()?;
    let settled = latest.since(newest) >= rules.settle;
    let top = size_class(rules.target_rows, rules);
    if settled {
        return runs(files, rules, top).find_map(|run| fitting(files, run, rules));
    }
    (0..=top).find_map(|class| {
        runs(files, rules, class)
            .filter(|run| {
                let same = files[run.clone()].iter();
                same.filter(|file| size_class(file.rows, rules) == class).count() >= rules.fan_in
            })
            .find_map(|run| fitting(files, run, rules))
    })
}

/// The longest runs of files that can still grow and are of `class` at most.
fn runs<'f>(
    files: &'f [&FileInfo],
    rules: &'f Compaction,
    class: u32,
) -> impl Iterator<Item = Range<usize>> + use<'f> {
    let small = move |file: &FileInfo| {
        file.rows <= rules.target_rows / 2
            && file.bytes <= rules.target_bytes / 2
            && size_class(file.rows, rules) <= class
    };
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < files.len() && !small(files[at]) {
            at += 1;
        }
        let start = at;
        while at < files.len() && small(files[at]) {
            at += 1;
        }
        (start < at).then_some(start..at)
    })
}

/// The first neighbours of a run that together stay within the target: two at least.
fn fitting(files: &[&FileInfo], run: Range<usize>, rules: &Compaction) -> Option<Range<usize>> {
    run.clone().find_map(|start| {
        let (mut rows, mut bytes, mut end) = (0, 0, start);
        while end < run.end {
            rows += files[end].rows;
            bytes += files[end].bytes;
            if rows > rules.target_rows || bytes > rules.target_bytes {
                break;
            }
            end += 1;
        }
        (end - start >= 2).then_some(start..end)
    })
}

/// Files of one class differ in rows by less than the fan-in.
fn size_class(rows: u64, rules: &Compaction) -> u32 {
    rows.max(1).ilog(rules.fan_in as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Seq;

    fn files(rows: &[u64]) -> Vec<FileInfo> {
        let mut next = 1;
        let file = |&rows: &u64| {
            let first = next;
            next += rows;
            FileInfo {
                path: "file".into(),
                project: ProjectId(1),
                rows,
                bytes: rows,
                first_seq: Seq(first),
                last_seq: Seq(next - 1),
                received_from: Timestamp::default(),
                received_to: Timestamp::default(),
                incidents: None,
                number: first,
                day: Day::of(Timestamp::default()),
                tail_at: 0,
                tail_crc32c: 0,
            }
        };
        rows.iter().map(file).collect()
    }

    fn chosen(rows: &[u64], seconds_later: u64) -> Option<Range<usize>> {
        let rules = Compaction { fan_in: 4, target_rows: 1_000, ..Compaction::default() };
        let files = files(rows);
        let latest = Timestamp::default() + model::Duration::from_secs(seconds_later);
        choose(&files.iter().collect::<Vec<_>>(), latest, &rules)
    }

    #[test]
    fn files_of_one_size_wait_for_each_other() {
        assert_eq!(chosen(&[5, 5, 5], 0), None);
        assert_eq!(chosen(&[5, 5, 5, 5], 0), Some(0..4));
    }

    #[test]
    fn a_big_neighbour_is_not_written_again_for_a_few_small_ones() {
        assert_eq!(chosen(&[400, 5, 5, 5], 0), None);
        assert_eq!(chosen(&[400, 5, 5, 5, 5], 0), Some(1..5));
    }

    #[test]
    fn a_merge_stays_within_the_target() {
        assert_eq!(chosen(&[300, 300, 300, 300, 300], 0), Some(0..3));
        assert_eq!(chosen(&[900, 900, 900, 900], 0), None);
    }

    #[test]
    fn a_settled_day_is_merged_whole_and_then_left_alone() {
        assert_eq!(chosen(&[400, 5, 70], 3_600), Some(0..3));
        assert_eq!(chosen(&[475], 3_600), None);
        assert_eq!(chosen(&[900, 20], 3_600), None);
    }

    #[test]
    fn however_rows_come_the_files_of_a_day_stay_few_and_a_row_is_written_a_few_times() {
        let rules = Compaction { fan_in: 4, target_rows: 1_000, ..Compaction::default() };
        let (mut rows, mut written): (Vec<u64>, u64) = (Vec::new(), 0);
        for step in 0..4_000_u64 {
            rows.push(1 + step % 3);
            loop {
                let files = files(&rows);
                let files: Vec<_> = files.iter().collect();
                let Some(range) = choose(&files, Timestamp::default(), &rules) else { break };
                let sum = rows[range.clone()].iter().sum();
                written += sum;
                rows.splice(range, [sum]);
            }
        }
        let total: u64 = rows.iter().sum();
        assert_eq!(total, (0..4_000).map(|step| 1 + step % 3).sum::<u64>());
        assert!(rows.len() <= 40, "{} files: {rows:?}", rows.len());
        assert!(written <= total * 7, "{written} rows written for {total}");
    }
}
