//! A journal's folder as it was at one moment, to open a journal on without touching it: whatever the
//! journal writes goes to copies in a temporary folder, whatever it removes is only no longer shown.
//!
//! Invariant: no file of the folder is ever opened for writing.

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use journal::disk::File;
use journal::{Disk, RealDisk};
use tempfile::TempDir;

/// A folder that stands still.
pub(super) struct FrozenDisk(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    aside: RealDisk,
    aside_folder: TempDir,
    state: Mutex<State>,
}

struct State {
    names: BTreeSet<String>,
    /// Those of the files that were changed or made, all of them in the temporary folder.
    changed: HashMap<String, Arc<dyn File>>,
}

/// A file as it is read; the first write makes a copy of it.
struct FrozenFile {
    inner: Arc<Inner>,
    name: String,
    file: fs::File,
}

impl FrozenDisk {
    /// The folder with the given names in it and no others.
    pub(super) fn new(folder: &Path, names: BTreeSet<String>) -> io::Result<Self> {
        let aside_folder = tempfile::tempdir()?;
        let aside = RealDisk::new(aside_folder.path())?;
        let state = Mutex::new(State { names, changed: HashMap::new() });
        Ok(Self(Arc::new(Inner { folder: folder.to_owned(), aside, aside_folder, state })))
    }

    /// Where a copy of the file `name` lies that is shown in its place, once [`Self::show_copy`] says so.
    pub(super) fn copy_path(&self, name: &str) -> PathBuf {
        self.0.aside_folder.path().join(name)
    }

    /// Shows the copy of the file `name` from now on.
    pub(super) fn show_copy(&self, name: &str) -> io::Result<()> {
        let file = self.0.aside.open(name)?;
        self.0.state().changed.insert(name.to_owned(), file);
        Ok(())
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file in the temporary folder, copied there if it was not yet.
    fn changed(&self, state: &mut State, name: &str) -> io::Result<Arc<dyn File>> {
        if let Some(file) = state.changed.get(name) {
            return Ok(Arc::clone(file));
        }
        fs::copy(self.folder.join(name), self.aside_folder.path().join(name))?;
        let file = self.aside.open(name)?;
        state.changed.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }
}

impl Disk for FrozenDisk {
    fn place(&self) -> String {
        self.0.folder.display().to_string()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.state().names.iter().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut state = self.0.state();
        if state.names.contains(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = self.0.aside.create(name)?;
        state.names.insert(name.to_owned());
        state.changed.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let state = self.0.state();
        if let Some(file) = state.changed.get(name) {
            return Ok(Arc::clone(file));
        }
        if !state.names.contains(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = fs::File::open(self.0.folder.join(name))?;
        Ok(Arc::new(FrozenFile { inner: Arc::clone(&self.0), name: name.to_owned(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.state();
        let file = self.0.changed(&mut state, from)?;
        self.0.aside.rename(from, to)?;
        state.changed.remove(from);
        state.names.remove(from);
        state.changed.insert(to.to_owned(), file);
        state.names.insert(to.to_owned());
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.state();
        if !state.names.remove(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        match state.changed.remove(name) {
            Some(_) => self.0.aside.remove(name),
            None => Ok(()),
        }
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.0.aside.free_bytes()
    }

    /// Who may be in the folder is not decided here: see `held`.
    fn lock(&self, _name: &str) -> io::Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(()))
    }
}

impl FrozenFile {
    /// The copy, if there is one by now.
    fn copy(&self) -> Option<Arc<dyn File>> {
        self.inner.state().changed.get(&self.name).cloned()
    }

    /// The copy, made if there is none yet.
    fn writable(&self) -> io::Result<Arc<dyn File>> {
        self.inner.changed(&mut self.inner.state(), &self.name)
    }
}

impl File for FrozenFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if let Some(copy) = self.copy() {
            return copy.read_at(buffer, offset);
        }
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.writable()?.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.writable()?.allocate(bytes)
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.writable()?.truncate(bytes)
    }

    fn length(&self) -> io::Result<u64> {
        match self.copy() {
            Some(copy) => copy.length(),
            None => Ok(self.file.metadata()?.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frozen(folder: &Path) -> FrozenDisk {
        let names = ["a", "b"].map(str::to_owned).into();
        FrozenDisk::new(folder, names).expect("it freezes")
    }

    fn text(file: &dyn File) -> String {
        let mut buffer = [0; 16];
        let read = file.read_full_at(&mut buffer, 0).expect("it reads");
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    }

    #[test]
    fn what_is_written_is_seen_and_never_reaches_the_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["a", "b", "c"] {
            fs::write(folder.path().join(name), name).expect("it is written");
        }
        let disk = frozen(folder.path());
        assert!(disk.open("c").is_err(), "only the given names are there");
        let (one, other) = (disk.open("a").expect("it opens"), disk.open("a").expect("it opens"));
        one.write_all_at(b"xyz", 1).expect("it is written");
        assert_eq!((text(&*one), text(&*other)), ("axyz".to_owned(), "axyz".to_owned()));
        disk.remove("b").expect("it is removed");
        disk.create("d").expect("it is made").write_all_at(b"new", 0).expect("it is written");
        disk.rename("d", "b").expect("it is renamed");
        assert_eq!(text(&*disk.open("b").expect("it opens")), "new");
        assert_eq!(disk.list().expect("it lists"), ["a", "b"]);
        for name in ["a", "b", "c"] {
            assert_eq!(fs::read_to_string(folder.path().join(name)).expect("it is there"), name);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("it lists").count(), 3);
    }
}
