//! Merges files of one partition in order of position, each position once, a batch at a time.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;

use super::background::Wake;
use crate::file::{Cache, FileWriter, LakeFile, OpenFile};
use crate::{Error, ErrorKind};

/// Writes the rows of `files` to `writer`; answers how many were left out because they came twice.
pub(super) fn merge(
    files: &[Arc<LakeFile>],
    cache: &Cache,
    writer: &mut FileWriter,
    wake: &Wake,
) -> Result<u64, Error> {
    let mut cursors = Vec::with_capacity(files.len());
    for file in files {
        let batches = OpenFile::open(file, cache)?.all()?;
        cursors.extend(Cursor::open(file, Box::new(batches))?);
    }
    let (mut last, mut duplicates) = (None, 0);
    while let Some(index) = lowest(&cursors) {
        if !wake.make_way() {
            return Err(Error::new(ErrorKind::Closed, "the merge was stopped"));
        }
        let others = cursors.iter().enumerate().filter(|(other, _)| *other != index);
        let limit = others.map(|(_, cursor)| cursor.seq()).min().unwrap_or(u64::MAX);
        let cursor = &mut cursors[index];
        let run = if last == Some(cursor.seq()) {
            duplicates += 1;
            1
        } else {
            let run = cursor.run(limit, last)?;
            writer.write(&cursor.batch.slice(cursor.at, run))?;
            last = Some(cursor.seqs()[cursor.at + run - 1]);
            run
        };
        if !cursor.skip(run)? {
            cursors.remove(index);
        }
    }
    let rows: u64 = files.iter().map(|file| file.info.rows).sum();
    if writer.rows() + duplicates != rows {
        let wrong = format!("it and its neighbours do not have the {rows} rows they should");
        return Err(Error::corrupt(files[0].path(), wrong));
    }
    Ok(duplicates)
}

/// Where reading a file stands; there is always a row.
struct Cursor<'f> {
    file: &'f LakeFile,
    batches: Box<dyn Iterator<Item = Result<RecordBatch, Error>> + 'f>,
    batch: RecordBatch,
    at: usize,
}

type Batches<'f> = Box<dyn Iterator<Item = Result<RecordBatch, Error>> + 'f>;

impl<'f> Cursor<'f> {
    /// `None` for a file without rows.
    fn open(file: &'f LakeFile, mut batches: Batches<'f>) -> Result<Option<Self>, Error> {
        let Some(batch) = batches.next().transpose()? else { return Ok(None) };
        Ok(Some(Self { file, batches, batch, at: 0 }))
    }

    fn seqs(&self) -> &[u64] {
        self.batch.column(0).as_primitive::<UInt64Type>().values()
    }

    fn seq(&self) -> u64 {
        self.seqs()[self.at]
    }

    /// How many rows from here on lie below `limit`, one at least.
    fn run(&self, limit: u64, last: Option<u64>) -> Result<usize, Error> {
        let left = &self.seqs()[self.at..];
        let run = left.partition_point(|&seq| seq < limit).max(1);
        let ascends = left[..run].windows(2).all(|pair| pair[0] < pair[1]);
        if ascends && last.is_none_or(|last| last < left[0]) {
            Ok(run)
        } else {
            Err(Error::corrupt(self.file.path(), "its rows are not in order"))
        }
    }

    /// Goes on by some rows; answers whether there is another.
    fn skip(&mut self, rows: usize) -> Result<bool, Error> {
        self.at += rows;
        while self.at >= self.batch.num_rows() {
            let Some(batch) = self.batches.next().transpose()? else { return Ok(false) };
            self.batch = batch;
            self.at = 0;
        }
        Ok(true)
    }
}

fn lowest(cursors: &[Cursor<'_>]) -> Option<usize> {
    (0..cursors.len()).min_by_key(|&index| cursors[index].seq())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Row;
    use crate::conformance::sample;
    use crate::file::Batch;
    use crate::manifest::Day;
    use model::{ProjectId, Timestamp};

    fn writer(dir: &Path, number: u64) -> FileWriter {
        FileWriter::create(dir, ProjectId(1), Day::of(Timestamp::default()), number).unwrap()
    }

    fn file(dir: &Path, number: u64, seqs: &[u64]) -> Arc<LakeFile> {
        let mut batch = Batch::default();
        for &seq in seqs {
            let (project, row) = sample(1, seq, Some(u128::from(seq % 3)));
            batch.push(&Row {
                seq: row.seq,
                project,
                received_at: row.received_at,
                signal: &row.signal,
                identity: row.identity,
                incident: row.incident,
                reason: row.reason,
            });
        }
        let mut writer = writer(dir, number);
        writer.write(&batch.take().unwrap()).unwrap();
        Arc::new(LakeFile::new(dir, writer.finish().unwrap()))
    }

    /// Merges files of the given positions; answers the positions of the result and the duplicates.
    fn merged(inputs: &[&[u64]]) -> Result<(Vec<u64>, u64), Error> {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<_> =
            (1..).zip(inputs).map(|(number, seqs)| file(dir.path(), number, seqs)).collect();
        let (cache, mut into) = (Cache::new(), writer(dir.path(), 99));
        let duplicates = merge(&files, &cache, &mut into, &Wake::default())?;
        let result = LakeFile::new(dir.path(), into.finish()?);
        let batches = OpenFile::open(&result, &cache)?.all()?;
        let mut seqs = Vec::new();
        for batch in batches {
            seqs.extend_from_slice(batch?.column(0).as_primitive::<UInt64Type>().values());
        }
        Ok((seqs, duplicates))
    }

    #[test]
    fn files_that_follow_each_other_become_one() {
        assert_eq!(merged(&[&[1, 2, 5], &[6, 9], &[20]]).unwrap(), (vec![1, 2, 5, 6, 9, 20], 0));
    }

    #[test]
    fn files_that_overlap_are_interleaved_and_each_position_is_kept_once() {
        let inputs: [&[u64]; 3] = [&[1, 3, 5, 7], &[2, 3, 4, 7], &[7, 8]];
        assert_eq!(merged(&inputs).unwrap(), (vec![1, 2, 3, 4, 5, 7, 8], 3));
        assert_eq!(merged(&[&[4, 5], &[4, 5]]).unwrap(), (vec![4, 5], 2));
    }

    #[test]
    fn a_file_out_of_order_is_damage_and_not_a_duplicate() {
        for inputs in [[&[3, 1, 2][..], &[9]], [&[1, 3, 3], &[9]], [&[1, 9, 2], &[5]]] {
            assert_eq!(merged(&inputs).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}
