//! An index on its way to disk: it takes its name when it is there whole.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::file::{self, Table, HEADER};
use crate::lines::Lines;

/// Bytes that are read at once for the checksum.
const PIECE: usize = 1 << 20;

/// A file under another name, which is removed unless it is put in place.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    target: PathBuf,
    placed: bool,
}

impl Draft {
    /// Starts what will be at `target`. Two processes that write the same share no draft.
    pub(crate) fn create(target: &Path) -> Result<Draft> {
        let mut name = target.as_os_str().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let path = PathBuf::from(name);
        let mut options = File::options();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(|e| Error::io(target, e))?;
        Ok(Draft {
            file,
            path,
            target: target.to_owned(),
            placed: false,
        })
    }

    /// Writes `header` over its room at the beginning.
    pub(crate) fn head(&self, header: &[u8]) -> Result<()> {
        let written = self.file.write_all_at(header, 0);
        written.map_err(|e| Error::io(&self.target, e))
    }

    /// Makes the file last and gives it its name.
    pub(crate) fn place(mut self) -> Result<()> {
        let synced = self.file.sync_all();
        synced
            .and_then(|()| fs::rename(&self.path, &self.target))
            .map_err(|e| Error::io(&self.target, e))?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.placed {
            // What is wrong is reported already; a draft that stays is overwritten.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Returns the header of the index in `draft`, which is whole but for it.
pub(crate) fn header(draft: &Draft, table: &Table) -> Result<Vec<u8>> {
    let length = draft.file.metadata().map(|meta| meta.len() as usize);
    let length = length.map_err(|e| Error::io(&draft.target, e))?;
    file::header(table, length, |take| {
        each_piece(&draft.file, &draft.target, HEADER..length, take)
    })
}

/// Hands over the bytes of `file` in `range`, piece by piece.
pub(crate) fn each_piece(
    file: &File,
    path: &Path,
    range: std::ops::Range<usize>,
    take: &mut dyn FnMut(&[u8]),
) -> Result<()> {
    let mut piece = vec![0; PIECE.min(range.len())];
    for start in range.clone().step_by(PIECE) {
        let piece = &mut piece[..PIECE.min(range.end - start)];
        file.read_exact_at(piece, start as u64)
            .map_err(|e| Error::io(path, e))?;
        take(piece);
    }
    Ok(())
}

/// Puts lines and index in place. Between the two the old index has lines that are not its own,
/// which its reader sees.
pub(crate) fn place(path: &Path, index: Draft, lines: Option<Draft>) -> Result<()> {
    match lines {
        Some(lines) => lines.place()?,
        None => {
            let beside = Lines::path(path);
            match fs::remove_file(&beside) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io(&beside, error))
                }
                _ => {}
            }
        }
    }
    settle(path, index)
}

/// Puts what is to be at `path` in place, for good.
pub(crate) fn settle(path: &Path, draft: Draft) -> Result<()> {
    draft.place()?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| Error::io(folder, e))
}
