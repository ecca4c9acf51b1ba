//! Presentation text of a record's data to wire bytes, for the types a rule may answer with.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A name in wire form, lower case, with the root byte.
///
/// # Errors
/// Words for a person when `text` is no domain name.
pub fn name_to_wire(text: &str) -> Result<Vec<u8>, String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let mut wire = Vec::with_capacity(text.len() + 2);
    if !text.is_empty() {
        for label in text.split('.') {
            if label.is_empty() || label.len() > 63 || !label.is_ascii() {
                return Err(format!("not a domain name: {text:?}"));
            }
            wire.push(label.len() as u8);
            wire.extend(label.bytes().map(|b| b.to_ascii_lowercase()));
        }
    }
    wire.push(0);
    if wire.len() > 255 {
        return Err(format!("name too long: {text:?}"));
    }
    Ok(wire)
}

/// A wire name without compression as text without trailing dot; odd bytes as `\DDD`.
#[must_use]
pub fn name_to_text(wire: &[u8]) -> String {
    let mut text = String::with_capacity(wire.len());
    let mut at = 0;
    while let Some(&length) = wire.get(at) {
        if length == 0 {
            break;
        }
        if at > 0 {
            text.push('.');
        }
        let label = wire
            .get(at + 1..at + 1 + usize::from(length))
            .unwrap_or_default();
        for &byte in label {
            if byte.is_ascii_graphic() && byte != b'.' && byte != b'\\' {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("\\{byte:03}"));
            }
        }
        at += 1 + usize::from(length);
    }
    text
}

/// The wire data of `text` as a record of type `rtype`.
///
/// # Errors
/// Words for a person for a type that rules cannot answer with, or text that is not of the type.
pub fn to_wire(rtype: u16, text: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("not the data of a record of type {rtype}: {text:?}");
    match rtype {
        1 => Ok(text
            .parse::<Ipv4Addr>()
            .map_err(|_| wrong())?
            .octets()
            .to_vec()),
        28 => Ok(text
            .parse::<Ipv6Addr>()
            .map_err(|_| wrong())?
            .octets()
            .to_vec()),
        2 | 5 | 12 | 39 => name_to_wire(text),
        15 => numbered(text, 1).map_err(|_| wrong()),
        33 => numbered(text, 3).map_err(|_| wrong()),
        16 | 99 => Ok(strings(text)),
        64 | 65 => service(text).map_err(|why| format!("{}: {why}", wrong())),
        _ => Err(format!(
            "records of type {rtype} are not supported in rules"
        )),
    }
}

/// `count` 16-bit numbers and a name: MX (RFC 1035 section 3.3.9), SRV (RFC 2782).
fn numbered(text: &str, count: usize) -> Result<Vec<u8>, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() != count + 1 {
        return Err("wrong number of fields".into());
    }
    let mut wire = Vec::new();
    for word in &words[..count] {
        let number: u16 = word.parse().map_err(|_| "not a number")?;
        wire.extend(number.to_be_bytes());
    }
    wire.extend(name_to_wire(words[count])?);
    Ok(wire)
}

/// Character strings (RFC 1035 section 3.3.14): quoted parts, or the whole text as one.
fn strings(text: &str) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    if text.trim_start().starts_with('"') {
        let mut inside: Option<Vec<u8>> = None;
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match (byte, inside.as_mut()) {
                (b'"', None) => inside = Some(Vec::new()),
                (b'"', Some(_)) => parts.extend(inside.take()),
                (b'\\', Some(part)) => part.extend(bytes.next()),
                (_, Some(part)) => part.push(byte),
                (_, None) => {}
            }
        }
        parts.extend(inside);
    } else {
        parts.push(text.as_bytes().to_vec());
    }
    let mut wire = Vec::new();
    for part in &parts {
        if part.is_empty() {
            wire.push(0);
        }
        for chunk in part.chunks(255) {
            wire.push(chunk.len() as u8);
            wire.extend(chunk);
        }
    }
    wire
}

