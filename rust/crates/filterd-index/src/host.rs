//! The host of a URL in its one spelling.
//!
//! * A name: lower case, dots at the ends and runs of dots go (Safe Browsing). What is no name of
//!   letters, digits, `-` and `_` in labels is refused; international names come as A-labels.
//! * IPv4 in any notation that browsers and `inet_aton` take, decimal, octal, hexadecimal, with one to
//!   four parts, becomes four decimals (WHATWG URL section 3.5). A host that ends as a number does and is no such
//!   address is refused.
//! * IPv6 becomes the shortest form (RFC 5952), without a zone; one that stands for an IPv4 address
//!   becomes that: `::ffff:0:0/96` (RFC 4291 section 2.5.5.2) and `64:ff9b::/96` (RFC 6052).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::key;

/// What the keys of IPv6 addresses begin with: no name in the DNS of the world ends so.
const IPV6: &[u8] = b"_ipv6.";

/// Returns the host of `authority`, which is unescaped; user and port go.
pub(crate) fn canonical(authority: &[u8]) -> Option<String> {
    // Where a browser sees the end of the authority, others go on.
    if authority.iter().any(|byte| matches!(byte, b'\\' | b'/')) {
        return None;
    }
    let host = match memchr::memrchr(b'@', authority) {
        Some(at) => &authority[at + 1..],
        None => authority,
    };
    if let Some(rest) = host.strip_prefix(b"[") {
        let end = memchr::memchr(b']', rest)?;
        is_port(&rest[end + 1..]).then_some(())?;
        return Some(spelled(ipv6(&rest[..end])?));
    }
    let end = memchr::memchr(b':', host).unwrap_or(host.len());
    is_port(&host[end..]).then_some(())?;
    let mut name = String::with_capacity(end);
    let labels = host[..end].split(|byte| *byte == b'.');
    for label in labels.filter(|label| !label.is_empty()) {
        if !name.is_empty() {
            name.push('.');
        }
        for byte in label {
            match key::LABEL_BYTE[usize::from(*byte)] {
                0 => return None,
                lower => name.push(lower as char),
            }
        }
    }
    match ends_as_number(&name) {
        true => ipv4(&name).map(|address| address.to_string()),
        false => is_name(&name).then_some(name),
    }
}

/// Appends the key of `host`, which is canonical; says whether it did.
pub(crate) fn push_key(out: &mut Vec<u8>, host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => {
            let address = rest.strip_suffix(']').map(str::parse::<Ipv6Addr>);
            let Some(Ok(address)) = address else {
                return false;
            };
            out.extend_from_slice(IPV6);
            for byte in address.octets() {
                out.extend_from_slice(format!("{byte:02x}").as_bytes());
            }
            true
        }
        None => key::push_key(out, host.as_bytes()).is_some(),
    }
}

/// Returns the address that a canonical host is.
pub(crate) fn address(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

fn is_name(name: &str) -> bool {
    (1..=key::MAX_NAME).contains(&name.len())
        && name.split('.').all(|label| label.len() <= key::MAX_LABEL)
}

/// Nothing, a colon, or a colon and a port.
fn is_port(text: &[u8]) -> bool {
    match text.split_first() {
        None => true,
        Some((b':', [])) => true,
        Some((b':', digits)) => {
            let number = std::str::from_utf8(digits).ok();
            digits.iter().all(u8::is_ascii_digit)
                && number.is_some_and(|number| number.parse::<u16>().is_ok())
        }
        Some(_) => false,
    }
}

fn ends_as_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x");
    !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut parts = text.split('.');
    let last = number(parts.next_back()?)?;
    let mut address = 0u64;
    let mut room = 4u32;
    for part in parts {
        let part = number(part).filter(|part| *part < 256)?;
        room = room.checked_sub(1).filter(|room| *room > 0)?;
        address |= part << (8 * room);
    }
    if last >> (8 * room) != 0 {
        return None;
    }
    u32::try_from(address | last).ok().map(Ipv4Addr::from)
}

/// Reads a part of an IPv4 address as `inet_aton` does.
fn number(text: &str) -> Option<u64> {
    let (digits, base) = match text.strip_prefix("0x") {
        Some("") => return Some(0),
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    // Zeros before a number may be many.
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    u64::from_str_radix(digits, base).ok().filter(|_| plain)
}

fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    let bare = &text[..memchr::memchr(b'%', text).unwrap_or(text.len())];
    std::str::from_utf8(bare).ok()?.parse().ok()
}

fn spelled(address: Ipv6Addr) -> String {
    let within = address.to_ipv4_mapped().or_else(|| {
        let octets = address.octets();
        let nat64 = octets.strip_prefix(&[0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0])?;
        <[u8; 4]>::try_from(nat64).ok().map(Ipv4Addr::from)
    });
    match within {
        Some(address) => address.to_string(),
        None => format!("[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_every_notation() {
        for (given, wanted) in [
            ("127.0.0.1", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("0X7F.0x0.0.01", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("1.1", "1.0.0.1"),
            ("192.0.513", "192.0.2.1"),
            ("0x", "0.0.0.0"),
            ("00000000000000000000000000300.0.2.1", "192.0.2.1"),
            ("4294967295", "255.255.255.255"),
            ("[::1]", "[::1]"),
            ("[::1]:8080", "[::1]"),
            ("[2001:DB8:0:0::0001]", "[2001:db8::1]"),
            ("[fe80::1%eth0]", "[fe80::1]"),
            ("[::ffff:192.0.2.1]", "192.0.2.1"),
            ("[::ffff:c000:201]", "192.0.2.1"),
            ("[64:ff9b::192.0.2.1]", "192.0.2.1"),
            ("[64:ff9b:1::192.0.2.1]", "[64:ff9b:1::c000:201]"),
            ("user@0x7f000001:80", "127.0.0.1"),
        ] {
            assert_eq!(
                canonical(given.as_bytes()).as_deref(),
                Some(wanted),
                "{given}"
            );
        }
    }

    #[test]
    fn what_only_looks_like_an_address_is_refused() {
        for given in [
            "4294967296",
            "256.0.0.1",
            "1.2.3.4.5",
            "1.2.3.256",
            "1.2.65536",
            "08",
            "a.1",
            "a.0x1",
            "1.+1",
            "-1.1",
            "[1.2.3.4]",
            "[]",
            "[:::]",
            "1e3.5x.7",
        ] {
            assert_eq!(canonical(given.as_bytes()), None, "{given}");
        }
        assert_eq!(canonical(b"0xg.test").as_deref(), Some("0xg.test"));
    }

    #[test]
    fn keys_of_hosts() {
        for (host, wanted) in [
            ("www.example.com", "com.example.www"),
            ("192.0.2.1", "1.2.0.192"),
            ("[2001:db8::1]", "_ipv6.20010db8000000000000000000000001"),
        ] {
            let mut key = Vec::new();
            assert!(push_key(&mut key, host));
            assert_eq!(String::from_utf8(key).expect("ASCII"), wanted);
        }
        assert_eq!(
            address("[::1]"),
            Some(IpAddr::V6(std::net::Ipv6Addr::LOCALHOST))
        );
        assert_eq!(address("example.com"), None);
    }
}
