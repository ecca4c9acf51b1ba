//! Compiled lists as bytes, so that several processes need not compile them.
//!
//! Header, little endian: magic (8), version (4), length of the head (4), length of the file (8),
//! XXH3-64 of everything behind the header (8). Then the head, JSON: the version of the matcher,
//! the counts, and for each engine its class, its length and what its rules need. Then the engines as the matcher writes them.
//!
//! The checksum finds damage, not malice. The matcher skips its own check of the bytes where its
//! version wrote them; that version is therefore blanked here, so that it always looks. A file
//! that somebody made by hand with a right checksum may still match nonsense, but touches no
//! memory that is not its own.

use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::Path;

use adblock::request::Request;
use adblock::Engine;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::abp::{guarded, Abp, Part};
use crate::error::{Error, Result};
use crate::lines::Counts;
use crate::need::{Needed, Needs};

const MAGIC: &[u8; 8] = b"FILTDABP";
const VERSION: u32 = 2;
const HEADER: usize = 32;
/// Where the matcher's bytes say by which version they were written, and what we put there.
const WRITER: Range<usize> = 13..29;
const NO_WRITER: [u8; 16] = *b"checked\0\0\0\0\0\0\0\0\0";
const MATCHER: &str = "adblock 0.13.5";
/// Longest file that is read, in bytes.
pub const MAX_FILE: u64 = 512 << 20;

#[derive(Serialize, Deserialize)]
struct Head {
    matcher: String,
    counts: Vec<Counts>,
    engines: Vec<(u32, usize, Needs)>,
}

impl Abp {
    /// All of it as bytes, for [`Abp::from_bytes`].
    ///
    /// # Errors
    /// [`Error::TooBig`]; [`Error::Failed`] if the matcher writes what it does not read.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        let mut engines = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let mut bytes = part.engine.serialize();
            let writer = bytes.get_mut(WRITER).ok_or(Error::Failed)?;
            writer.copy_from_slice(&NO_WRITER);
            engines.push((part.class, bytes.len(), part.needed.needs.clone()));
            body.append(&mut bytes);
        }
        let head = serde_json::to_vec(&Head {
            matcher: MATCHER.to_owned(),
            counts: self.counts.clone(),
            engines,
        })
        .map_err(|_| Error::Failed)?;
        let total = HEADER + head.len() + body.len();
        if total as u64 > MAX_FILE {
            return Err(Error::TooBig);
        }
        let mut out = Vec::with_capacity(total);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        let length = u32::try_from(head.len()).map_err(|_| Error::TooBig)?;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(total as u64).to_le_bytes());
        out.extend_from_slice(&checksum(&head, &body).to_le_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(&body);
        Ok(out)
    }

    /// Reads what [`Abp::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Foreign`], [`Error::Version`], [`Error::Damaged`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Abp> {
        if !bytes.starts_with(MAGIC) {
            return Err(Error::Foreign);
        }
        let version = u32::from_le_bytes(field(bytes, 8)?);
        if version != VERSION {
            return Err(Error::Version(format!("file {version}")));
        }
        if u64::from_le_bytes(field(bytes, 16)?) != bytes.len() as u64 {
            return Err(Error::Damaged("length"));
        }
        let head = u32::from_le_bytes(field(bytes, 12)?) as usize;
        let rest = bytes.get(HEADER..).ok_or(Error::Damaged("header"))?;
        let (head, mut body) = rest
            .split_at_checked(head)
            .ok_or(Error::Damaged("length of the head"))?;
        if u64::from_le_bytes(field(bytes, 24)?) != checksum(head, body) {
            return Err(Error::Damaged("checksum"));
        }
        let head: Head = serde_json::from_slice(head).map_err(|_| Error::Damaged("head"))?;
        if head.matcher != MATCHER {
            return Err(Error::Version(head.matcher));
        }
        let mut parts = Vec::new();
        for (class, length, needs) in head.engines {
            let (engine, next) = body
                .split_at_checked(length)
                .ok_or(Error::Damaged("length of an engine"))?;
            body = next;
            parts.push(Part {
                class,
                engine: guarded(|| load(engine)).map_err(|_| Error::Damaged("engine"))?,
                needed: Needed::new(needs)?,
            });
        }
        if !body.is_empty() {
            return Err(Error::Damaged("behind the engines"));
        }
        Ok(Abp {
            parts,
            counts: head.counts,
        })
    }

    /// Writes the file beside `path`, then puts it there.
    ///
    /// # Errors
    /// [`Error::Io`], and those of [`Abp::to_bytes`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes = self.to_bytes()?;
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let beside = Path::new(&name);
        let written = File::create(beside)
            .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(beside, path));
        written.map_err(|source| {
            // The first error is the one that matters; what is left is overwritten the next time.
            let _ = fs::remove_file(beside);
            Error::io(path, source)
        })
    }

    /// Reads a file of at most [`MAX_FILE`] bytes.
    ///
    /// # Errors
    /// [`Error::Io`], and those of [`Abp::from_bytes`].
    pub fn open(path: &Path) -> Result<Abp> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
            .map_err(|source| Error::io(path, source))?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(Error::Damaged("length"));
        }
        Abp::from_bytes(&bytes)
    }
}

fn load(bytes: &[u8]) -> Result<Engine> {
    if bytes.get(WRITER) != Some(&NO_WRITER[..]) {
        return Err(Error::Damaged("writer"));
    }
    let mut engine = Engine::default();
    engine
        .deserialize(bytes)
        .map_err(|_| Error::Damaged("engine"))?;
    // Looks into every table once, so that a missing one is found now and not in traffic.
    let probe =
        Request::new("https://probe.invalid/", "", "script", "get").map_err(|_| Error::Url)?;
    engine.check_network_request_subset(&probe, false, true);
    Ok(engine)
}

fn checksum(head: &[u8], body: &[u8]) -> u64 {
    let mut hasher = XxHash3_64::new();
    hasher.write(head);
    hasher.write(body);
    hasher.finish()
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    let field = bytes
        .get(at..at + N)
        .and_then(|field| field.try_into().ok());
    field.ok_or(Error::Damaged("header"))
}