/// SVCB and HTTPS (RFC 9460 section 2.1): priority, target, parameters.
fn service(text: &str) -> Result<Vec<u8>, String> {
    let mut words = text.split_whitespace();
    let priority: u16 = words
        .next()
        .and_then(|w| w.parse().ok())
        .ok_or("no priority")?;
    let target = words.next().ok_or("no target name")?;
    let mut wire = priority.to_be_bytes().to_vec();
    wire.extend(name_to_wire(target)?);
    let mut params = words.map(parameter).collect::<Result<Vec<_>, _>>()?;
    params.sort_by_key(|(key, _)| *key);
    if params.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err("a parameter is given twice".into());
    }
    for (key, value) in params {
        wire.extend(key.to_be_bytes());
        wire.extend((value.len() as u16).to_be_bytes());
        wire.extend(value);
    }
    Ok(wire)
}

fn parameter(word: &str) -> Result<(u16, Vec<u8>), String> {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    let value = value.trim_matches('"');
    let list = || value.split(',');
    match name {
        "alpn" => {
            let mut wire = Vec::new();
            for id in list() {
                let length = u8::try_from(id.len()).map_err(|_| "alpn id too long")?;
                wire.push(length);
                wire.extend(id.bytes());
            }
            Ok((1, wire))
        }
        "no-default-alpn" => Ok((2, Vec::new())),
        "port" => Ok((
            3,
            value
                .parse::<u16>()
                .map_err(|_| "not a port")?
                .to_be_bytes()
                .to_vec(),
        )),
        "ipv4hint" => {
            let mut wire = Vec::new();
            for text in list() {
                wire.extend(
                    text.parse::<Ipv4Addr>()
                        .map_err(|_| "not an IPv4 hint")?
                        .octets(),
                );
            }
            Ok((4, wire))
        }
        "ipv6hint" => {
            let mut wire = Vec::new();
            for text in list() {
                wire.extend(
                    text.parse::<Ipv6Addr>()
                        .map_err(|_| "not an IPv6 hint")?
                        .octets(),
                );
            }
            Ok((6, wire))
        }
        "dohpath" => Ok((7, value.as_bytes().to_vec())),
        other => Err(format!("unknown service parameter {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_becomes_its_wire_form() {
        for (rtype, text, expected) in [
            (1, "192.0.2.1", &b"\xc0\x00\x02\x01"[..]),
            (5, "A.example.", b"\x01a\x07example\x00"),
            (15, "10 m.example", b"\x00\x0a\x01m\x07example\x00"),
            (16, "hello world", b"\x0bhello world"),
            (16, r#""a" "b\"c""#, b"\x01a\x03b\"c"),
            (33, "1 2 53 x", b"\x00\x01\x00\x02\x00\x35\x01x\x00"),
            (
                65,
                "1 . alpn=h3,h2",
                b"\x00\x01\x00\x00\x01\x00\x06\x02h3\x02h2",
            ),
            (
                65,
                "1 . ipv4hint=192.0.2.1 alpn=h2",
                b"\x00\x01\x00\x00\x01\x00\x03\x02h2\x00\x04\x00\x04\xc0\x00\x02\x01",
            ),
        ] {
            assert_eq!(
                Ok(expected.to_vec()),
                to_wire(rtype, text),
                "{rtype} {text}"
            );
        }
    }

    #[test]
    fn what_is_not_of_the_type_is_refused() {
        for (rtype, text) in [
            (1, "::1"),
            (28, "1.2.3.4"),
            (15, "x"),
            (65, "x"),
            (6, "a"),
            (5, "a..b"),
        ] {
            assert!(to_wire(rtype, text).is_err(), "{rtype} {text}");
        }
    }

    #[test]
    fn names_go_to_wire_and_back() {
        let wire = name_to_wire("www.Example.com").expect("a name");
        assert_eq!("www.example.com", name_to_text(&wire));
        assert_eq!("", name_to_text(&name_to_wire("").expect("the root")));
    }
}
