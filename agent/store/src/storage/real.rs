//! The real disk: plain files under one directory that only its owner can open.
//!
//! It must never follow a name out of its directory, never leave a created, renamed or removed name
//! undurable (each is followed by a flush of the directory), and never hide an error of the
//! operating system.

use super::{ReadStorage, Storage, check_name};
use fs4::FileExt as _;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt as _, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Mode of the data directory: nobody but the owner may even list it.
const DIR_MODE: u32 = 0o700;
/// Mode of every file in it.
pub(crate) const FILE_MODE: u32 = 0o600;

/// Read access to a directory that another process may be writing.
#[derive(Debug, Clone)]
pub struct ReadOnlyDisk {
    dir: PathBuf,
}

impl ReadOnlyDisk {
    /// Looks at `dir` without creating or changing anything.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        check_name(name)?;
        Ok(self.dir.join(name))
    }
}

impl ReadStorage for ReadOnlyDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            // Names that are not ours (not even Unicode, or directories) are nobody's business
            // here.
            if let (true, Ok(name)) =
                (entry.file_type()?.is_file(), entry.file_name().into_string())
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn size(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path(name)?)?.len())
    }

    fn read(&self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let file = File::open(self.path(name)?)?;
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// Read and write access to a directory that this process owns (see [`crate::DirLock`]).
#[derive(Debug)]
pub struct RealDisk {
    reader: ReadOnlyDisk,
    /// Files open for writing: the journal's segment and, while it rotates, the next one.
    open: BTreeMap<String, File>,
}

impl RealDisk {
    /// Opens `dir`, creating it (and its parents) when missing. A directory that others may enter
    /// is closed to them, with a warning in the log.
    pub fn new(dir: &Path) -> io::Result<Self> {
        if !dir.is_dir() {
            DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)?;
            if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                File::open(parent)?.sync_all()?;
            }
        }
        let mode = fs::metadata(dir)?.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(dir = %dir.display(), "closing the data directory to other users");
            fs::set_permissions(dir, Permissions::from_mode(DIR_MODE))?;
        }
        Ok(Self { reader: ReadOnlyDisk::new(dir), open: BTreeMap::new() })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.reader.dir
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.reader.dir)?.sync_all()
    }

    fn writable(&mut self, name: &str) -> io::Result<&File> {
        if !self.open.contains_key(name) {
            let file = File::options().read(true).write(true).open(self.reader.path(name)?)?;
            self.open.insert(name.to_owned(), file);
        }
        self.open.get(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl ReadStorage for RealDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.reader.list()
    }

    fn size(&self, name: &str) -> io::Result<u64> {
        self.reader.size(name)
    }

    fn read(&self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(name, offset, buffer)
    }
}

impl Storage for RealDisk {
    fn create(&mut self, name: &str) -> io::Result<()> {
        let path = self.reader.path(name)?;
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).mode(FILE_MODE).open(path)?;
        self.open.insert(name.to_owned(), file);
        self.sync_dir()
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.writable(name)?.write_all_at(bytes, offset)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.writable(name)?.sync_data()
    }

    fn truncate(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        let file = self.writable(name)?;
        file.set_len(bytes)?;
        file.sync_all()
    }

    fn allocate(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        let missing = bytes.saturating_sub(self.reader.size(name)?);
        let dir = self.reader.dir.clone();
        match self.writable(name)?.allocate(bytes) {
            // A file system that cannot reserve blocks can at least say what is left.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                if fs4::available_space(dir)? < missing {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                Ok(())
            }
            other => other,
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.reader.path(from)?, self.reader.path(to)?)?;
        self.open.remove(to);
        if let Some(file) = self.open.remove(from) {
            self.open.insert(to.to_owned(), file);
        }
        self.sync_dir()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.open.remove(name);
        fs::remove_file(self.reader.path(name)?)?;
        self.sync_dir()
    }
}
