//! HMAC-SHA-256 (RFC 2104) of many short messages under one key: what depends on the key alone is
//! hashed once, so that a message of up to 55 bytes costs two blocks.

use sha2::{Digest, Sha256};

/// Bytes of a block of SHA-256; a longer key would have to be hashed first, and none is.
pub(crate) const BLOCK: usize = 64;

/// A key, ready.
#[derive(Clone)]
pub(crate) struct Hmac {
    inner: Sha256,
    outer: Sha256,
}

impl Hmac {
    /// `None`: the key is longer than [`BLOCK`].
    pub(crate) fn new(key: &[u8]) -> Option<Hmac> {
        let padded = |with: u8| -> Option<Sha256> {
            let mut block = [with; BLOCK];
            let room = block.get_mut(..key.len())?;
            room.iter_mut()
                .zip(key)
                .for_each(|(byte, key)| *byte ^= key);
            Some(Sha256::new().chain_update(block))
        };
        Some(Hmac {
            inner: padded(0x36)?,
            outer: padded(0x5c)?,
        })
    }

    /// The code of `first` and `second` as one message.
    pub(crate) fn code(&self, first: &str, second: &str) -> [u8; 32] {
        let inner = self.inner.clone().chain_update(first).chain_update(second);
        self.outer
            .clone()
            .chain_update(inner.finalize())
            .finalize()
            .into()
    }
}

impl std::fmt::Debug for Hmac {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hmac")
    }
}

#[cfg(test)]
mod tests {
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
}
