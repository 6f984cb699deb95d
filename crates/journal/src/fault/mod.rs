//! A disk in memory that fails on request, the same way every time.
//!
//! It models the page cache apart from what is durable: writes land in the cache, `sync_data` makes
//! a file durable, `sync_dir` the directory. [`FaultDisk::crash`] drops the cache, except for an
//! arbitrary choice of sectors, as a power cut does. Everything random comes from the seed.

mod node;

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::disk::{Disk, File};
use crate::lock;
use node::Node;

/// What goes wrong. Set with [`FaultDisk::inject`]; the default is a disk in good health.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Writes and allocations fail with this; a write may have taken effect in part.
    pub write_error: Option<io::ErrorKind>,
    /// Writes take only a part of what they are given, and say so.
    pub short_writes: bool,
    /// Syncs fail, and what they should have made durable is lost for good.
    pub sync_error: bool,
    /// Syncs say yes and make nothing durable.
    pub sync_lies: bool,
    /// Files may take this many bytes together.
    pub capacity: Option<u64>,
    /// After this many further operations the power is cut: that operation may take effect in
    /// part, and every later one fails until [`FaultDisk::crash`].
    pub cut_after: Option<u64>,
    /// Virtual steps every operation takes beyond the one it always takes.
    pub delay_steps: u64,
}

/// How often things were asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Operations that change something: writes, syncs, allocations, directory changes.
    pub changes: u64,
    /// Syncs of a file.
    pub syncs: u64,
    /// Virtual steps passed.
    pub steps: u64,
}

/// The machine with the disk. A journal gets it as [`FaultDisk::mount`]; clones share everything.
#[derive(Debug, Clone)]
pub struct FaultDisk {
    inner: Arc<Mutex<Inner>>,
}

/// Deterministic random numbers (splitmix64).
#[derive(Debug, Clone)]
struct Random(u64);

#[derive(Debug)]
struct Inner {
    epoch: u64,
    names: BTreeMap<String, Arc<Mutex<Node>>>,
    durable_names: BTreeMap<String, Arc<Mutex<Node>>>,
    unsynced: Vec<Change>,
    faults: Faults,
    random: Random,
    counters: Counters,
    locks: BTreeMap<String, u64>,
    taken: u64,
}

#[derive(Debug)]
enum Change {
    Create(String, Arc<Mutex<Node>>),
    Rename(String, String),
    Remove(String),
}

struct Mount {
    disk: FaultDisk,
    epoch: u64,
}

struct Handle {
    disk: FaultDisk,
    epoch: u64,
    node: Arc<Mutex<Node>>,
}

struct Held {
    disk: FaultDisk,
    name: String,
    ticket: u64,
}

impl FaultDisk {
    /// An empty disk in good health.
    pub fn new(seed: u64) -> Self {
        let inner = Inner {
            epoch: 0,
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced: Vec::new(),
            faults: Faults::default(),
            random: Random(seed),
            counters: Counters::default(),
            locks: BTreeMap::new(),
            taken: 0,
        };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// Changes what goes wrong from now on.
    pub fn inject(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut lock(&self.inner).faults);
    }

    /// Cuts the power and starts the machine again: unsynced sectors survive as the seed chooses,
    /// open handles and locks are void, and the disk is in good health again.
    pub fn crash(&self, seed: u64) {
        let mut inner = lock(&self.inner);
        let mut random = Random(seed);
        inner.epoch += 1;
        inner.locks.clear();
        inner.faults = Faults { capacity: inner.faults.capacity, ..Faults::default() };
        let changes = std::mem::take(&mut inner.unsynced);
        let survive = random.below(changes.len() as u64 + 1) as usize;
        for (index, change) in changes.into_iter().enumerate() {
            // A removal depends on nothing before it, and may be durable on its own.
            let alone = matches!(change, Change::Remove(_)) && random.below(2) == 0;
            if index < survive || alone {
                change.apply(&mut inner.durable_names);
            }
        }
        inner.names = inner.durable_names.clone();
        for node in inner.names.values() {
            lock(node).crash(&mut random);
        }
    }

    /// Flips bits of one byte, in the cache and for good.
    pub fn flip(&self, name: &str, offset: u64, mask: u8) {
        if let Some(node) = lock(&self.inner).names.get(name) {
            lock(node).flip(offset as usize, mask);
        }
    }

    /// The bytes of a file as the cache shows them, or `None` if there is no such file.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        lock(&self.inner).names.get(name).map(|node| lock(node).content().to_vec())
    }

    /// Replaces or makes a file, durably: for tests that lay out a disk by hand.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut inner = lock(&self.inner);
        let node = Arc::new(Mutex::new(Node::durable(bytes)));
        inner.durable_names.insert(name.to_owned(), node.clone());
        inner.names.insert(name.to_owned(), node);
    }

    /// How often things were asked for since the disk was made.
    pub fn counters(&self) -> Counters {
        lock(&self.inner).counters
    }

    /// The disk for one life of the machine: after a crash everything asked of it fails, so a
    /// journal from before cannot touch what one from after owns.
    pub fn mount(&self) -> Arc<dyn Disk> {
        let epoch = lock(&self.inner).epoch;
        Arc::new(Mount { disk: self.clone(), epoch })
    }

    fn change<T>(
        &self,
        epoch: u64,
        act: impl FnOnce(&mut Inner) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut inner = lock(&self.inner);
        inner.check(epoch)?;
        inner.counters.changes += 1;
        inner.counters.steps += 1 + inner.faults.delay_steps;
        if let Some(left) = &mut inner.faults.cut_after {
            *left = left.saturating_sub(1);
        }
        act(&mut inner)
    }
}

