//! Reading and writing of little-endian numbers with every length checked.

use crate::error::{Error, Result};

/// Reads from the front of a slice.
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    place: &'static str,
}

impl<'a> Cursor<'a> {
    /// `place` names the bytes in error messages.
    pub(crate) fn new(bytes: &'a [u8], place: &'static str) -> Cursor<'a> {
        Cursor { rest: bytes, place }
    }

    pub(crate) fn damaged(&self, what: &str) -> Error {
        Error::damaged(format!("{}: {what}", self.place))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| self.damaged("too short"))?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| self.damaged("too short"))?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn u128(&mut self) -> Result<u128> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    /// Reads a count of items that take at least `least` bytes each, so that a damaged count
    /// cannot ask for more memory than the bytes could fill.
    pub(crate) fn count(&mut self, least: usize) -> Result<usize> {
        let count = self.u32()? as usize;
        if count.saturating_mul(least) > self.rest.len() {
            return Err(self.damaged("count beyond its end"));
        }
        Ok(count)
    }
}

pub(crate) fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

pub(crate) fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}
