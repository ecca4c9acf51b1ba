//! Clients that asked a moment ago, with the group they belong to.

use std::net::IpAddr;

use crate::snapshot::{Asker, Snapshot};

/// A table of one size, each client in its one place, under the rules of one snapshot.
pub(super) struct Askers(Box<[Option<(IpAddr, Asker)>; PLACES]>);

const PLACES: usize = 256;

impl Default for Askers {
    fn default() -> Self {
        Self(Box::new([None; PLACES]))
    }
}

impl Askers {
    /// The asker at an address.
    #[inline]
    pub(super) fn get(&mut self, snapshot: &Snapshot, client: IpAddr) -> Asker {
        let place = &mut self.0[place(client)];
        match place {
            Some((known, asker)) if *known == client => *asker,
            _ => {
                let asker = snapshot.asker(client);
                *place = Some((client, asker));
                asker
            }
        }
    }
}

/// By its last bytes, where the clients of one network differ.
#[inline]
fn place(client: IpAddr) -> usize {
    let byte = match client {
        IpAddr::V4(address) => {
            let [_, _, third, last] = address.octets();
            last ^ third.rotate_left(4)
        }
        IpAddr::V6(address) => {
            let [.., a, b, c] = address.octets();
            a ^ b ^ c
        }
    };
    usize::from(byte)
}