impl Disk for Mount {
    fn place(&self) -> String {
        "a simulated disk".to_owned()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.look()?.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let node = self.disk.change(self.epoch, |inner| {
            inner.powered()?;
            if inner.names.contains_key(name) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let node = Arc::new(Mutex::new(Node::default()));
            inner.enter(Change::Create(name.to_owned(), node.clone()));
            Ok(node)
        })?;
        Ok(Arc::new(Handle { disk: self.disk.clone(), epoch: self.epoch, node }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let inner = self.look()?;
        let node = inner.names.get(name).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(Handle { disk: self.disk.clone(), epoch: self.epoch, node }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.change(self.epoch, |inner| {
            inner.powered()?;
            inner.exists(from)?;
            inner.enter(Change::Rename(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.change(self.epoch, |inner| {
            inner.powered()?;
            inner.exists(name)?;
            inner.enter(Change::Remove(name.to_owned()));
            Ok(())
        })
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.disk.change(self.epoch, |inner| {
            inner.powered()?;
            if inner.faults.sync_error {
                return Err(io::Error::other("injected sync error"));
            }
            if !inner.faults.sync_lies {
                inner.unsynced.clear();
                inner.durable_names = inner.names.clone();
            }
            Ok(())
        })
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let inner = self.look()?;
        Ok(inner.faults.capacity.map_or(u64::MAX, |all| all.saturating_sub(inner.used())))
    }

    fn lock(&self, name: &str) -> io::Result<Box<dyn Any + Send + Sync>> {
        let mut inner = self.look()?;
        if inner.locks.contains_key(name) {
            let message = format!("{name} is held by this process");
            return Err(io::Error::new(io::ErrorKind::WouldBlock, message));
        }
        inner.taken += 1;
        let ticket = inner.taken;
        inner.locks.insert(name.to_owned(), ticket);
        Ok(Box::new(Held { disk: self.disk.clone(), name: name.to_owned(), ticket }))
    }
}

impl Mount {
    fn look(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let inner = lock(&self.disk.inner);
        inner.check(self.epoch)?;
        Ok(inner)
    }
}

impl File for Handle {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        lock(&self.disk.inner).check(self.epoch)?;
        Ok(lock(&self.node).read(buffer, offset as usize))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.change(self.epoch, |inner| {
            let all = bytes.len() as u64;
            let length = lock(&self.node).content().len() as u64;
            let growth = (offset + all).saturating_sub(length);
            let failure = inner.write_failure(growth);
            let short = inner.faults.short_writes && all > 1;
            let taken = match &failure {
                Some(error) if growth > 0 && error.kind() == io::ErrorKind::StorageFull => 0,
                Some(_) => inner.random.below(all + 1),
                None if short => 1 + inner.random.below(all),
                None => all,
            };
            lock(&self.node).write(&bytes[..taken as usize], offset as usize);
            failure.map_or(Ok(taken as usize), Err)
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.change(self.epoch, |inner| {
            inner.powered()?;
            inner.counters.syncs += 1;
            if inner.faults.sync_error {
                lock(&self.node).forget_unsynced();
                return Err(io::Error::other("injected sync error"));
            }
            if !inner.faults.sync_lies {
                lock(&self.node).sync();
            }
            Ok(())
        })
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.disk.change(self.epoch, |inner| {
            let length = lock(&self.node).content().len() as u64;
            inner.write_failure(bytes.saturating_sub(length)).map_or(Ok(()), Err)?;
            lock(&self.node).resize(bytes.max(length) as usize);
            Ok(())
        })
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.disk.change(self.epoch, |inner| {
            inner.powered()?;
            lock(&self.node).resize(bytes as usize);
            Ok(())
        })
    }

    fn length(&self) -> io::Result<u64> {
        lock(&self.disk.inner).check(self.epoch)?;
        Ok(lock(&self.node).content().len() as u64)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut inner = lock(&self.disk.inner);
        if inner.locks.get(&self.name) == Some(&self.ticket) {
            inner.locks.remove(&self.name);
        }
    }
}

impl Inner {
    fn check(&self, epoch: u64) -> io::Result<()> {
        if epoch == self.epoch { Ok(()) } else { Err(power_cut()) }
    }

    fn powered(&self) -> io::Result<()> {
        if self.faults.cut_after == Some(0) { Err(power_cut()) } else { Ok(()) }
    }

    fn exists(&self, name: &str) -> io::Result<()> {
        if self.names.contains_key(name) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn enter(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.unsynced.push(change);
    }

    fn write_failure(&self, growth: u64) -> Option<io::Error> {
        if let Err(error) = self.powered() {
            return Some(error);
        }
        if let Some(kind) = self.faults.write_error {
            return Some(kind.into());
        }
        let full = self.faults.capacity.is_some_and(|all| growth > 0 && self.used() + growth > all);
        full.then(|| io::ErrorKind::StorageFull.into())
    }

    fn used(&self) -> u64 {
        self.names.values().map(|node| lock(node).content().len() as u64).sum()
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, Arc<Mutex<Node>>>) {
        match self {
            Self::Create(name, node) => {
                names.insert(name.clone(), node.clone());
            }
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
            Self::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

fn power_cut() -> io::Error {
    io::Error::other("the power was cut")
}
