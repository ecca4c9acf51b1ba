//! HMAC-SHA-256 (RFC 2104) of many short messages under one key: what depends on the key alone is
//! hashed once, so that a message of up to 55 bytes costs two blocks.

use sha2::compress256;

/// Bytes of a block of SHA-256; a longer key would have to be hashed first, and none is.
pub(crate) const BLOCK: usize = 64;

/// Where the length of the message stands in its last block (FIPS 180-4 section 5.1.1).
const LENGTH_AT: usize = BLOCK - 8;
/// The state before the first block (FIPS 180-4 section 5.3.3).
const START: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

type State = [u32; 8];

/// A key, ready: what SHA-256 has come to behind it.
#[derive(Clone)]
pub(crate) struct Hmac {
    inner: State,
    outer: State,
}

impl Hmac {
    /// `None`: the key is longer than [`BLOCK`].
    pub(crate) fn new(key: &[u8]) -> Option<Hmac> {
        let behind = |pad: u8| -> Option<State> {
            let mut block = [pad; BLOCK];
            let room = block.get_mut(..key.len())?;
            room.iter_mut()
                .zip(key)
                .for_each(|(byte, key)| *byte ^= key);
            let mut state = START;
            compress256(&mut state, &[block.into()]);
            Some(state)
        };
        Some(Hmac {
            inner: behind(0x36)?,
            outer: behind(0x5c)?,
        })
    }

    /// The code of `first` and `second` as one message.
    pub(crate) fn code(&self, first: &str, second: &str) -> [u8; 32] {
        let inner = digest(self.inner, [first.as_bytes(), second.as_bytes()]);
        digest(self.outer, [&inner, &[]])
    }
}

/// SHA-256 of a block that has led to `state`, and `parts` behind it.
fn digest(mut state: State, parts: [&[u8]; 2]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    let mut filled = 0;
    for mut part in parts {
        while let Some((now, later)) = part.split_at_checked(BLOCK - filled) {
            block[filled..].copy_from_slice(now);
            compress256(&mut state, &[block.into()]);
            (part, filled) = (later, 0);
        }
        block[filled..filled + part.len()].copy_from_slice(part);
        filled += part.len();
    }
    block[filled] = 0x80;
    block[filled + 1..].fill(0);
    if filled >= LENGTH_AT {
        compress256(&mut state, &[block.into()]);
        block.fill(0);
    }
    let bytes = BLOCK + parts[0].len() + parts[1].len();
    block[LENGTH_AT..].copy_from_slice(&(bytes as u64 * 8).to_be_bytes());
    compress256(&mut state, &[block.into()]);
    let mut out = [0; 32];
    for (place, word) in out.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    out
}

impl std::fmt::Debug for Hmac {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hmac")
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn hex(code: [u8; 32]) -> String {
        code.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn codes_of_rfc_4231() {
        // Section 4.3, test case 2, and section 4.2, test case 1.
        let hmac = Hmac::new(b"Jefe").expect("a key");
        assert_eq!(
            hex(hmac.code("what do ya want ", "for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let hmac = Hmac::new(&[0x0b; 20]).expect("a key");
        assert_eq!(
            hex(hmac.code("", "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert!(Hmac::new(&[0; BLOCK + 1]).is_none());
    }

    #[test]
    fn messages_of_every_length_are_hashed_as_the_library_does() {
        let message = "a message, ".repeat(30);
        let hmac = Hmac::new(b"").expect("a key");
        let hashed = |pad: u8, text: &[u8]| {
            let hash = Sha256::new().chain_update([pad; BLOCK]);
            hash.chain_update(text).finalize()
        };
        for length in 0..message.len() {
            let wanted = hashed(0x5c, &hashed(0x36, &message.as_bytes()[..length]));
            for cut in [0, length / 3, length] {
                let (first, second) = message[..length].split_at(cut);
                assert_eq!(hmac.code(first, second)[..], wanted[..], "{length}, {cut}");
            }
        }
    }
}
