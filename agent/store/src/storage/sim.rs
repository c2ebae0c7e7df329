//! A disk in memory that loses power on demand, deterministic from a seed.
//!
//! Every file has two images: what a reader sees now, and what survives a crash for certain. A
//! crash decides sector by sector what became of the bytes in between. It must never touch a byte
//! that was durable (except through [`SimDisk::flip_bit`]), never read a clock, and always do the
//! same for the same seed and calls.

use super::{ReadStorage, Storage, check_name};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A sector is written whole or not at all.
const SECTOR_BYTES: usize = 512;

/// How a crash treats what was not flushed, in percent.
#[derive(Debug, Clone, Copy)]
pub struct SimFaults {
    /// Chance that a crash damages the unflushed bytes of a file at all; otherwise they all
    /// survive.
    pub damage_percent: u8,
    /// Chance that a sector lost in a damaging crash holds noise instead of its old bytes.
    pub noise_percent: u8,
}

impl Default for SimFaults {
    fn default() -> Self {
        Self { damage_percent: 90, noise_percent: 20 }
    }
}

#[derive(Debug, Clone, Default)]
struct SimFile {
    durable: Vec<u8>,
    current: Vec<u8>,
    /// Ranges written since the last flush; only these can be damaged.
    pending: Vec<Range<usize>>,
}

#[derive(Debug, Clone)]
struct World {
    files: BTreeMap<String, SimFile>,
    random: u64,
    faults: SimFaults,
    capacity: u64,
    calls: u64,
    crash_at: Option<u64>,
    fail_next_sync: bool,
    powered: bool,
}

/// A simulated disk. Clones are handles to the same disk; [`SimDisk::snapshot`] makes an
/// independent copy.
#[derive(Debug, Clone)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
}

impl SimDisk {
    /// An empty disk with unlimited space and the default faults.
    pub fn new(seed: u64) -> Self {
        Self::with_faults(seed, SimFaults::default())
    }

    /// An empty disk with unlimited space and chosen faults.
    pub fn with_faults(seed: u64, faults: SimFaults) -> Self {
        let world = World {
            files: BTreeMap::new(),
            random: seed,
            faults,
            capacity: u64::MAX,
            calls: 0,
            crash_at: None,
            fail_next_sync: false,
            powered: true,
        };
        Self { world: Arc::new(Mutex::new(world)) }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loses power and comes back: unflushed bytes survive, vanish or tear; scripted crashes and
    /// failures are off.
    pub fn crash(&self) {
        let world = &mut *self.world();
        for file in world.files.values_mut() {
            file.crash(&mut world.random, world.faults);
        }
        world.powered = true;
        world.crash_at = None;
        world.fail_next_sync = false;
    }

    /// Loses power inside the `call`-th changing call from now (1 is the next): that call may or
    /// may not have taken effect, and it and every later call fail until [`SimDisk::crash`] brings
    /// the disk back.
    pub fn crash_at(&self, call: u64) {
        let mut world = self.world();
        world.crash_at = Some(world.calls + call);
    }

    /// Number of changing calls so far.
    pub fn calls(&self) -> u64 {
        self.world().calls
    }

    /// The next `sync` reports an error; what it should have flushed stays unflushed.
    pub fn fail_next_sync(&self) {
        self.world().fail_next_sync = true;
    }

    /// Limits the sum of all file lengths.
    pub fn set_capacity(&self, bytes: u64) {
        self.world().capacity = bytes;
    }

    /// Flips one bit on the medium, as bit rot would. False when the file has no such byte.
    pub fn flip_bit(&self, name: &str, offset: usize, bit: u8) -> bool {
        let mut world = self.world();
        let Some(file) = world.files.get_mut(name) else { return false };
        let mask = 1 << (bit % 8);
        if let Some(byte) = file.durable.get_mut(offset) {
            *byte ^= mask;
        }
        file.current.get_mut(offset).map(|byte| *byte ^= mask).is_some()
    }

    /// An independent copy of the disk as it is now: a backup, or a cloned host.
    pub fn snapshot(&self) -> Self {
        Self { world: Arc::new(Mutex::new(self.world().clone())) }
    }

    /// Puts the files of an earlier [`SimDisk::snapshot`] back in place of the present ones.
    pub fn restore(&self, backup: &Self) {
        let files = backup.world().files.clone();
        self.world().files = files;
    }

    /// The same disk with the files of another, for starting from a prepared state with other
    /// faults.
    #[must_use]
    pub fn with_files_of(self, other: &Self) -> Self {
        self.restore(other);
        self
    }

    /// Bytes of a file as a reader sees them now.
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        self.world().files.get(name).map(|file| file.current.clone())
    }
}

impl SimFile {
    fn sync(&mut self) {
        self.durable.clone_from(&self.current);
        self.pending.clear();
    }

