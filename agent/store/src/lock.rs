//! One process per data directory, and a count of how often this identity has started.
//!
//! Two agents with one identity would sign conflicting states, so the lock is taken before anything
//! else is opened and held until the process ends. It must never be broken because its owner looks
//! dead: the operating system releases it when the owner is.

use crate::storage::{ReadStorage, RealDisk, Storage};
use fs4::{FileExt, TryLockError};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const LOCK_NAME: &str = "lock";
const BOOT_NAME: &str = "boots";
const BOOT_DRAFT: &str = "boots.new";
/// A count of 20 digits, a space, a checksum of 8 and a line end; anything longer is not ours.
const MAX_BOOT_BYTES: usize = 32;

/// Why a data directory could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process owns the directory.
    #[error(
        "the data directory {dir} is in use by process {}; stop that agent first, or give this one \
         its own directory",
        .pid.map_or_else(|| "(unknown)".to_owned(), |pid| pid.to_string())
    )]
    Held {
        /// The directory.
        dir: PathBuf,
        /// The owner, when its number could be read.
        pid: Option<u32>,
    },
    /// The operating system refused a call.
    #[error("cannot {doing} in the data directory {dir}: {source}")]
    Io {
        /// The directory.
        dir: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The start counter is damaged.
    #[error(
        "the start counter {} is damaged; check the disk, then write a number larger than any \
         start so far into it with `echo NUMBER > {}`", .file.display(), .file.display()
    )]
    DamagedCounter {
        /// The counter's file.
        file: PathBuf,
    },
}

/// The right to use a data directory; released when dropped or when the process ends, however it
/// ends.
#[derive(Debug)]
pub struct DirLock {
    dir: PathBuf,
    boot: u64,
    // Holding the open file is holding the lock.
    _file: File,
}

impl DirLock {
    /// Takes the directory (made if missing, closed to other users) and counts this start durably.
    pub fn acquire(dir: &Path) -> Result<Self, LockError> {
        let failed = |doing| {
            let dir = dir.to_owned();
            move |source| LockError::Io { dir, doing, source }
        };
        let mut disk = RealDisk::new(dir).map_err(failed("open a file"))?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(crate::storage::FILE_MODE)
            .open(dir.join(LOCK_NAME))
            .map_err(failed("open the lock file"))?;
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { dir: dir.to_owned(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(failed("take the lock")(error)),
        }
        write_pid(&mut file).map_err(failed("write the lock file"))?;
        let boot = count_boot(&mut disk, dir)?;
        Ok(Self { dir: dir.to_owned(), boot, _file: file })
    }

    /// Which start of this identity this is, from 1. Never the same twice for one directory.
    pub fn boot(&self) -> u64 {
        self.boot
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    file.sync_data()
}

fn count_boot(disk: &mut RealDisk, dir: &Path) -> Result<u64, LockError> {
    let failed = |source| LockError::Io { dir: dir.to_owned(), doing: "count this start", source };
    let damaged = || LockError::DamagedCounter { file: dir.join(BOOT_NAME) };
    let names = disk.list().map_err(failed)?;
    let exists = |wanted: &str| names.iter().any(|name| name == wanted);
    let before = if exists(BOOT_NAME) {
        let mut bytes = [0; MAX_BOOT_BYTES + 1];
        let count = disk.read(BOOT_NAME, 0, &mut bytes).map_err(failed)?;
        parse_boot(&bytes[..count]).ok_or_else(damaged)?
    } else {
        0
    };
    let boot = before.checked_add(1).ok_or_else(damaged)?;
    if exists(BOOT_DRAFT) {
        disk.remove(BOOT_DRAFT).map_err(failed)?;
    }
    let digits = boot.to_string();
    let line = format!("{digits} {:08x}\n", crc32c::crc32c(digits.as_bytes()));
    disk.create(BOOT_DRAFT).map_err(failed)?;
    disk.write(BOOT_DRAFT, 0, line.as_bytes()).map_err(failed)?;
    disk.sync(BOOT_DRAFT).map_err(failed)?;
    disk.rename(BOOT_DRAFT, BOOT_NAME).map_err(failed)?;
    Ok(boot)
}

/// One line: a number, then the checksum of its digits unless an operator has repaired the file by
/// hand.
fn parse_boot(bytes: &[u8]) -> Option<u64> {
    if bytes.len() > MAX_BOOT_BYTES {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let mut words = text.split_whitespace();
    let digits = words.next()?;
    if let Some(word) = words.next()
        && u32::from_str_radix(word, 16).ok()? != crc32c::crc32c(digits.as_bytes())
    {
        return None;
    }
    match words.next() {
        Some(_) => None,
        None => digits.parse().ok(),
    }
}
