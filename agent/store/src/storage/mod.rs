//! The journal's only view of a disk: a handful of calls on small file names inside one directory.
//!
//! Reading and writing are two traits so that an audit, which is handed a [`ReadStorage`], cannot
//! write by construction. Nothing here knows what a record is. An implementation must never hold
//! a write back across `sync`, and never retry one.

mod failing;
mod real;
mod sim;

pub use failing::{FailingDisk, Op};
pub(crate) use real::FILE_MODE;
pub use real::{ReadOnlyDisk, RealDisk};
pub use sim::{SimDisk, SimFaults};

use std::io;

/// Longest file name accepted, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// Read access to the files of one directory.
pub trait ReadStorage: Send {
    /// Names of all files, sorted.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Length of the file in bytes, including allocated bytes that read as zero.
    fn size(&self, name: &str) -> io::Result<u64>;

    /// Fills `buffer` from `offset`; fewer bytes than asked for come back only at the end of the
    /// file.
    fn read(&self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

/// Write access to the files of one directory.
///
/// Durability contract: `write` and `allocate` are durable after the next `sync` of that file;
/// every other call is durable when it returns. A disk writes a 512-byte sector whole or not at
/// all, and never harms a byte that was not part of a write since the last `sync`. An error from
/// any call leaves the file in an unknown state.
pub trait Storage: ReadStorage {
    /// Creates an empty file readable by its owner only; fails when the name exists.
    fn create(&mut self, name: &str) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`, growing the file where needed.
    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes every earlier write and allocation of this file durable. After an error the bytes may
    /// be lost even if a second call succeeds, so there must be no second call.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Cuts the file to `bytes`.
    fn truncate(&mut self, name: &str, bytes: u64) -> io::Result<()>;

    /// Reserves space so that writes below `bytes` cannot meet a full disk; new bytes read as zero.
    /// Fails with `StorageFull` and without effect when the space is not there.
    fn allocate(&mut self, name: &str, bytes: u64) -> io::Result<()>;

    /// Renames a file, replacing one of the new name.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;
}

/// Refuses a name that could leave the directory or hide in it.
fn check_name(name: &str) -> io::Result<()> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    let good = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.starts_with('.')
        && name.bytes().all(plain);
    if good {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{name:?} is not a plain file name"),
        ))
    }
}
