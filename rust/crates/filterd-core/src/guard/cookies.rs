//! DNS cookies (RFC 7873) as all servers make them (RFC 9018), so that several servers behind one
//! address, of whatever make, accept each other's.
//!
//! A server cookie is `version 1 | reserved 3 | timestamp 4 | hash 8`, the hash SipHash-2-4 over
//! client cookie, version, reserved, timestamp and the client's address.

use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use crate::wire::edns::Cookie;
use crate::wire::u32_at;

/// The keys: 128 bits each.
#[derive(Clone, Copy)]
pub struct Secrets {
    /// What new cookies are made with.
    pub current: [u8; 16],
    /// What cookies may have been made with before (RFC 9018 section 5).
    pub older: Option<[u8; 16]>,
}

impl Secrets {
    /// Take the keys as bytes: the current one, and perhaps the one before; `None` without any.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub fn read(keys: &[impl AsRef<[u8]>]) -> Result<Option<Self>, String> {
        if keys.len() > 2 {
            return Err(format!(
                "guard: {} secrets; at most two are used",
                keys.len()
            ));
        }
        let key = |at: usize| match keys.get(at).map(AsRef::as_ref) {
            None => Ok(None),
            Some(bytes) => match bytes.try_into() {
                Ok(key) => Ok(Some(key)),
                Err(_) => Err(format!("guard: a secret has 16 bytes, not {}", bytes.len())),
            },
        };
        let (current, older) = (key(0)?, key(1)?);
        Ok(current.map(|current| Self { current, older }))
    }
}

/// Seconds (RFC 9018 section 4.3): how old a cookie may be, how far ahead, and when it is renewed.
const OLDEST: i32 = 3600;
const AHEAD: i32 = 300;
const RENEW: i32 = 1800;

const VERSION: u8 = 1;

pub(super) struct Cookies {
    current: SipHasher24,
    older: Option<SipHasher24>,
    require: bool,
}

/// What a query's cookie says.
pub(super) struct Seen {
    /// What goes back; there if the client sent any.
    pub(super) reply: Option<[u8; 24]>,
    /// The server cookie is one of ours, for this client, and not too old.
    pub(super) valid: bool,
}

impl Seen {
    pub(super) const NOTHING: Self = Self {
        reply: None,
        valid: false,
    };

    /// Whether the client knows cookies.
    pub(super) fn aware(&self) -> bool {
        self.reply.is_some()
    }
}

impl Cookies {
    pub(super) fn new(secrets: Secrets, require: bool) -> Self {
        Self {
            current: SipHasher24::new_with_key(&secrets.current),
            older: secrets.older.map(|key| SipHasher24::new_with_key(&key)),
            require,
        }
    }

    /// Whether clients that know cookies must show one.
    pub(super) fn required(&self) -> bool {
        self.require
    }

    /// Check what came, and make what goes back. `unix`: seconds.
    #[inline]
    pub(super) fn see(&self, cookie: Cookie, client: IpAddr, unix: f64) -> Seen {
        // Timestamps are numbers of a circle (RFC 1982).
        let now = unix as i64 as u32;
        match cookie {
            Cookie::Absent | Cookie::Malformed => Seen::NOTHING,
            Cookie::Client(own) => {
                let mut whole = [0; 24];
                whole[..8].copy_from_slice(&own);
                Seen {
                    reply: Some(self.sign(whole, client, now)),
                    valid: false,
                }
            }
            Cookie::Whole(whole) => self.check(whole, client, now),
        }
    }

    fn check(&self, whole: [u8; 24], client: IpAddr, now: u32) -> Seen {
        let made = u32_at(&whole, 12).unwrap_or(0);
        let age = now.wrapping_sub(made) as i32;
        let timely = whole[8] == VERSION && (-AHEAD..=OLDEST).contains(&age);
        let mut sent = [0; 8];
        sent.copy_from_slice(&whole[16..]);
        // Whole words are compared, so the time it takes does not tell where they differ.
        let by = |key: &SipHasher24| hash(key, &whole, client) == u64::from_le_bytes(sent);
        let current = timely && by(&self.current);
        let valid = current || timely && self.older.as_ref().is_some_and(by);
        let reply = if current && age < RENEW {
            whole
        } else {
            self.sign(whole, client, now)
        };
        Seen {
            reply: Some(reply),
            valid,
        }
    }

    /// Put a new server cookie behind the client's own.
    fn sign(&self, mut whole: [u8; 24], client: IpAddr, now: u32) -> [u8; 24] {
        whole[8..12].copy_from_slice(&[VERSION, 0, 0, 0]);
        whole[12..16].copy_from_slice(&now.to_be_bytes());
        let hash = hash(&self.current, &whole, client);
        whole[16..].copy_from_slice(&hash.to_le_bytes());
        whole
    }
}

/// The hash over all but the hash, and the address: 4 bytes, or 16.
fn hash(key: &SipHasher24, whole: &[u8; 24], client: IpAddr) -> u64 {
    let mut input = [0; 32];
    input[..16].copy_from_slice(&whole[..16]);
    match client.to_canonical() {
        IpAddr::V4(address) => {
            input[16..20].copy_from_slice(&address.octets());
            key.hash(&input[..20])
        }
        IpAddr::V6(address) => {
            input[16..].copy_from_slice(&address.octets());
            key.hash(&input)
        }
    }
}
