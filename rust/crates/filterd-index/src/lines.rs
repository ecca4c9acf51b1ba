//! Line numbers of name rules, in a file of their own that is read only to explain.
//!
//! `PATH.lines` holds the line of every rule in the order of the names in the index, so that the
//! names need not be in it again: only every 64th is, as a *stop* from which the index is counted
//! on. It carries the checksum of its index; beside another one, or of another version, it counts as
//! absent.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::cursor::{put_u32, put_u64, Cursor};
use crate::error::{Error, Result};
use crate::map::Bytes;
use crate::names::Names;
use crate::out::Out;
use crate::sets::Member;

const MAGIC: &[u8; 8] = b"fltrdlin";
const VERSION: u32 = 2;
/// Magic, version, number of lines, number of stops, bytes of their keys, checksum of the index.
pub(crate) const HEADER: usize = 8 + 4 + 4 + 4 + 4 + 8;
/// Names from one stop to the next.
const STRIDE: u32 = 64;
/// A stop: lines before it, and where its key ends.
const STOP: usize = 4 + 4;

/// Writes lines in the order of their names.
pub(crate) struct LinesWriter<'f> {
    out: Out<'f>,
    lines: u32,
    names: u32,
    stops: Vec<u8>,
    keys: Vec<u8>,
}

impl<'f> LinesWriter<'f> {
    /// Starts with room for the header, which `finish` returns.
    pub(crate) fn new(mut out: Out<'f>) -> LinesWriter<'f> {
        out.end().extend_from_slice(&[0; HEADER]);
        LinesWriter {
            out,
            lines: 0,
            names: 0,
            stops: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Begins a name that is in the index.
    pub(crate) fn name(&mut self, key: &[u8]) {
        if self.names % STRIDE == 0 {
            self.keys.extend_from_slice(key);
            put_u32(&mut self.stops, self.lines);
            put_u32(&mut self.stops, self.keys.len() as u32);
        }
        self.names += 1;
    }

    /// Adds the line of the name's next rule.
    pub(crate) fn line(&mut self, line: u32) -> Result<()> {
        self.lines = self.lines.checked_add(1).ok_or(Error::TooBig)?;
        put_u32(self.out.end(), line);
        self.out.settle()
    }

    /// Writes the stops; returns the header, and the rest where there is no file.
    pub(crate) fn finish(mut self, identity: u64) -> Result<(Vec<u8>, Vec<u8>)> {
        self.out.end().extend_from_slice(&self.stops);
        self.out.end().extend_from_slice(&self.keys);
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(MAGIC);
        put_u32(&mut header, VERSION);
        put_u32(&mut header, self.lines);
        put_u32(&mut header, (self.stops.len() / STOP) as u32);
        put_u32(&mut header, self.keys.len() as u32);
        put_u64(&mut header, identity);
        Ok((header, self.out.finish()?))
    }
}

/// The lines of an index.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    bytes: Bytes,
    lines: Range<usize>,
    stops: Range<usize>,
    keys: Range<usize>,
}

impl Lines {
    /// Maps the lines of the index at `path`; `None` where there are none or they are of another.
    pub(crate) fn open(path: &Path, identity: u64) -> Result<Option<Lines>> {
        match Bytes::map(&Lines::path(path)) {
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(None)
            }
            other => Lines::read(other?, identity),
        }
    }

    /// Reads lines held in memory.
    pub(crate) fn read(bytes: Bytes, identity: u64) -> Result<Option<Lines>> {
        let mut cursor = Cursor::new(bytes.as_ref(), "lines");
        if cursor.bytes(MAGIC.len())? != MAGIC {
            return Err(cursor.damaged("not a table of lines"));
        }
        if cursor.u32()? != VERSION {
            return Ok(None);
        }
        let (lines, stops) = (cursor.u32()? as usize, cursor.u32()? as usize);
        let keys = cursor.u32()? as usize;
        if cursor.u64()? != identity {
            return Ok(None);
        }
        let lines = HEADER..HEADER + 4 * lines;
        let stops = lines.end..lines.end + STOP * stops;
        let keys = stops.end..stops.end + keys;
        if keys.end != bytes.as_ref().len() {
            return Err(cursor.damaged("wrong length"));
        }
        Ok(Some(Lines {
            bytes,
            lines,
            stops,
            keys,
        }))
    }

    /// All of it, as it stands in the file.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// Returns where the lines of the index at `path` stand.
    pub(crate) fn path(path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(".lines");
        PathBuf::from(name)
    }

    /// Returns the line of a rule of `names`, 0 where it is unknown.
    pub(crate) fn get(&self, names: &Names, key: &[u8], member: Member) -> u32 {
        let count = self.stops.len() / STOP;
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.stop(middle).is_some_and(|(_, stop)| stop <= key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some((before, from)) = low.checked_sub(1).and_then(|at| self.stop(at)) else {
            return 0;
        };
        let mut place = before;
        let mut found = None;
        names.between(from, key, |met, set| {
            if met == key {
                let at = names.members(set).position(|each| each == member);
                found = at.map(|at| place + at);
            }
            place += names.members(set).count();
        });
        found
            .and_then(|place| self.number(&self.lines, place))
            .unwrap_or(0)
    }

    /// The lines before a stop, and its key.
    fn stop(&self, at: usize) -> Option<(usize, &[u8])> {
        let start = match at.checked_sub(1) {
            Some(before) => self.number(&self.stops, 2 * before + 1)?,
            None => 0,
        };
        let before = self.number(&self.stops, 2 * at)?;
        let end = self.number(&self.stops, 2 * at + 1)?;
        let keys = self.bytes.as_ref().get(self.keys.clone())?;
        Some((before as usize, keys.get(start as usize..end as usize)?))
    }

    fn number(&self, part: &Range<usize>, at: usize) -> Option<u32> {
        let bytes = self.bytes.as_ref().get(part.clone())?;
        let chunk = bytes.get(4 * at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*chunk))
    }
}
