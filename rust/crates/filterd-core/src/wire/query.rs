//! A client's query: the question, the OPT record, or why it gets no answer.
//!
//! RFC 1035 section 4.1, RFC 6891 section 6.1.1 (two OPTs are a format error, and an unknown
//! version BADVERS), RFC 7873 section 5.2.2 (a cookie of another length is a format error), RFC 9619
//! (a query has one question).

use super::edns::{self, Cookie, Edns};
use super::name;
use super::record::{Walk, ADDITIONAL, ANSWER};
use super::{flag, rcode, rtype, u16_at, CLASS_ANY, CLASS_IN, HEADER};

/// A question in wire form with its name in lower case, in a buffer of its own.
pub(crate) struct Question {
    name_length: usize,
    bytes: [u8; name::MAX + 4],
}

impl Default for Question {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Clone for Question {
    #[inline]
    fn clone(&self) -> Self {
        let mut clone = Self::EMPTY;
        clone.copy(self);
        clone
    }
}

impl Question {
    /// Ask for `name` (wire form, lower case, at most 255 bytes).
    pub(crate) fn new(name: &[u8], qtype: u16, qclass: u16) -> Option<Self> {
        let mut question = Self {
            name_length: name.len(),
            bytes: [0; name::MAX + 4],
        };
        let [type_high, type_low] = qtype.to_be_bytes();
        let [class_high, class_low] = qclass.to_be_bytes();
        question.bytes.get_mut(..name.len())?.copy_from_slice(name);
        let tail = question.bytes.get_mut(name.len()..name.len() + 4)?;
        tail.copy_from_slice(&[type_high, type_low, class_high, class_low]);
        Some(question)
    }

    const EMPTY: Self = Self {
        name_length: 1,
        bytes: [0; name::MAX + 4],
    };

    /// Become the same question: only what is in use is copied.
    #[inline]
    pub(crate) fn copy(&mut self, other: &Self) {
        let wire = other.wire();
        self.bytes[..wire.len()].copy_from_slice(wire);
        self.name_length = other.name_length;
    }

    /// Take a question whose name ends at `name_length`; its length bytes are below 64, so they
    /// are no letters and lower-casing leaves them alone.
    #[inline]
    fn take(&mut self, wire: &[u8]) -> Option<()> {
        let (name, kind) = wire.split_last_chunk::<4>()?;
        let (to, rest) = self.bytes.split_at_mut_checked(name.len())?;
        name::lower(name, to);
        *rest.first_chunk_mut()? = *kind;
        self.name_length = name.len();
        Some(())
    }

    /// Name, type and class.
    #[inline]
    pub(crate) fn wire(&self) -> &[u8] {
        &self.bytes[..self.name_length + 4]
    }

    /// The name.
    #[inline]
    pub(crate) fn name(&self) -> &[u8] {
        &self.bytes[..self.name_length]
    }

    #[inline]
    pub(crate) fn qtype(&self) -> u16 {
        u16_at(&self.bytes, self.name_length).unwrap_or(0)
    }

    #[inline]
    pub(crate) fn qclass(&self) -> u16 {
        u16_at(&self.bytes, self.name_length + 2).unwrap_or(0)
    }
}

/// A query that can be answered.
pub(crate) struct Query {
    pub(crate) id: u16,
    /// The header's flags as sent.
    pub(crate) flags: u16,
    /// In lower case; the client's own spelling stands in the packet, between the header and
    /// `question_end`.
    pub(crate) question: Question,
    pub(crate) question_end: usize,
    pub(crate) edns: Option<Edns>,
    /// Of its OPT.
    pub(crate) cookie: Cookie,
}

/// Why a packet is not answered as a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not to be answered at all: too short for a header, or itself a response.
    Drop,
    /// An error with the header alone: nothing in the packet behind it can be trusted.
    Bare(u8),
    /// An error to a question that was understood.
    Error(u8),
    /// RFC 8482: a minimal answer to a question for any type.
    Any,
}

impl Query {
    /// One to read packets into: it is large, and need not be made anew for each.
    pub(crate) fn empty() -> Self {
        Self {
            id: 0,
            flags: 0,
            question: Question::EMPTY,
            question_end: HEADER,
            edns: None,
            cookie: Cookie::Absent,
        }
    }

