//! The OPT record (RFC 6891) as far as a forwarder needs it.

use super::record::Record;
use super::u16_at;

/// Extended DNS Error option (RFC 8914).
pub(crate) const OPTION_EDE: u16 = 15;
/// Padding option (RFC 7830).
pub(crate) const OPTION_PADDING: u16 = 12;

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

/// Read an OPT record. `None` if its owner is not the root or its options do not fill it exactly.
pub(crate) fn read(message: &[u8], record: &Record) -> Option<Edns> {
    if *message.get(record.owner)? != 0 {
        return None;
    }
    let mut padded = false;
    let mut ede = None;
    let mut at = record.rdata;
    while at < record.end {
        let (code, length) = (u16_at(message, at)?, u16_at(message, at + 2)?);
        // One that is too short for its code says nothing; what stands behind it is another option.
        if code == OPTION_EDE && length >= 2 && ede.is_none() {
            ede = u16_at(message, at + 4);
        }
        at += 4 + usize::from(length);
        padded |= code == OPTION_PADDING;
    }
    if at != record.end {
        return None;
    }
    let [rcode_high, version, high, _] = record.ttl.to_be_bytes();
    Some(Edns {
        udp_size: record.class,
        rcode_high,
        version,
        dnssec: high & 0x80 != 0,
        padded,
        ede,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::record;

    fn ede(options: &[u8]) -> Option<u16> {
        let mut opt = vec![0, 0, 41, 4, 0, 0, 0, 0, 0, 0, options.len() as u8];
        opt.extend_from_slice(options);
        let record = record::read(&opt, 0).expect("a record");
        read(&opt, &record).expect("an OPT").ede
    }

    #[test]
    fn the_first_extended_error_with_a_code_counts() {
        assert_eq!(ede(b"\0\x0f\0\x02\0\x16\0\x0f\0\x02\0\x17"), Some(22));
        // Without a code: not the number of the option behind it.
        assert_eq!(ede(b"\0\x0f\0\0\0\x0c\0\0"), None);
    }
}
