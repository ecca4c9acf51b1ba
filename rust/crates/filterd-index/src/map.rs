//! The bytes of an index: mapped from a file, or owned.
//!
//! The one module with `unsafe`: mapping is sound only while nobody changes the file in place.
//! filterd never does; it writes a new file and renames it over the old one, which leaves the
//! mapped inode as it was.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use memmap2::{Mmap, MmapOptions, UncheckedAdvice};

use crate::error::{Error, Result};

/// Immutable bytes, cheap to share.
#[derive(Debug, Clone)]
pub(crate) enum Bytes {
    Owned(Arc<Vec<u8>>),
    Mapped(Arc<Mmap>),
}

impl Bytes {
    pub(crate) fn owned(bytes: Vec<u8>) -> Bytes {
        Bytes::Owned(Arc::new(bytes))
    }

    /// Maps the file at `path`.
    pub(crate) fn map(path: &Path) -> Result<Bytes> {
        Bytes::map_file(&File::open(path).map_err(|e| Error::io(path, e))?, path)
    }

    /// Maps `file`, which is at `path`.
    #[allow(unsafe_code)]
    pub(crate) fn map_file(file: &File, path: &Path) -> Result<Bytes> {
        // SAFETY: index files are replaced by rename and never written in place (module docs).
        let map = unsafe { MmapOptions::new().map(file) }.map_err(|e| Error::io(path, e))?;
        Ok(Bytes::Mapped(Arc::new(map)))
    }

    /// Gives the memory of mapped pages back to the system.
    #[allow(unsafe_code)]
    pub(crate) fn set_aside(&self) {
        if let Bytes::Mapped(map) = self {
            // A system that cannot leaves them where they are.
            // SAFETY: the file does not change (module docs), so a page that is asked for again has
            // the bytes it had.
            let _ = unsafe { map.unchecked_advise(UncheckedAdvice::DontNeed) };
        }
    }
}

impl AsRef<[u8]> for Bytes {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        match self {
            Bytes::Owned(bytes) => bytes,
            Bytes::Mapped(map) => map,
        }
    }
}

/// A part of the bytes of an index.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    bytes: Bytes,
    range: Range<usize>,
}

impl Section {
    /// Returns the part at `range`, or `None` where the bytes are shorter.
    pub(crate) fn new(bytes: &Bytes, range: Range<usize>) -> Option<Section> {
        bytes.as_ref().get(range.clone())?;
        Some(Section {
            bytes: bytes.clone(),
            range,
        })
    }
}

impl AsRef<[u8]> for Section {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        &self.bytes.as_ref()[self.range.clone()]
    }
}