    /// Read a packet from a client in place of what stood here. After `Error` and `Any` the query
    /// is whole, after `Drop` and `Bare` it says nothing.
    #[inline]
    pub(crate) fn read(&mut self, packet: &[u8]) -> Result<(), Refusal> {
        let (Some(id), Some(flags)) = (u16_at(packet, 0), u16_at(packet, 2)) else {
            return Err(Refusal::Drop);
        };
        if packet.len() < HEADER || flags & flag::QR != 0 {
            return Err(Refusal::Drop);
        }
        if flags & flag::OPCODE != 0 {
            return Err(Refusal::Bare(rcode::NOTIMP));
        }
        self.id = id;
        self.flags = flags;
        self.parse(packet).ok_or(Refusal::Bare(rcode::FORMERR))?;
        self.judge()
    }

    /// Questions that are well formed and still get no answer of the usual kind.
    #[inline]
    fn judge(&self) -> Result<(), Refusal> {
        if self.edns.is_some_and(|edns| edns.version != 0) {
            return Err(Refusal::Error(rcode::BADVERS));
        }
        if self.cookie == Cookie::Malformed {
            return Err(Refusal::Error(rcode::FORMERR));
        }
        let qclass = self.question.qclass();
        if qclass != CLASS_IN && qclass != CLASS_ANY {
            return Err(Refusal::Error(rcode::REFUSED));
        }
        match self.question.qtype() {
            0 | rtype::OPT | rtype::TSIG => Err(Refusal::Error(rcode::FORMERR)),
            rtype::TKEY | rtype::IXFR..=rtype::MAILA => Err(Refusal::Error(rcode::REFUSED)),
            rtype::ANY => Err(Refusal::Any),
            _ => Ok(()),
        }
    }

    /// Read the question and the records behind it; `None` is a format error.
    #[inline]
    fn parse(&mut self, packet: &[u8]) -> Option<()> {
        self.edns = None;
        self.cookie = Cookie::Absent;
        let counts: [u8; 8] = *packet.get(4..)?.first_chunk()?;
        if counts[..2] != [0, 1] {
            return None;
        }
        self.question_end = name::end_of_plain(packet, HEADER)? + 4;
        let (start, tail) = packet.split_at_checked(self.question_end)?;
        self.question.take(start.get(HEADER..)?)?;
        // Most queries have an OPT without options, or nothing, behind their question.
        if counts == [0, 1, 0, 0, 0, 0, 0, 1] {
            self.edns = edns::read_bare(tail);
            if self.edns.is_some() {
                return Some(());
            }
        } else if counts == [0, 1, 0, 0, 0, 0, 0, 0] && tail.is_empty() {
            return Some(());
        }
        self.records(packet)
    }

    /// Read what stands behind the question, whatever it is.
    #[inline(never)]
    fn records(&mut self, packet: &[u8]) -> Option<()> {
        let mut walk = Walk::new(packet, self.question_end)?;
        while let Some((section, record)) = walk.next().ok()? {
            if section == ANSWER {
                return None;
            }
            if record.rtype == rtype::OPT {
                if section != ADDITIONAL || self.edns.is_some() {
                    return None;
                }
                let (edns, cookie) = edns::read(packet, &record)?;
                (self.edns, self.cookie) = (Some(edns), cookie);
            }
        }
        (walk.at() == packet.len()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(packet: &[u8]) -> Result<Query, Refusal> {
        let mut query = Query::empty();
        query.read(packet).map(|()| query)
    }

    fn packet(tail: &[u8]) -> Vec<u8> {
        let mut out = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        out.extend_from_slice(tail);
        out
    }

    #[test]
    fn the_name_is_lower_cased_and_the_rest_read() {
        let query = read(&packet(b"\x03WwW\x07eXample\x03com\x00\x00\x41\x00\x01"));
        let Ok(query) = query else {
            panic!("a plain query")
        };
        assert_eq!(
            query.question.wire(),
            b"\x03www\x07example\x03com\x00\x00A\x00\x01"
        );
        assert_eq!(
            (query.id, query.question.qtype(), query.question.qclass()),
            (0xabcd, 65, 1)
        );
        assert!(query.edns.is_none());
    }

    #[test]
    fn a_pointer_in_the_question_and_trailing_bytes_are_format_errors() {
        for tail in [
            &b"\xc0\x0c\x00\x01\x00\x01"[..],
            b"\x01a\x00\x00\x01\x00\x01x",
        ] {
            assert!(matches!(
                read(&packet(tail)),
                Err(Refusal::Bare(rcode::FORMERR))
            ));
        }
    }

    #[test]
    fn responses_and_scraps_are_dropped() {
        assert!(matches!(read(b"\x00\x01\x80\x00"), Err(Refusal::Drop)));
        let mut response = packet(b"\x01a\x00\x00\x01\x00\x01");
        response[2] |= 0x80;
        assert!(matches!(read(&response), Err(Refusal::Drop)));
    }
}