    fn crash(&mut self, random: &mut u64, faults: SimFaults) {
        if percent(random, faults.damage_percent) {
            let after = std::mem::replace(&mut self.current, self.durable.clone());
            // Growth of the file is metadata: it survives or not, as a whole.
            if percent(random, 50) {
                self.current.resize(after.len().max(self.durable.len()), 0);
            }
            let keep_percent = (draw(random) % 101) as u8;
            for range in std::mem::take(&mut self.pending) {
                for sector in sectors(range.start, range.end.min(after.len())) {
                    let kept = percent(random, keep_percent);
                    let noise = !kept && percent(random, faults.noise_percent);
                    let end = sector.end.min(self.current.len());
                    let Some(bytes) = self.current.get_mut(sector.start..end) else { continue };
                    if kept {
                        bytes.copy_from_slice(&after[sector.start..end]);
                    } else if noise {
                        bytes.fill_with(|| draw(random) as u8);
                    }
                }
            }
        }
        self.sync();
    }
}

/// Splits `start..end` at sector boundaries.
fn sectors(start: usize, end: usize) -> impl Iterator<Item = Range<usize>> {
    let mut at = start;
    std::iter::from_fn(move || {
        let from = at;
        at = end.min((at / SECTOR_BYTES + 1) * SECTOR_BYTES);
        (from < end).then_some(from..at)
    })
}

impl World {
    /// Counts a changing call; true when it may take effect. Sets the power off when its time has
    /// come.
    fn enter(&mut self) -> io::Result<bool> {
        if !self.powered {
            return Err(io::Error::other("simulated disk has no power"));
        }
        self.calls += 1;
        if self.crash_at == Some(self.calls) {
            self.powered = false;
            return Ok(percent(&mut self.random, 50));
        }
        Ok(true)
    }

    fn leave(&self) -> io::Result<()> {
        if self.powered { Ok(()) } else { Err(io::Error::other("simulated power loss")) }
    }

    fn file(&mut self, name: &str) -> io::Result<&mut SimFile> {
        self.files.get_mut(name).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn check_room(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        let own = self.file(name)?.current.len() as u64;
        let used: u64 = self.files.values().map(|file| file.current.len() as u64).sum();
        if used - own + own.max(bytes) > self.capacity {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl ReadStorage for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.world().files.keys().cloned().collect())
    }

    fn size(&self, name: &str) -> io::Result<u64> {
        Ok(self.world().file(name)?.current.len() as u64)
    }

    fn read(&self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut world = self.world();
        let bytes = &world.file(name)?.current;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let count = buffer.len().min(bytes.len() - start);
        buffer[..count].copy_from_slice(&bytes[start..start + count]);
        Ok(count)
    }
}

impl Storage for SimDisk {
    fn create(&mut self, name: &str) -> io::Result<()> {
        check_name(name)?;
        let mut world = self.world();
        if world.enter()? {
            if world.files.contains_key(name) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            world.files.insert(name.to_owned(), SimFile::default());
        }
        world.leave()
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.world();
        if world.enter()? {
            let start = usize::try_from(offset).map_err(|_| ErrorKind::FileTooLarge)?;
            let end = start + bytes.len();
            world.check_room(name, end as u64)?;
            let file = world.file(name)?;
            if file.current.len() < end {
                file.current.resize(end, 0);
            }
            file.current[start..end].copy_from_slice(bytes);
            file.pending.push(start..end);
        }
        world.leave()
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut world = self.world();
        if world.enter()? {
            if std::mem::take(&mut world.fail_next_sync) {
                return Err(io::Error::other("simulated flush error"));
            }
            world.file(name)?.sync();
        }
        world.leave()
    }

    fn truncate(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        let mut world = self.world();
        if world.enter()? {
            let keep = usize::try_from(bytes).map_err(|_| ErrorKind::FileTooLarge)?;
            let file = world.file(name)?;
            file.current.truncate(keep);
            file.sync();
        }
        world.leave()
    }

    fn allocate(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        let mut world = self.world();
        if world.enter()? {
            world.check_room(name, bytes)?;
            let end = usize::try_from(bytes).map_err(|_| ErrorKind::FileTooLarge)?;
            let file = world.file(name)?;
            file.current.resize(end.max(file.current.len()), 0);
        }
        world.leave()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        check_name(to)?;
        let mut world = self.world();
        if world.enter()? {
            let file = world.files.remove(from).ok_or(ErrorKind::NotFound)?;
            world.files.insert(to.to_owned(), file);
        }
        world.leave()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut world = self.world();
        if world.enter()? {
            world.files.remove(name).ok_or(ErrorKind::NotFound)?;
        }
        world.leave()
    }
}

/// The next number of a splitmix64 stream: small, and the same on every machine and release.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn percent(state: &mut u64, chance: u8) -> bool {
    draw(state) % 100 < u64::from(chance)
}
