//! Compiled lists of hashed URLs as one file.
//!
//! All numbers are little-endian. The header is: magic (8 bytes), version (4), byte-order mark (4),
//! length of the file (8), checksum of everything behind the checksum (8), number of lists (4). Then
//! for each list: class (4), width (4), bits of the directory (4), number of entries (4), length of
//! the salt (4), salt. Then for each list its directory and its entries (`hashed.rs`).
//!
//! A reader trusts none of it. The checksum finds damage; that tables are sorted and directories
//! right is checked too, so what opens says exactly what its entries say.

use std::fs::File;
use std::hash::Hasher;
use std::ops::Range;
use std::path::Path;

use twox_hash::XxHash3_64;

use crate::cursor::{put_u32, put_u64, Cursor};
use crate::error::{Error, Result};
use crate::hashed::{
    bucket, directory_bits, HashedList, HashedUrls, Table, MAX_HASHED_ENTRIES, MAX_HASHED_LISTS,
    PREFIX_BYTES, SALT_BYTES,
};
use crate::hmac::Hmac;
use crate::map::{Bytes, Section};
use crate::write::{self, Draft};

const MAGIC: &[u8; 8] = b"fltrdhsh";
const VERSION: u32 = 1;
const BYTE_ORDER: u32 = 0x0102_0304;
const CHECKSUM: Range<usize> = 24..32;
const PLACE: &str = "hashed URLs";

/// What stands in the head of a file for a list.
struct Row<'a> {
    class: u32,
    width: usize,
    bits: u32,
    entries: usize,
    salt: &'a [u8],
}

/// Returns the file of `lists`.
pub(crate) fn assemble(lists: &[HashedList<'_>]) -> Result<Vec<u8>> {
    if lists.len() > MAX_HASHED_LISTS {
        return Err(refused(format!("more than {MAX_HASHED_LISTS} lists")));
    }
    let mut head = Vec::new();
    let mut body = Vec::new();
    for list in lists {
        check_bounds(list.width, list.salt.len())?;
        if list.prefixes.len() % list.width != 0 {
            return Err(refused(format!(
                "entries that are not of {} bytes",
                list.width
            )));
        }
        let mut entries: Vec<&[u8]> = list.prefixes.chunks_exact(list.width).collect();
        entries.sort_unstable();
        entries.dedup();
        if entries.len() > MAX_HASHED_ENTRIES {
            return Err(refused(format!("more than {MAX_HASHED_ENTRIES} entries")));
        }
        let bits = directory_bits(entries.len());
        for number in [list.class, list.width as u32, bits, entries.len() as u32] {
            put_u32(&mut head, number);
        }
        put_u32(&mut head, list.salt.len() as u32);
        head.extend_from_slice(list.salt);
        let mut first = 0;
        for at in 0..=1 << bits {
            while entries
                .get(first)
                .is_some_and(|entry| bucket(entry, bits) < at)
            {
                first += 1;
            }
            put_u32(&mut body, first as u32);
        }
        body.reserve(entries.len() * list.width);
        entries
            .iter()
            .for_each(|entry| body.extend_from_slice(entry));
    }
    let mut rest = Vec::with_capacity(4 + head.len() + body.len());
    put_u32(&mut rest, lists.len() as u32);
    rest.append(&mut head);
    rest.append(&mut body);
    Ok(with_header(&rest))
}

/// Puts a header with a right checksum before `rest`.
pub fn with_header(rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(CHECKSUM.end + rest.len());
    out.extend_from_slice(MAGIC);
    put_u32(&mut out, VERSION);
    put_u32(&mut out, BYTE_ORDER);
    put_u64(&mut out, (CHECKSUM.end + rest.len()) as u64);
    put_u64(&mut out, checksum(rest));
    out.extend_from_slice(rest);
    out
}

pub(crate) fn open(path: &Path) -> Result<HashedUrls> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    match Bytes::map_file(&file, path) {
        // An empty file cannot be mapped on some systems; it is foreign, not unreadable.
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::InvalidInput => {
            Err(Error::Foreign)
        }
        mapped => read(mapped?),
    }
}

pub(crate) fn save(bytes: &[u8], path: &Path) -> Result<()> {
    let draft = Draft::create(path)?;
    draft.head(bytes)?;
    write::settle(path, draft)
}

