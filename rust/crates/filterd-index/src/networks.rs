//! Networks: which of them hold an address.
//!
//! Networks in CIDR notation are nested or disjoint, never half overlapping. Sorted by first
//! address, the last one that starts at or before an address, or one of the networks around it,
//! is the narrowest that holds it; the others that do are the networks around that one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::cursor::{put_u32, Cursor};
use crate::error::{Error, Result};

/// What a network is held against. The numbers are part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Trigger {
    /// An address in an answer (RPZ rpz-ip, ABP `||192.0.2.1^`).
    Answer = 0,
    /// The address of who asks (RPZ rpz-client-ip).
    Client = 1,
}

impl Trigger {
    /// Returns the trigger with this number, if there is one.
    pub fn from_number(number: u32) -> Option<Trigger> {
        match number {
            0 => Some(Trigger::Answer),
            1 => Some(Trigger::Client),
            _ => None,
        }
    }
}

/// One network that holds an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkHit {
    /// The class the builder was given.
    pub class: u32,
    /// Which network: see [`crate::Index::network`].
    pub network: u32,
    /// Its prefix length in bits.
    pub prefix: u8,
}

/// A network; the order is by table, first address, then width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Network {
    table: u8,
    start: u128,
    prefix: u8,
}

/// One table for each trigger and family.
const TABLES: usize = 4;

impl Network {
    /// Reads an address or a CIDR network; bits behind the prefix are cleared, and an IPv4
    /// network written as IPv6 (`::ffff:192.0.2.0/120`) becomes IPv4.
    pub(crate) fn parse(text: &str, trigger: Trigger) -> Result<Network> {
        let refuse = || Error::Network(text.chars().take(80).collect());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => {
                let digits = prefix.bytes().all(|byte| byte.is_ascii_digit());
                let prefix = prefix
                    .parse::<u8>()
                    .ok()
                    .filter(|_| digits)
                    .ok_or_else(refuse)?;
                (address, Some(prefix))
            }
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refuse())?;
        let mapped = matches!(address, IpAddr::V6(_)) && prefix.is_none_or(|p| p >= 96);
        let (address, prefix) = match address.to_canonical() {
            IpAddr::V4(v4) if mapped => (IpAddr::V4(v4), prefix.map(|p| p - 96)),
            IpAddr::V4(v4) if address.is_ipv4() => (IpAddr::V4(v4), prefix),
            _ => (address, prefix),
        };
        let (table, number, width) = place(address, trigger);
        let prefix = prefix.unwrap_or(width);
        if prefix > width {
            return Err(refuse());
        }
        let start = number & !tail(width - prefix);
        Ok(Network {
            table,
            start,
            prefix,
        })
    }

    fn width(self) -> u8 {
        if self.table & 1 == 0 {
            32
        } else {
            128
        }
    }

    fn end(self) -> u128 {
        self.start | tail(self.width().saturating_sub(self.prefix))
    }

    fn text(self) -> String {
        if self.table & 1 == 0 {
            format!("{}/{}", Ipv4Addr::from(self.start as u32), self.prefix)
        } else {
            format!("{}/{}", Ipv6Addr::from(self.start), self.prefix)
        }
    }
}

