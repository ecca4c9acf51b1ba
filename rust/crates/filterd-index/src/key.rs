//! The key under which a name stands in the index: its labels reversed and joined by dots.
//!
//! `www.example.com` becomes `com.example.www`, so that everything under a name shares that name's
//! key as a prefix and one walk meets every pattern that covers a name. The root is the empty key.
//! `/` never occurs in a name; the keys of URLs have one (`paths.rs`).

/// Longest name in presentation form without trailing dot (RFC 1035 section 2.3.4).
pub const MAX_NAME: usize = 253;
/// Longest label (RFC 1035 section 2.3.4).
pub const MAX_LABEL: usize = 63;

/// For each byte: its lower-case form if it may stand in a label, else 0.
pub(crate) const LABEL_BYTE: [u8; 256] = label_bytes();

const fn label_bytes() -> [u8; 256] {
    let mut table = [0u8; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || b == b'-' || b == b'_' {
            table[byte] = b.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
}

/// What a name turned out to be while its key was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Number of labels.
    pub(crate) labels: u8,
    /// Whether one of its labels starts with `xn--`.
    pub(crate) international: bool,
    /// Whether its last label has digits only.
    pub(crate) numeric: bool,
}

/// Appends the key of `name` (any case, no trailing dot) to `out`. `None`, and nothing appended,
/// where `name` is empty, over-long, or holds an empty or over-long label or another character.
pub(crate) fn push_key(out: &mut Vec<u8>, name: &[u8]) -> Option<Shape> {
    if name.is_empty() || name.len() > MAX_NAME {
        return None;
    }
    let mut lower = [0u8; MAX_NAME];
    let mut dots = [0u8; MAX_NAME];
    let mut labels = 0usize;
    let mut start = 0usize;
    for (at, (&byte, slot)) in name.iter().zip(lower.iter_mut()).enumerate() {
        let kept = LABEL_BYTE[byte as usize];
        if kept != 0 {
            *slot = kept;
        } else if byte == b'.' && at > start && at - start <= MAX_LABEL {
            dots[labels] = at as u8;
            labels += 1;
            start = at + 1;
        } else {
            return None;
        }
    }
    let mut end = name.len();
    if end <= start || end - start > MAX_LABEL {
        return None;
    }
    let numeric = lower[start..end].iter().all(u8::is_ascii_digit);
    let mut international = false;
    out.reserve(end);
    for &dot in dots[..labels].iter().rev() {
        let label = &lower[dot as usize + 1..end];
        international |= label.starts_with(b"xn--");
        out.extend_from_slice(label);
        out.push(b'.');
        end = dot as usize;
    }
    international |= lower[..end].starts_with(b"xn--");
    out.extend_from_slice(&lower[..end]);
    Some(Shape {
        labels: labels as u8 + 1,
        international,
        numeric,
    })
}

/// Returns the name of `key`; the same function turns a name into its key.
pub(crate) fn reversed(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    for label in key.rsplit('.') {
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(label);
    }
    name
}

/// Says whether `parent` is a proper parent of `key` (the root is one of all others).
pub(crate) fn is_under(key: &[u8], parent: &[u8]) -> bool {
    parent.len() < key.len()
        && key.starts_with(parent)
        && (parent.is_empty() || key[parent.len()] == b'.')
}

/// Returns the 8 bytes of `key` from `depth` on as a number that sorts as they do; zero bytes stand
/// for what is behind its end.
pub(crate) fn chunk(key: &[u8], depth: usize) -> u64 {
    let rest = key.get(depth..).unwrap_or_default();
    match rest.first_chunk::<8>() {
        Some(chunk) => u64::from_be_bytes(*chunk),
        None => {
            let mut chunk = [0u8; 8];
            chunk[..rest.len()].copy_from_slice(rest);
            u64::from_be_bytes(chunk)
        }
    }
}
