//! Domain names on the wire (RFC 1035 sections 3.1 and 4.1.4).
//!
//! A compression pointer may only point backwards, and each one further back than the one before:
//! that alone makes loops and forward jumps impossible.

/// Longest name in wire form, the root label included.
pub(crate) const MAX: usize = 255;

/// Most pointers followed for one name: as many as a name has labels. Pointers to pointers take no
/// room in a name, and thousands of them would make a record as dear as a message.
const MAX_POINTERS: u8 = 127;

/// A whole name in wire form, without compression, in a buffer of its own.
#[derive(Clone)]
pub(crate) struct Name {
    length: u8,
    bytes: [u8; MAX],
}

impl Name {
    /// The root; fill it with `expand`.
    pub(crate) fn root() -> Self {
        Self {
            length: 1,
            bytes: [0; MAX],
        }
    }

    /// The name in wire form.
    #[inline]
    pub(crate) fn wire(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Lower-case in place. Length bytes are below 64, so they are no letters.
    #[inline]
    pub(crate) fn lower(&mut self) {
        self.bytes[..usize::from(self.length)].make_ascii_lowercase();
    }
}

/// Copy a name into the first bytes of `to`, in lower case: sixteen bytes at a time, the last ones
/// up to the end, so that some may be written twice.
#[inline]
pub(crate) fn lower(name: &[u8], to: &mut [u8]) {
    const STEP: usize = 16;
    let to = &mut to[..name.len()];
    let Some(last) = name.len().checked_sub(STEP) else {
        for (to, byte) in to.iter_mut().zip(name) {
            *to = byte.to_ascii_lowercase();
        }
        return;
    };
    let mut at = 0;
    loop {
        let (Some(from), Some(to)) = (
            name[at..].first_chunk::<STEP>(),
            to[at..].first_chunk_mut::<STEP>(),
        ) else {
            return;
        };
        *to = from.map(|byte| byte.to_ascii_lowercase());
        if at == last {
            return;
        }
        at = (at + STEP).min(last);
    }
}

/// Return the offset behind an uncompressed name at `at`; `None` for a pointer, a reserved label
/// type, a name that is too long or cut off.
#[inline]
pub(crate) fn end_of_plain(message: &[u8], at: usize) -> Option<usize> {
    let mut next = at;
    loop {
        let length = usize::from(*message.get(next)?);
        if length > 63 {
            return None;
        }
        next += 1 + length;
        if next - at > MAX {
            return None;
        }
        if length == 0 {
            return Some(next);
        }
    }
}

/// Return the offset behind the (maybe compressed) name at `at`, without following pointers.
#[inline]
pub(crate) fn skip(message: &[u8], at: usize) -> Option<usize> {
    let mut next = at;
    loop {
        let length = usize::from(*message.get(next)?);
        if length == 0 {
            return Some(next + 1);
        }
        if length & 0xc0 == 0xc0 {
            message.get(next + 1)?;
            return Some(next + 2);
        }
        if length > 63 || next - at > MAX {
            return None;
        }
        next += 1 + length;
    }
}

/// Write the name at `at` into `name`, following pointers; return the offset behind it in place.
/// `None` for a bad pointer, a reserved label type, or a name of more than 255 bytes.
pub(crate) fn expand(message: &[u8], at: usize, name: &mut Name) -> Option<usize> {
    let mut next = at;
    let mut floor = at; // pointers must go below this
    let mut behind = None;
    let mut length = 0;
    let mut pointers = 0;
    loop {
        let label = usize::from(*message.get(next)?);
        if label & 0xc0 == 0xc0 {
            pointers += 1;
            if pointers > MAX_POINTERS {
                return None;
            }
            let low = usize::from(*message.get(next + 1)?);
            let target = (label & 0x3f) << 8 | low;
            if target >= floor {
                return None;
            }
            behind = behind.or(Some(next + 2));
            floor = target;
            next = target;
            continue;
        }
        if label > 63 || length + 1 + label > MAX {
            return None;
        }
        let source = message.get(next..next + 1 + label)?;
        name.bytes[length..length + 1 + label].copy_from_slice(source);
        length += 1 + label;
        next += 1 + label;
        if label == 0 {
            name.length = u8::try_from(length).ok()?;
            return Some(behind.unwrap_or(next));
        }
    }
}

/// The part of a wire name that holds its last `depth` labels, without the root byte.
pub(crate) fn last_labels(wire: &[u8], depth: u8) -> &[u8] {
    let wire = wire.strip_suffix(&[0]).unwrap_or(wire);
    let step = |at: usize| {
        wire.get(at)
            .map_or(wire.len(), |length| at + 1 + usize::from(*length))
    };
    let mut labels = 0;
    let mut at = 0;
    while at < wire.len() {
        labels += 1;
        at = step(at);
    }
    let mut start = 0;
    while labels > usize::from(depth) && start < wire.len() {
        start = step(start);
        labels -= 1;
    }
    wire.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_backwards_is_followed() {
        let message = b"\x07example\x03com\x00\x03www\xc0\x00rest";
        let mut name = Name::root();
        assert_eq!(expand(message, 13, &mut name), Some(19));
        assert_eq!(name.wire(), b"\x03www\x07example\x03com\x00");
        assert_eq!(skip(message, 13), Some(19));
    }

    #[test]
    fn pointers_to_themselves_forwards_or_in_a_ring_are_refused() {
        let mut name = Name::root();
        assert_eq!(expand(b"\xc0\x00", 0, &mut name), None);
        assert_eq!(expand(b"\xc0\x02\x00", 0, &mut name), None);
        assert_eq!(expand(b"\x01a\xc0\x04\x01b\xc0\x00", 4, &mut name), None);
    }

    #[test]
    fn a_long_row_of_pointers_is_refused() {
        // The root, then pointers each to the one before.
        let mut message = vec![0, 0];
        for at in 0..200u16 {
            message.extend_from_slice(&(0xc000 | (2 * at)).to_be_bytes());
        }
        let (last, over) = (2 * 127, 2 * 128);
        assert_eq!(expand(&message, last, &mut Name::root()), Some(last + 2));
        assert_eq!(expand(&message, over, &mut Name::root()), None);
    }

    #[test]
    fn every_length_is_lowered_as_a_whole_and_nothing_else() {
        let all: Vec<u8> = (0..=255).cycle().skip(60).take(MAX).collect();
        for length in 0..=MAX {
            let mut to = [b'X'; MAX + 1];
            lower(&all[..length], &mut to);
            assert_eq!(to[..length], all[..length].to_ascii_lowercase());
            assert!(to[length..].iter().all(|byte| *byte == b'X'));
        }
    }

    #[test]
    fn names_over_255_bytes_are_refused() {
        let mut message = Vec::new();
        for _ in 0..4 {
            message.push(63);
            message.extend_from_slice(&[b'a'; 63]);
        }
        message.push(0);
        assert_eq!(end_of_plain(&message, 0), None);
        assert_eq!(expand(&message, 0, &mut Name::root()), None);
    }

    #[test]
    fn the_last_labels_of_a_name_are_its_end() {
        let wire = b"\x03www\x07example\x03com\x00";
        assert_eq!(b"\x07example\x03com", last_labels(wire, 2));
        assert_eq!(&wire[..16], last_labels(wire, 9));
        assert_eq!(b"", last_labels(wire, 0));
    }
}
