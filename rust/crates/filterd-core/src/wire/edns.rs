//! The OPT record (RFC 6891) as far as a forwarder needs it.

use super::record::Record;
use super::u16_at;

/// Cookie option (RFC 7873).
pub(crate) const OPTION_COOKIE: u16 = 10;
/// Extended DNS Error option (RFC 8914).
pub(crate) const OPTION_EDE: u16 = 15;
/// Padding option (RFC 7830).
pub(crate) const OPTION_PADDING: u16 = 12;

/// The COOKIE option of a query, as far as a server looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// There is none.
    Absent,
    /// The client's own half. A server cookie of a length that ours never have says no more.
    Client([u8; 8]),
    /// With a server cookie as long as ours.
    Whole([u8; 24]),
    /// Of a length that no cookie has (RFC 7873 section 5.2.2).
    Malformed,
}

impl Cookie {
    /// Read the option's value.
    #[must_use]
    pub fn read(value: &[u8]) -> Self {
        if let Ok(whole) = value.try_into() {
            return Self::Whole(whole);
        }
        match (value.len(), value.first_chunk()) {
            (8 | 16..=40, Some(own)) => Self::Client(*own),
            _ => Self::Malformed,
        }
    }
}

/// What an OPT record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edns {
    /// UDP payload size the sender can take, as sent.
    pub(crate) udp_size: u16,
    /// Upper eight bits of the response code.
    pub(crate) rcode_high: u8,
    pub(crate) version: u8,
    /// DO: the sender wants DNSSEC records.
    pub(crate) dnssec: bool,
    /// The sender padded its message (RFC 7830), so its reply may be padded.
    pub(crate) padded: bool,
    /// The first extended error's code.
    pub(crate) ede: Option<u16>,
}

/// Most OPT records of queries: the last of the message, without options.
#[inline]
pub(crate) fn read_bare(tail: &[u8]) -> Option<Edns> {
    match *tail {
        [0, 0, 41, size_high, size_low, rcode_high, version, flags, _, 0, 0] => Some(Edns {
            udp_size: u16::from_be_bytes([size_high, size_low]),
            rcode_high,
            version,
            dnssec: flags & 0x80 != 0,
            padded: false,
            ede: None,
        }),
        _ => None,
    }
}

/// Read an OPT record and its first COOKIE option; more of them are nothing (RFC 7873 section
/// 5.2). `None` if its owner is not the root or its options do not fill it exactly.
pub(crate) fn read(message: &[u8], record: &Record) -> Option<(Edns, Cookie)> {
    if *message.get(record.owner)? != 0 {
        return None;
    }
    let mut padded = false;
    let mut ede = None;
    let mut cookie = Cookie::Absent;
    let mut at = record.rdata;
    while at < record.end {
        let (code, length) = (u16_at(message, at)?, u16_at(message, at + 2)?);
        // One that is too short for its code says nothing; what stands behind it is another option.
        if code == OPTION_EDE && length >= 2 && ede.is_none() {
            ede = u16_at(message, at + 4);
        }
        let value = at + 4;
        at = value + usize::from(length);
        if code == OPTION_COOKIE && cookie == Cookie::Absent {
            cookie = Cookie::read(message.get(value..at)?);
        }
        padded |= code == OPTION_PADDING;
    }
    if at != record.end {
        return None;
    }
    let [rcode_high, version, high, _] = record.ttl.to_be_bytes();
    let edns = Edns {
        udp_size: record.class,
        rcode_high,
        version,
        dnssec: high & 0x80 != 0,
        padded,
        ede,
    };
    Some((edns, cookie))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::record;

    fn opt(options: &[u8]) -> Option<(Edns, Cookie)> {
        let mut opt = vec![0, 0, 41, 4, 0, 0, 0, 0, 0, 0, options.len() as u8];
        opt.extend_from_slice(options);
        let record = record::read(&opt, 0).expect("a record");
        read(&opt, &record)
    }

    fn ede(options: &[u8]) -> Option<u16> {
        opt(options).expect("an OPT").0.ede
    }

    #[test]
    fn one_without_options_is_read_the_same_both_ways() {
        for flip in 0..11 * 8 {
            let mut opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
            opt[flip / 8] ^= 1 << (flip % 8);
            let record = record::read(&opt, 0).filter(|record| record.rtype == 41);
            let known = record.and_then(|record| read(&opt, &record));
            assert_eq!(read_bare(&opt), known.map(|known| known.0), "{flip}");
        }
        assert_eq!(read_bare(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn the_first_extended_error_with_a_code_counts() {
        assert_eq!(ede(b"\0\x0f\0\x02\0\x16\0\x0f\0\x02\0\x17"), Some(22));
        // Without a code: not the number of the option behind it.
        assert_eq!(ede(b"\0\x0f\0\0\0\x0c\0\0"), None);
    }

    #[test]
    fn cookies_have_eight_or_sixteen_to_forty_bytes() {
        let value = [7; 50];
        for length in 0..50 {
            let expected = match length {
                24 => Cookie::Whole([7; 24]),
                8 | 16..=40 => Cookie::Client([7; 8]),
                _ => Cookie::Malformed,
            };
            assert_eq!(Cookie::read(&value[..length]), expected, "{length}");
        }
    }

    #[test]
    fn the_first_cookie_counts_and_must_fit() {
        let cookie = |options: &[u8]| opt(options).map(|read| read.1);
        let first = b"\0\x0a\0\x08abcdefgh\0\x0a\0\x08ABCDEFGH";
        assert_eq!(cookie(first), Some(Cookie::Client(*b"abcdefgh")));
        assert_eq!(
            cookie(b"\0\x0a\0\x01a\0\x0a\0\x08ABCDEFGH"),
            Some(Cookie::Malformed)
        );
        assert_eq!(cookie(b"\0\x0c\0\0"), Some(Cookie::Absent));
        assert_eq!(cookie(b"\0\x0a\0\x10abcdefgh"), None);
    }
}
