//! The container: one file with a header, a table of sections, and the sections.
//!
//! All numbers are little-endian. The header is: magic (8 bytes), version (4), byte-order mark
//! (4), length of the file (8), checksum of everything behind the checksum (8), then for each
//! section its offset and length (8 + 8). A reader trusts none of it before it has checked it.

use std::fs::{self, File};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use twox_hash::XxHash3_64;

use crate::cursor::{put_u32, put_u64, Cursor};
use crate::error::{Error, Result};
use crate::lines::Lines;
use crate::trie::TrieWriter;

/// Version of the file this build reads and writes.
///
/// It counts up with every change of any section. Where that was forgotten, the probe tells: a key
/// that the file says it holds, and that must be found in it when it is opened.
pub const CONTAINER_VERSION: u32 = 2;

const MAGIC: &[u8; 8] = b"fltrdidx";
const BYTE_ORDER: u32 = 0x0102_0304;
const CHECKED_FROM: usize = 32;
const SECTIONS: usize = 6;
const HEADER: usize = CHECKED_FROM + SECTIONS * 16;

/// The sections beside the names.
pub(crate) struct Parts<'a> {
    pub(crate) sets: &'a [u8],
    pub(crate) regexes: &'a [u8],
    pub(crate) networks: &'a [u8],
    pub(crate) meta: &'a str,
}

/// Where the sections stand, in the order of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) names: Range<usize>,
    pub(crate) sets: Range<usize>,
    pub(crate) regexes: Range<usize>,
    pub(crate) networks: Range<usize>,
    pub(crate) meta: Range<usize>,
    pub(crate) probe: Range<usize>,
}

/// Returns the bytes of an index; `names` are sorted keys with their set numbers.
pub(crate) fn assemble<'k>(
    names: impl Iterator<Item = (&'k [u8], u32)>,
    parts: &Parts<'_>,
) -> Result<Vec<u8>> {
    let mut bytes = vec![0u8; HEADER];
    let mut trie = TrieWriter::new(&mut bytes);
    let mut probe: &[u8] = &[];
    for (key, set) in names {
        trie.insert(key, set)?;
        probe = key;
    }
    trie.finish()?;
    let mut table = vec![(HEADER, bytes.len() - HEADER)];
    for part in [
        parts.sets,
        parts.regexes,
        parts.networks,
        parts.meta.as_bytes(),
        probe,
    ] {
        table.push((bytes.len(), part.len()));
        bytes.extend_from_slice(part);
    }
    seal(&mut bytes, &table);
    Ok(bytes)
}

/// Fills in the header of `bytes`, whose sections stand where `table` (offset, length) says.
fn seal(bytes: &mut [u8], table: &[(usize, usize)]) {
    let mut header = Vec::with_capacity(HEADER);
    for (offset, length) in table {
        put_u64(&mut header, *offset as u64);
        put_u64(&mut header, *length as u64);
    }
    bytes[CHECKED_FROM..HEADER].copy_from_slice(&header);
    let checksum = XxHash3_64::oneshot(&bytes[CHECKED_FROM..]);
    header.clear();
    header.extend_from_slice(MAGIC);
    put_u32(&mut header, CONTAINER_VERSION);
    put_u32(&mut header, BYTE_ORDER);
    put_u64(&mut header, bytes.len() as u64);
    put_u64(&mut header, checksum);
    bytes[..CHECKED_FROM].copy_from_slice(&header);
}

/// Puts a valid header before arbitrary sections. The first four bytes of `data` say how long the
/// first four sections are, in 255ths of the rest. For fuzzing: hostile bytes behind a checksum
/// that fits.
pub fn with_header(data: &[u8]) -> Vec<u8> {
    let (shares, body) = data.split_at(data.len().min(SECTIONS - 1));
    let mut bytes = vec![0u8; HEADER];
    bytes.extend_from_slice(body);
    let mut table = Vec::with_capacity(SECTIONS);
    let (mut start, mut rest) = (HEADER, body.len());
    for section in 0..SECTIONS {
        let share = shares.get(section).map_or(255, |share| usize::from(*share));
        let length = rest * share / 255;
        let length = if section == SECTIONS - 1 {
            rest
        } else {
            length
        };
        table.push((start, length));
        start += length;
        rest -= length;
    }
    seal(&mut bytes, &table);
    bytes
}

/// Returns the checksum in the header of `bytes`: it tells one index from another.
pub(crate) fn identity(bytes: &[u8]) -> u64 {
    let chunk = bytes.get(24..).and_then(|rest| rest.first_chunk());
    chunk.map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

/// Reads the header; with `verify` also the checksum.
pub(crate) fn read(bytes: &[u8], verify: bool) -> Result<Layout> {
    if !bytes.starts_with(MAGIC) {
        return Err(Error::Foreign);
    }
    let mut cursor = Cursor::new(&bytes[MAGIC.len()..], "header");
    let version = cursor.u32()?;
    let order = cursor.u32()?;
    if order == BYTE_ORDER.swap_bytes() {
        return Err(Error::ByteOrder);
    }
    if version != CONTAINER_VERSION {
        return Err(Error::Version { found: version });
    }
    if order != BYTE_ORDER {
        return Err(cursor.damaged("byte-order mark"));
    }
    let length = cursor.u64()?;
    let checksum = cursor.u64()?;
    if length != bytes.len() as u64 {
        return Err(cursor.damaged(&format!("{} of {length} bytes", bytes.len())));
    }
    if verify && XxHash3_64::oneshot(&bytes[CHECKED_FROM..]) != checksum {
        return Err(cursor.damaged("checksum"));
    }
    let mut end = HEADER;
    let mut section = || -> Result<Range<usize>> {
        let start = usize::try_from(cursor.u64()?)
            .ok()
            .filter(|start| *start == end);
        let size = usize::try_from(cursor.u64()?).ok();
        let range = start
            .zip(size)
            .and_then(|(start, size)| Some(start..start.checked_add(size)?));
        let range = range.filter(|range| range.end <= bytes.len());
        let range = range.ok_or_else(|| cursor.damaged("section table"))?;
        end = range.end;
        Ok(range)
    };
    let layout = Layout {
        names: section()?,
        sets: section()?,
        regexes: section()?,
        networks: section()?,
        meta: section()?,
        probe: section()?,
    };
    if end != bytes.len() {
        return Err(Error::damaged("header: bytes left over"));
    }
    Ok(layout)
}

/// Writes the lines, then the index, each by a new file that takes the name when it is on disk.
/// Between the two renames the old index has lines that are not its own, which its reader sees.
pub(crate) fn write(path: &Path, bytes: &[u8], lines: Option<&Lines>) -> Result<()> {
    let beside = Lines::path(path);
    match lines {
        Some(lines) => replace(&beside, lines.as_ref())?,
        None => match fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io(&beside, error))
            }
            _ => {}
        },
    }
    replace(path, bytes)?;
    sync_folder(path)
}

fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = draft_path(path);
    let written = (|| {
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    written.map_err(|error| {
        // The first error is the one to report; a draft that cannot be removed is overwritten.
        let _ = fs::remove_file(&draft);
        Error::io(path, error)
    })
}

/// Two processes that write the same index must not share a draft.
fn draft_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(name)
}

fn sync_folder(path: &Path) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| Error::io(folder, e))
}
