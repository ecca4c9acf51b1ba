//! Resource records (RFC 1035 section 4.1.3): where they start, what they are, where they end.

use super::{name, u16_at, u32_at};

/// One record, as offsets into its message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// Where the owner name starts.
    pub(crate) owner: usize,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    /// Seconds, as sent.
    pub(crate) ttl: u32,
    /// Where the TTL stands.
    pub(crate) ttl_at: usize,
    /// Where the RDATA starts.
    pub(crate) rdata: usize,
    /// Where the record ends.
    pub(crate) end: usize,
}

/// Read the record at `at`; `None` if it does not fit into the message.
#[inline]
pub(crate) fn read(message: &[u8], at: usize) -> Option<Record> {
    let fixed = name::skip(message, at)?;
    let ttl_at = fixed + 4;
    let rdata = fixed + 10;
    let end = rdata + usize::from(u16_at(message, fixed + 8)?);
    if end > message.len() {
        return None;
    }
    Some(Record {
        owner: at,
        rtype: u16_at(message, fixed)?,
        class: u16_at(message, fixed + 2)?,
        ttl: u32_at(message, ttl_at)?,
        ttl_at,
        rdata,
        end,
    })
}

/// Walks the three record sections of a message from the end of its question.
pub(crate) struct Walk<'a> {
    message: &'a [u8],
    at: usize,
    left: [u16; 3],
    section: usize,
}

/// Sections as `Walk` numbers them.
pub(crate) const ANSWER: usize = 0;
pub(crate) const AUTHORITY: usize = 1;
pub(crate) const ADDITIONAL: usize = 2;

impl<'a> Walk<'a> {
    /// Start at `at`, the end of the question section. `None` without a whole header.
    pub(crate) fn new(message: &'a [u8], at: usize) -> Option<Self> {
        let left = [
            u16_at(message, 6)?,
            u16_at(message, 8)?,
            u16_at(message, 10)?,
        ];
        Some(Self {
            message,
            at,
            left,
            section: ANSWER,
        })
    }

    /// Where the walk stands: behind the last record read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next record with its section; `Ok(None)` at the end, `Err` where the message breaks.
    pub(crate) fn next(&mut self) -> Result<Option<(usize, Record)>, Broken> {
        while self.section <= ADDITIONAL {
            if self.left[self.section] == 0 {
                self.section += 1;
                continue;
            }
            self.left[self.section] -= 1;
            let record = read(self.message, self.at).ok_or(Broken)?;
            self.at = record.end;
            return Ok(Some((self.section, record)));
        }
        Ok(None)
    }
}

/// A record that runs out of its message, or a count that promises more than there is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;