/// Verifies and opens.
pub(crate) fn read(bytes: Bytes) -> Result<HashedUrls> {
    let all = bytes.as_ref();
    let mut cursor = Cursor::new(all, PLACE);
    check_header(all, &mut cursor)?;
    let count = cursor.count(20)?;
    if count > MAX_HASHED_LISTS {
        return Err(cursor.damaged("number of lists"));
    }
    let mut rows = Vec::with_capacity(count);
    for _ in 0..count {
        rows.push(row(&mut cursor)?);
    }
    let mut at = all.len() - cursor.left();
    let mut lists = Vec::with_capacity(count);
    for row in &rows {
        let directory = at..at + ((1 << row.bits) + 1) * 4;
        let entries = directory.end..directory.end + row.entries * row.width;
        at = entries.end;
        let section = |range| Section::new(&bytes, range);
        let (directory, entries) = section(directory)
            .zip(section(entries))
            .ok_or_else(|| cursor.damaged("too short"))?;
        let list = Table {
            class: row.class,
            width: row.width,
            hmac: Hmac::new(row.salt).ok_or_else(|| cursor.damaged("salt"))?,
            bits: row.bits,
            directory,
            entries,
        };
        check(&list)?;
        lists.push(list);
    }
    if at != all.len() {
        return Err(cursor.damaged("bytes left over"));
    }
    Ok(HashedUrls { bytes, lists })
}

fn check_header(all: &[u8], cursor: &mut Cursor<'_>) -> Result<()> {
    if cursor.bytes(MAGIC.len()).ok() != Some(&MAGIC[..]) {
        return Err(Error::Foreign);
    }
    let version = cursor.u32()?;
    if cursor.u32()? != BYTE_ORDER {
        return Err(Error::ByteOrder);
    }
    if version != VERSION {
        let found = format!("file of version {version}; compile the lists again");
        return Err(refused(found));
    }
    let length = cursor.u64()?;
    if length != all.len() as u64 {
        return Err(cursor.damaged(&format!("{} of {length} bytes", all.len())));
    }
    if cursor.u64()? != checksum(&all[CHECKSUM.end..]) {
        return Err(cursor.damaged("checksum"));
    }
    Ok(())
}

fn row<'a>(cursor: &mut Cursor<'a>) -> Result<Row<'a>> {
    let class = cursor.u32()?;
    let width = cursor.u32()? as usize;
    let bits = cursor.u32()?;
    let entries = cursor.u32()? as usize;
    let salt = cursor.u32()? as usize;
    let bounds = check_bounds(width, salt);
    if bounds.is_err() || entries > MAX_HASHED_ENTRIES || bits != directory_bits(entries) {
        return Err(cursor.damaged("head of a list"));
    }
    Ok(Row {
        class,
        width,
        bits,
        entries,
        salt: cursor.bytes(salt)?,
    })
}

/// Checks that entries are sorted, and that the directory says of each value where they begin.
fn check(list: &Table) -> Result<()> {
    let damaged = |what: &str| Err(Error::damaged(format!("{PLACE}: {what}")));
    let mut before: Option<&[u8]> = None;
    let mut next = 0; // the value whose beginning comes next
    for (at, entry) in list.entries.as_ref().chunks_exact(list.width).enumerate() {
        if before.is_some_and(|before| before >= entry) {
            return damaged("entries are not sorted");
        }
        before = Some(entry);
        while next <= bucket(entry, list.bits) {
            if list.start(next) != at {
                return damaged("directory");
            }
            next += 1;
        }
    }
    for value in next..=1 << list.bits {
        if list.start(value) != list.len() {
            return damaged("directory");
        }
    }
    Ok(())
}

fn check_bounds(width: usize, salt: usize) -> Result<()> {
    if !PREFIX_BYTES.contains(&width) {
        let (low, high) = (PREFIX_BYTES.start(), PREFIX_BYTES.end());
        return Err(refused(format!(
            "entries of {width} bytes, not {low} to {high}"
        )));
    }
    if !SALT_BYTES.contains(&salt) {
        let (low, high) = (SALT_BYTES.start(), SALT_BYTES.end());
        return Err(refused(format!(
            "a salt of {salt} bytes, not {low} to {high}"
        )));
    }
    Ok(())
}

fn refused(why: impl Into<String>) -> Error {
    Error::Hashed(why.into())
}

fn checksum(rest: &[u8]) -> u64 {
    let mut checksum = XxHash3_64::new();
    checksum.write(rest);
    checksum.finish()
}
