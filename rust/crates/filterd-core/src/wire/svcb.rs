//! RDATA of SVCB and HTTPS records (RFC 9460 section 2.2): target, hints, and what to leave out.

use std::net::IpAddr;

use super::{name, u16_at};

const MANDATORY: u16 = 0;
const IPV4HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6HINT: u16 = 6;

/// What a copy of a record goes without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// The key of Encrypted Client Hello, which hides the name a filter must see.
    Ech,
    /// That and the address hints.
    EchAndHints,
}

impl Without {
    fn drops(self, key: u16) -> bool {
        key == ECH || (self == Self::EchAndHints && (key == IPV4HINT || key == IPV6HINT))
    }
}

/// Where the target name and the parameters of the RDATA start.
pub(crate) fn parts(rdata: &[u8]) -> Option<(usize, usize)> {
    Some((2, name::end_of_plain(rdata, 2)?))
}

/// Walk the parameters: key and value. `None` where they do not fill the RDATA exactly.
pub(crate) fn params<'a>(rdata: &'a [u8], mut each: impl FnMut(u16, &'a [u8])) -> Option<()> {
    let (_, mut at) = parts(rdata)?;
    while at < rdata.len() {
        let key = u16_at(rdata, at)?;
        let end = at + 4 + usize::from(u16_at(rdata, at + 2)?);
        each(key, rdata.get(at + 4..end)?);
        at = end;
    }
    Some(())
}

/// Say whether the record carries `ech`.
pub(crate) fn has_ech(rdata: &[u8]) -> Option<bool> {
    let mut found = false;
    params(rdata, |key, _| found |= key == ECH)?;
    Some(found)
}

/// Give every address hint to `each`.
pub(crate) fn hints(rdata: &[u8], mut each: impl FnMut(IpAddr)) -> Option<()> {
    params(rdata, |key, value| match key {
        IPV4HINT => value.chunks_exact(4).for_each(|part| {
            if let Ok(bytes) = <[u8; 4]>::try_from(part) {
                each(IpAddr::from(bytes));
            }
        }),
        IPV6HINT => value.chunks_exact(16).for_each(|part| {
            if let Ok(bytes) = <[u8; 16]>::try_from(part) {
                each(IpAddr::from(bytes));
            }
        }),
        _ => {}
    })
}

/// Append a copy of the RDATA without some parameters; `mandatory` forgets them too, or a client
/// would take the record for damaged (RFC 9460 section 8).
pub(crate) fn copy_without(rdata: &[u8], without: Without, out: &mut Vec<u8>) -> Option<()> {
    let (_, start) = parts(rdata)?;
    out.extend_from_slice(&rdata[..start]);
    params(rdata, |key, value| {
        if without.drops(key) {
            return;
        }
        let mut kept = Vec::new();
        let value = if key == MANDATORY {
            for pair in value.chunks_exact(2) {
                if !without.drops(u16::from_be_bytes([pair[0], pair[1]])) {
                    kept.extend_from_slice(pair);
                }
            }
            if kept.is_empty() {
                return;
            }
            &kept[..]
        } else {
            value
        };
        out.extend_from_slice(&key.to_be_bytes());
        // No longer than the value it was read from, whose length had 16 bits.
        out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(value);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Priority 1, target ".", mandatory=ech,alpn  alpn=h2  ipv4hint=192.0.2.1  ech=0xABCD
    const RDATA: &[u8] =
        b"\x00\x01\x00\x00\x00\x00\x04\x00\x01\x00\x05\x00\x01\x00\x03\x02h2\x00\x04\x00\x04\xc0\x00\x02\x01\x00\x05\x00\x02\xab\xcd";

    #[test]
    fn ech_goes_and_mandatory_forgets_it() {
        let mut out = Vec::new();
        assert_eq!(has_ech(RDATA), Some(true));
        assert_eq!(copy_without(RDATA, Without::Ech, &mut out), Some(()));
        assert_eq!(
            out,
            b"\x00\x01\x00\x00\x00\x00\x02\x00\x01\x00\x01\x00\x03\x02h2\x00\x04\x00\x04\xc0\x00\x02\x01"
        );
    }

    #[test]
    fn hints_are_found_and_can_go() {
        let mut found = Vec::new();
        assert_eq!(hints(RDATA, |address| found.push(address)), Some(()));
        assert_eq!(found, [IpAddr::from([192, 0, 2, 1])]);
        let mut out = Vec::new();
        assert_eq!(
            copy_without(RDATA, Without::EchAndHints, &mut out),
            Some(())
        );
        assert_eq!(
            out,
            b"\x00\x01\x00\x00\x00\x00\x02\x00\x01\x00\x01\x00\x03\x02h2"
        );
    }

    #[test]
    fn a_parameter_that_overruns_is_refused() {
        assert_eq!(has_ech(b"\x00\x01\x00\x00\x05\x00\x09x"), None);
    }
}
