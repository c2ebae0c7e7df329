//! A wrapper that fails chosen calls of any disk, so that a test can name the exact call that goes
//! wrong.
//!
//! It must never fail a call that was not scripted, and never change a byte that the wrapped disk
//! returns.

use super::{ReadStorage, Storage};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};

/// A call of [`Storage`] that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// [`Storage::create`].
    Create,
    /// [`Storage::write`].
    Write,
    /// [`Storage::sync`].
    Sync,
    /// [`Storage::truncate`].
    Truncate,
    /// [`Storage::allocate`].
    Allocate,
    /// [`Storage::rename`].
    Rename,
    /// [`Storage::remove`].
    Remove,
}

/// A disk with scripted failures. Calls are counted from 1 per kind.
#[derive(Debug)]
pub struct FailingDisk<S> {
    inner: S,
    calls: BTreeMap<Op, u64>,
    fail: BTreeMap<(Op, u64), ErrorKind>,
    short: BTreeMap<u64, usize>,
    full_after: Option<u64>,
    written: u64,
}

impl<S: Storage> FailingDisk<S> {
    /// Wraps `inner`; without a script every call passes through.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            calls: BTreeMap::new(),
            fail: BTreeMap::new(),
            short: BTreeMap::new(),
            full_after: None,
            written: 0,
        }
    }

    /// The `count`-th call of `op` fails with `kind` and does nothing.
    #[must_use]
    pub fn fail(mut self, op: Op, count: u64, kind: ErrorKind) -> Self {
        self.fail.insert((op, count), kind);
        self
    }

    /// The `count`-th write stores only its first `bytes` bytes and then fails with `WriteZero`.
    #[must_use]
    pub fn short_write(mut self, count: u64, bytes: usize) -> Self {
        self.short.insert(count, bytes);
        self
    }

    /// Writes and allocations fail with `StorageFull` once `bytes` bytes were written through this
    /// wrapper; the write that crosses the line stores what still fits.
    #[must_use]
    pub fn full_after(mut self, bytes: u64) -> Self {
        self.full_after = Some(bytes);
        self
    }

    /// The wrapped disk.
    pub fn into_inner(self) -> S {
        self.inner
    }

    fn enter(&mut self, op: Op) -> io::Result<u64> {
        let count = self.calls.entry(op).or_default();
        *count += 1;
        match self.fail.get(&(op, *count)) {
            Some(kind) => Err(io::Error::new(*kind, format!("scripted failure of {op:?} {count}"))),
            None => Ok(*count),
        }
    }
}

impl<S: Storage> ReadStorage for FailingDisk<S> {
    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn size(&self, name: &str) -> io::Result<u64> {
        self.inner.size(name)
    }

    fn read(&self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(name, offset, buffer)
    }
}

impl<S: Storage> Storage for FailingDisk<S> {
    fn create(&mut self, name: &str) -> io::Result<()> {
        self.enter(Op::Create)?;
        self.inner.create(name)
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let count = self.enter(Op::Write)?;
        let room = self.full_after.map_or(u64::MAX, |limit| limit.saturating_sub(self.written));
        let fits = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        let kept = self.short.get(&count).map_or(fits, |short| fits.min(*short));
        self.inner.write(name, offset, &bytes[..kept])?;
        self.written += kept as u64;
        if kept == bytes.len() {
            return Ok(());
        }
        Err(if kept == fits { ErrorKind::StorageFull } else { ErrorKind::WriteZero }.into())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.enter(Op::Sync)?;
        self.inner.sync(name)
    }

    fn truncate(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        self.enter(Op::Truncate)?;
        self.inner.truncate(name, bytes)
    }

    fn allocate(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        self.enter(Op::Allocate)?;
        if self.full_after.is_some_and(|limit| self.written >= limit) {
            return Err(ErrorKind::StorageFull.into());
        }
        self.inner.allocate(name, bytes)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.enter(Op::Rename)?;
        self.inner.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.enter(Op::Remove)?;
        self.inner.remove(name)
    }
}
