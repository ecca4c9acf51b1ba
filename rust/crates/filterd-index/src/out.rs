//! Bytes on their way into a file or into memory. Only the last of them can be looked at again,
//! so that an index of any size is written with a little memory.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// How far back bytes can be looked at and cut off.
pub(crate) const REACH: usize = 64 << 10;
/// Bytes held before those beyond the reach are written.
const HELD: usize = 1 << 20;

/// A sink. Without a file it holds everything.
pub(crate) struct Out<'f> {
    file: Option<(&'f File, &'f Path)>,
    /// Bytes in front of `held` that are in the file.
    gone: usize,
    held: Vec<u8>,
}

impl<'f> Out<'f> {
    /// Starts with nothing, in memory.
    pub(crate) fn memory() -> Out<'f> {
        Out {
            file: None,
            gone: 0,
            held: Vec::new(),
        }
    }

    /// Starts at the beginning of `file`, which is at `path`.
    pub(crate) fn file(file: &'f File, path: &'f Path) -> Out<'f> {
        Out {
            file: Some((file, path)),
            gone: 0,
            held: Vec::with_capacity(HELD + REACH),
        }
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.gone + self.held.len()
    }

    /// The bytes that can be added to.
    pub(crate) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.held
    }

    /// The bytes from `start` on, if they are within the reach.
    pub(crate) fn since(&self, start: usize) -> Option<&[u8]> {
        self.held.get(start.checked_sub(self.gone)?..)
    }

    /// Cuts off what stands from `length` on, which is within the reach.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.held.truncate(length.saturating_sub(self.gone));
    }

    /// Writes what is beyond the reach, once it is worth it.
    pub(crate) fn settle(&mut self) -> Result<()> {
        if self.held.len() < HELD + REACH {
            return Ok(());
        }
        self.write(self.held.len() - REACH)
    }

    /// Writes the rest. Without a file, returns it.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        if self.file.is_some() {
            self.write(self.held.len())?;
        }
        Ok(self.held)
    }

    fn write(&mut self, count: usize) -> Result<()> {
        let Some((mut file, path)) = self.file else {
            return Ok(());
        };
        file.write_all(&self.held[..count])
            .map_err(|e| Error::io(path, e))?;
        self.held.drain(..count);
        self.gone += count;
        Ok(())
    }
}
