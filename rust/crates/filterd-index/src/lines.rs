//! Line numbers of name rules, in a file of their own that is read only to explain.
//!
//! `PATH.lines` holds a hash and a line for each rule, sorted by hash. It carries the checksum of
//! the index it belongs to; beside another index it counts as absent.

use std::path::{Path, PathBuf};

use twox_hash::XxHash3_64;

use crate::cursor::{put_u32, put_u64, Cursor};
use crate::error::{Error, Result};
use crate::map::Bytes;
use crate::sets::Member;

const MAGIC: &[u8; 8] = b"fltrdlin";
const VERSION: u32 = 1;
/// Magic, version, number of rules, checksum of the index.
const HEADER: usize = 8 + 4 + 4 + 8;

/// A sorted table of hash -> line.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    bytes: Bytes,
    count: usize,
}

impl Lines {
    /// The hash under which the line of a rule stands.
    pub(crate) fn hash(key: &[u8], member: Member) -> u64 {
        XxHash3_64::oneshot_with_seed(u64::from(member.0), key)
    }

    /// Makes the table; `identity` is that of the index.
    pub(crate) fn build(mut found: Vec<(u64, u32)>, identity: u64) -> Lines {
        found.sort_unstable();
        let mut bytes = Vec::with_capacity(HEADER + found.len() * 12);
        bytes.extend_from_slice(MAGIC);
        put_u32(&mut bytes, VERSION);
        put_u32(&mut bytes, found.len() as u32);
        put_u64(&mut bytes, identity);
        found
            .iter()
            .for_each(|(hash, _)| put_u64(&mut bytes, *hash));
        found
            .iter()
            .for_each(|(_, line)| put_u32(&mut bytes, *line));
        Lines {
            bytes: Bytes::owned(bytes),
            count: found.len(),
        }
    }

    /// Maps the table of the index at `path`; `None` where there is none or it is of another.
    pub(crate) fn open(path: &Path, identity: u64) -> Result<Option<Lines>> {
        let bytes = match Bytes::map(&Lines::path(path), false) {
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None)
            }
            other => other?,
        };
        Lines::read(bytes, identity)
    }

    fn read(bytes: Bytes, identity: u64) -> Result<Option<Lines>> {
        let mut cursor = Cursor::new(bytes.as_ref(), "lines");
        if cursor.bytes(MAGIC.len())? != MAGIC || cursor.u32()? != VERSION {
            return Err(cursor.damaged("not a table of lines"));
        }
        let count = cursor.u32()? as usize;
        if cursor.u64()? != identity {
            return Ok(None);
        }
        if count
            .checked_mul(12)
            .and_then(|size| size.checked_add(HEADER))
            != Some(bytes.as_ref().len())
        {
            return Err(cursor.damaged("wrong length"));
        }
        Ok(Some(Lines { bytes, count }))
    }

    /// Returns where the table of the index at `path` stands.
    pub(crate) fn path(path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(".lines");
        PathBuf::from(name)
    }

    /// Returns the line of a rule, 0 where it is unknown.
    pub(crate) fn get(&self, key: &[u8], member: Member) -> u32 {
        let wanted = Lines::hash(key, member);
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.hash_at(middle) < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if low < self.count && self.hash_at(low) == wanted {
            self.line_at(low)
        } else {
            0
        }
    }

    fn hash_at(&self, number: usize) -> u64 {
        let chunk = self.bytes.as_ref().get(HEADER + 8 * number..);
        chunk
            .and_then(|rest| rest.first_chunk())
            .map_or(0, |chunk| u64::from_le_bytes(*chunk))
    }

    fn line_at(&self, number: usize) -> u32 {
        let chunk = self
            .bytes
            .as_ref()
            .get(HEADER + 8 * self.count + 4 * number..);
        chunk
            .and_then(|rest| rest.first_chunk())
            .map_or(0, |chunk| u32::from_le_bytes(*chunk))
    }
}

impl AsRef<[u8]> for Lines {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}
