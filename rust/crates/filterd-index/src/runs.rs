//! Sorted runs of names in a file without a name, and their merging.
//!
//! A run is one entry after the other: how many bytes of the key are those of the key before, how
//! many follow, these, the member, the line. The file is unlinked as soon as it is there, so that
//! whatever ends this process also ends the file.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::cursor::{put_u32, Cursor};
use crate::error::{Error, Result};
use crate::gather::Rule;
use crate::sets::Member;

/// Bytes of a run that are read at once.
const PIECE: usize = 128 << 10;
/// Longest entry: two lengths, the key, member and line.
const LONGEST: usize = 2 + 255 + 4 + 4;

#[derive(Debug)]
pub(crate) struct Runs {
    file: File,
    path: PathBuf,
    places: Vec<Range<u64>>,
    entries: u64,
}

impl Runs {
    /// Makes the file beside `path`.
    pub(crate) fn create(path: &Path) -> Result<Runs> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.runs", std::process::id()));
        let path = PathBuf::from(name);
        let mut options = File::options();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .and_then(|file| fs::remove_file(&path).map(|()| file))
            .map_err(|e| Error::io(&path, e))?;
        Ok(Runs {
            file,
            path,
            places: Vec::new(),
            entries: 0,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The number of entries of all runs.
    pub(crate) fn len(&self) -> u64 {
        self.entries
    }

    /// Writes sorted entries as one run.
    pub(crate) fn append<'k>(
        &mut self,
        entries: impl Iterator<Item = (&'k [u8], Rule)>,
    ) -> Result<()> {
        let start = self.places.last().map_or(0, |place| place.end);
        let mut end = start;
        let mut before: &[u8] = &[];
        let mut bytes = Vec::with_capacity(LONGEST);
        let mut sink = BufWriter::with_capacity(PIECE, &self.file);
        for (key, rule) in entries {
            let shared = before.iter().zip(key).take_while(|(a, b)| a == b).count();
            bytes.clear();
            bytes.extend_from_slice(&[shared as u8, (key.len() - shared) as u8]);
            bytes.extend_from_slice(&key[shared..]);
            put_u32(&mut bytes, rule.member.0);
            put_u32(&mut bytes, rule.line);
            sink.write_all(&bytes)
                .map_err(|e| Error::io(&self.path, e))?;
            end += bytes.len() as u64;
            self.entries += 1;
            before = key;
        }
        sink.flush().map_err(|e| Error::io(&self.path, e))?;
        drop(sink);
        self.places.push(start..end);
        Ok(())
    }

    /// Reads all runs as one.
    pub(crate) fn merge(&self) -> Result<Merge<'_>> {
        let mut heads = Vec::with_capacity(self.places.len());
        for place in &self.places {
            let mut head = Head {
                runs: self,
                place: place.clone(),
                piece: Vec::new(),
                at: 0,
                key: Vec::new(),
                rule: Rule {
                    member: Member(0),
                    line: 0,
                },
            };
            if head.step()? {
                heads.push(head);
            }
        }
        let mut merge = Merge { heads };
        for place in (0..merge.heads.len() / 2).rev() {
            merge.sink(place);
        }
        Ok(merge)
    }
}

/// The runs with the least entry first: a heap of their heads.
pub(crate) struct Merge<'r> {
    heads: Vec<Head<'r>>,
}

impl Merge<'_> {
    /// The least entry that is left.
    pub(crate) fn head(&self) -> Option<(&[u8], Rule)> {
        self.heads.first().map(|head| (&head.key[..], head.rule))
    }

    /// Goes on to the next.
    pub(crate) fn step(&mut self) -> Result<()> {
        let Some(first) = self.heads.first_mut() else {
            return Ok(());
        };
        if !first.step()? {
            self.heads.swap_remove(0);
        }
        self.sink(0);
        Ok(())
    }

    /// Lets the head at `place` down to where it is not above a lesser one.
    fn sink(&mut self, mut place: usize) {
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let mut least = place;
            for child in [left, right] {
                if child < self.heads.len() && self.heads[child].is_before(&self.heads[least]) {
                    least = child;
                }
            }
            if least == place {
                return;
            }
            self.heads.swap(place, least);
            place = least;
        }
    }
}

/// Where reading a run stands.
struct Head<'r> {
    runs: &'r Runs,
    place: Range<u64>,
    piece: Vec<u8>,
    at: usize,
    key: Vec<u8>,
    rule: Rule,
}

impl Head<'_> {
    fn is_before(&self, other: &Head<'_>) -> bool {
        let keys = self.key.cmp(&other.key);
        keys.then_with(|| self.rule.cmp(&other.rule)).is_lt()
    }

    /// Reads the next entry; says whether there was one.
    fn step(&mut self) -> Result<bool> {
        if self.piece.len() - self.at < LONGEST {
            self.fill()?;
        }
        let mut cursor = Cursor::new(&self.piece[self.at..], "scratch file");
        if cursor.is_empty() {
            return Ok(false);
        }
        let (shared, rest) = (cursor.u8()?, cursor.u8()?);
        let suffix = cursor.bytes(rest as usize)?;
        self.key.truncate(shared as usize);
        self.key.extend_from_slice(suffix);
        self.rule = Rule {
            member: Member(cursor.u32()?),
            line: cursor.u32()?,
        };
        self.at += 2 + rest as usize + 8;
        Ok(true)
    }

    fn fill(&mut self) -> Result<()> {
        self.piece.drain(..self.at);
        self.at = 0;
        let held = self.piece.len();
        let left = (self.place.end - self.place.start).min((PIECE - held) as u64) as usize;
        self.piece.resize(held + left, 0);
        let piece = &mut self.piece[held..];
        self.runs
            .file
            .read_exact_at(piece, self.place.start)
            .map_err(|e| Error::io(&self.runs.path, e))?;
        self.place.start += left as u64;
        Ok(())
    }
}