/// Returns the table of an address, the address as a number, and the width of its family.
fn place(address: IpAddr, trigger: Trigger) -> (u8, u128, u8) {
    let table = (trigger as u8) << 1;
    match address {
        IpAddr::V4(v4) => (table, u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (table | 1, u128::from(v6), 128),
    }
}

/// Returns a number with its lowest `bits` bits set.
fn tail(bits: u8) -> u128 {
    u128::MAX.checked_shr(128 - u32::from(bits)).unwrap_or(0)
}

/// A network with the (class, line) of each rule that has it.
pub(crate) type Rules = (Network, Vec<(u32, u32)>);

/// Appends `networks`, which are sorted and distinct.
pub(crate) fn write(networks: &[Rules], out: &mut Vec<u8>) {
    put_u32(out, networks.len() as u32);
    for (network, rules) in networks {
        out.extend_from_slice(&network.start.to_le_bytes());
        out.extend_from_slice(&[network.table, network.prefix]);
        put_u32(out, rules.len() as u32);
        for &(class, line) in rules {
            put_u32(out, class);
            put_u32(out, line);
        }
    }
}

/// The networks of an open index.
#[derive(Debug)]
pub(crate) struct Networks {
    networks: Vec<Network>,
    /// For each network the narrowest one around it, or its own number.
    around: Vec<u32>,
    /// Where the rules of each network end; they start where the last ones end.
    ends: Vec<u32>,
    rules: Vec<(u32, u32)>,
    /// Where the networks of each table end.
    tables: [usize; TABLES],
}

impl Networks {
    /// Reads what [`write`] wrote.
    pub(crate) fn open(bytes: &[u8]) -> Result<Networks> {
        let mut cursor = Cursor::new(bytes, "networks");
        let count = cursor.count(22)?;
        let mut networks: Vec<Network> = Vec::with_capacity(count);
        let mut ends = Vec::with_capacity(count);
        let mut rules = Vec::new();
        for _ in 0..count {
            let start = cursor.u128()?;
            let network = Network {
                start,
                table: cursor.u8()?,
                prefix: cursor.u8()?,
            };
            let sound = (network.table as usize) < TABLES
                && network.prefix <= network.width()
                && network.start & tail(network.width() - network.prefix) == 0
                && (network.width() == 128 || network.start <= u128::from(u32::MAX))
                && networks.last().is_none_or(|last| *last < network);
            if !sound {
                return Err(cursor.damaged("not a network, or out of order"));
            }
            networks.push(network);
            for _ in 0..cursor.count(8)? {
                rules.push((cursor.u32()?, cursor.u32()?));
            }
            ends.push(rules.len() as u32);
        }
        if !cursor.is_empty() {
            return Err(cursor.damaged("bytes left over"));
        }
        let around = around(&networks);
        let mut tables = [0; TABLES];
        for (table, end) in tables.iter_mut().enumerate() {
            *end = networks.partition_point(|network| network.table as usize <= table);
        }
        Ok(Networks {
            networks,
            around,
            ends,
            rules,
            tables,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.networks.len()
    }

    pub(crate) fn has(&self, trigger: Trigger) -> bool {
        let first = (trigger as usize) << 1;
        self.bounds(first).1 > self.bounds(first).0
            || self.bounds(first + 1).1 > self.bounds(first + 1).0
    }

    pub(crate) fn text(&self, number: u32) -> Option<String> {
        self.networks
            .get(number as usize)
            .map(|network| network.text())
    }

    /// Returns the (class, line) of each rule of network `number`.
    /// Returns one more than the highest class.
    pub(crate) fn classes(&self) -> u32 {
        let rules = self.rules.iter();
        rules.fold(0, |most, (class, _)| most.max(class.saturating_add(1)))
    }

    pub(crate) fn rules(&self, number: u32) -> &[(u32, u32)] {
        let number = number as usize;
        let start = match number.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0),
            None => 0,
        };
        let end = self.ends.get(number).copied().unwrap_or(start);
        self.rules
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    pub(crate) fn matches(
        &self,
        address: IpAddr,
        trigger: Trigger,
        mut hit: impl FnMut(NetworkHit),
    ) {
        let (table, number, _) = place(address.to_canonical(), trigger);
        let (first, end) = self.bounds(table as usize);
        let before = self.networks[first..end].partition_point(|network| network.start <= number);
        if before == 0 {
            return;
        }
        let mut at = (first + before - 1) as u32;
        loop {
            let network = self.networks[at as usize];
            if number <= network.end() {
                for &(class, _) in self.rules(at) {
                    hit(NetworkHit {
                        class,
                        network: at,
                        prefix: network.prefix,
                    });
                }
            }
            let next = self.around[at as usize];
            if next == at {
                return;
            }
            at = next;
        }
    }

    fn bounds(&self, table: usize) -> (usize, usize) {
        (
            table.checked_sub(1).map_or(0, |before| self.tables[before]),
            self.tables[table],
        )
    }
}

/// For each of the sorted `networks`, the narrowest other one that holds it, else itself.
fn around(networks: &[Network]) -> Vec<u32> {
    let mut open: Vec<u32> = Vec::new();
    let mut result = Vec::with_capacity(networks.len());
    for (number, network) in (0u32..).zip(networks) {
        while let Some(&top) = open.last() {
            let outer = networks[top as usize];
            if outer.table == network.table && network.start <= outer.end() {
                break;
            }
            open.pop();
        }
        result.push(open.last().copied().unwrap_or(number));
        open.push(number);
    }
    result
}
