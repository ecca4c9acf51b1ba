//! The container: one file with a header, a table of sections, and the sections.
//!
//! All numbers are little-endian. The header is: magic (8 bytes), version (4), byte-order mark
//! (4), length of the file (8), checksum of everything behind the checksum (8), then for each
//! section its offset and length (8 + 8). A reader trusts none of it before it has checked it.

use std::hash::Hasher;
use std::ops::Range;

use twox_hash::XxHash3_64;

use crate::cursor::{put_u32, put_u64, Cursor};
use crate::error::{Error, Result};
use crate::out::Out;
use crate::trie::TrieWriter;

/// Version of the file this build reads and writes.
///
/// It counts up with every change of any section. Where that was forgotten, the probe tells: a key
/// that the file says it holds, and that must be found in it when it is opened.
pub const CONTAINER_VERSION: u32 = 3;

const MAGIC: &[u8; 8] = b"fltrdidx";
const BYTE_ORDER: u32 = 0x0102_0304;
pub(crate) const CHECKED_FROM: usize = 32;
const SECTIONS: usize = 6;
pub(crate) const HEADER: usize = CHECKED_FROM + SECTIONS * 16;

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

/// Where sections stand while an index is written: (offset, length) of each.
pub(crate) type Table = Vec<(usize, usize)>;

/// Writes room for the header, names by `names`, and the other sections.
pub(crate) fn assemble(
    out: &mut Out<'_>,
    parts: &Parts<'_>,
    names: impl FnOnce(&mut TrieWriter<'_, '_>) -> Result<()>,
) -> Result<Table> {
    out.end().extend_from_slice(&[0; HEADER]);
    let mut trie = TrieWriter::new(out);
    names(&mut trie)?;
    let probe = trie.finish()?;
    let mut table = vec![(HEADER, out.len() - HEADER)];
    for part in [
        parts.sets,
        parts.regexes,
        parts.networks,
        parts.meta.as_bytes(),
        &probe,
    ] {
        table.push((out.len(), part.len()));
        out.end().extend_from_slice(part);
        out.settle()?;
    }
    Ok(table)
}

/// Returns the header of an index of `length` bytes whose sections stand where `table` says.
/// `rest` hands over, piece by piece, all that stands behind it.
pub(crate) fn header(
    table: &Table,
    length: usize,
    rest: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<()>,
) -> Result<Vec<u8>> {
    let mut sections = Vec::with_capacity(HEADER - CHECKED_FROM);
    for (offset, size) in table {
        put_u64(&mut sections, *offset as u64);
        put_u64(&mut sections, *size as u64);
    }
    let mut checksum = XxHash3_64::new();
    checksum.write(&sections);
    rest(&mut |piece| checksum.write(piece))?;
    let mut header = Vec::with_capacity(HEADER);
    header.extend_from_slice(MAGIC);
    put_u32(&mut header, CONTAINER_VERSION);
    put_u32(&mut header, BYTE_ORDER);
    put_u64(&mut header, length as u64);
    put_u64(&mut header, checksum.finish());
    header.extend_from_slice(&sections);
    Ok(header)
}

/// Fills in the header of `bytes`, which has room for it.
pub(crate) fn seal(bytes: &mut [u8], table: &Table) {
    let (room, rest) = bytes.split_at_mut(HEADER);
    let whole = header(table, HEADER + rest.len(), |take| {
        take(rest);
        Ok(())
    });
    // Only reading the rest can fail, and it is in memory.
    if let Ok(header) = whole {
        room.copy_from_slice(&header);
    }
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

/// Checks all bytes behind the checksum, piece by piece.
pub(crate) fn verify(
    bytes: &[u8],
    pieces: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<()>,
) -> Result<()> {
    let mut checksum = XxHash3_64::new();
    pieces(&mut |piece| checksum.write(piece))?;
    if checksum.finish() != identity(bytes) {
        return Err(Error::damaged("header: checksum"));
    }
    Ok(())
}

/// Reads the header.
pub(crate) fn read(bytes: &[u8]) -> Result<Layout> {
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
    cursor.u64()?; // the checksum, see `verify`
    if length != bytes.len() as u64 {
        return Err(cursor.damaged(&format!("{} of {length} bytes", bytes.len())));
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
