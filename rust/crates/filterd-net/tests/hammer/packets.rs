//! What is sent: queries of every kind, whole, and then no longer so.

use crate::rng::Rng;

/// Most bytes of a datagram over IPv4.
const MOST: usize = 65_507;
const TYPES: [u16; 22] = [
    1, 1, 1, 28, 28, 65, 64, 2, 5, 6, 12, 15, 16, 33, 46, 255, 251, 252, 249, 250, 41, 0,
];
const LABELS: [&str; 12] = [
    "www", "WwW", "long", "huge", "nx", "fail", "garbage", "mail", "a", "_dns", "x--y", "cdn",
];
const ENDS: [&str; 5] = [
    "pass.test",
    "blocked.test",
    "PASS.TEST",
    "example.com",
    "refused.test",
];

/// The next packet of a client, without its id.
pub fn next(rng: &mut Rng, last: &[u8]) -> Vec<u8> {
    match rng.below(1000) {
        0 => Vec::new(),
        1..=10 => {
            let length = rng.below(64);
            rng.bytes(length)
        }
        11 => {
            let length = rng.below(2048);
            rng.bytes(length)
        }
        12 => oversized(rng),
        13..=500 => valid(rng),
        _ => {
            let mut packet = valid(rng);
            for _ in 0..=rng.below(3) {
                mutate(rng, &mut packet, last);
            }
            packet
        }
    }
}

fn oversized(rng: &mut Rng) -> Vec<u8> {
    let mut packet = valid(rng);
    let length = rng.pick(&[2047, 2048, 2049, 4096, MOST]);
    packet.resize(length.max(packet.len()), rng.next() as u8);
    packet
}

/// A query that any server must understand.
pub fn valid(rng: &mut Rng) -> Vec<u8> {
    let flags = rng.pick(&[0x0100u16, 0x0100, 0x0100, 0x0000, 0x0120, 0x0110, 0x0130]);
    let name = name(rng);
    let qtype = if rng.one_in(20) {
        rng.next() as u16
    } else {
        rng.pick(&TYPES)
    };
    let class = rng.pick(&[1u16, 1, 1, 1, 1, 1, 1, 255, 3, 4, 254]);
    let edns = rng.below(3) > 0;
    let mut packet = vec![0, 0];
    packet.extend(flags.to_be_bytes());
    packet.extend([0, 1, 0, 0, 0, 0, 0, u8::from(edns)]);
    packet.extend(name);
    packet.extend(qtype.to_be_bytes());
    packet.extend(class.to_be_bytes());
    if edns {
        opt(rng, &mut packet);
    }
    packet
}

fn name(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    if rng.one_in(60) {
        return longest(rng);
    }
    if rng.one_in(200) {
        return vec![0];
    }
    if rng.one_in(8) {
        label(&mut out, format!("u{:x}", rng.next()).as_bytes());
    }
    if rng.one_in(50) {
        let length = 1 + rng.below(63);
        let odd = rng.bytes(length);
        label(&mut out, &odd);
    }
    label(&mut out, rng.pick(&LABELS).as_bytes());
    for part in rng.pick(&ENDS).split('.') {
        label(&mut out, part.as_bytes());
    }
    out.push(0);
    out
}

/// 255 bytes: in as many labels as can be, or in as few.
fn longest(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    if rng.one_in(2) {
        for _ in 0..127 {
            label(&mut out, &[b'a' + rng.below(26) as u8]);
        }
    } else {
        for length in [63, 63, 63, 61] {
            label(&mut out, &vec![b'a' + rng.below(26) as u8; length]);
        }
    }
    out.push(0);
    out
}

fn label(out: &mut Vec<u8>, text: &[u8]) {
    out.push(text.len() as u8);
    out.extend(text);
}

fn opt(rng: &mut Rng, packet: &mut Vec<u8>) {
    let size = rng.pick(&[0u16, 511, 512, 513, 700, 1232, 1400, 4096, 65_535]);
    let version = u8::from(rng.one_in(30));
    let high = rng.pick(&[0u8, 0x80]);
    packet.extend([0, 0, 41]);
    packet.extend(size.to_be_bytes());
    packet.extend([0, version, high, 0]);
    let mut options = Vec::new();
    for _ in 0..rng.below(3) {
        let (code, length) = match rng.below(6) {
            0 => (10, rng.pick(&[8, 24, 16, 40])),
            1 => (10, rng.below(48)),
            2 => (12, rng.below(300)),
            3 => (15, rng.below(8)),
            4 => (8, rng.below(20)),
            _ => (rng.next() as u16, rng.below(40)),
        };
        options.extend(code.to_be_bytes());
        options.extend((length as u16).to_be_bytes());
        options.extend(rng.bytes(length));
    }
    packet.extend((options.len() as u16).to_be_bytes());
    packet.extend(options);
}

fn mutate(rng: &mut Rng, packet: &mut Vec<u8>, last: &[u8]) {
    if packet.len() < 13 {
        packet.extend(rng.bytes(13));
        return;
    }
    let length = packet.len();
    match rng.below(10) {
        0 | 1 => packet[rng.below(length)] ^= 1 << rng.below(8),
        2 => packet[rng.below(length)] = rng.pick(&[0, 1, 63, 64, 127, 128, 192, 255]),
        3 => packet.truncate(rng.below(length)),
        4 => {
            let count = 1 + rng.below(12);
            packet.extend(rng.bytes(count));
        }
        // A count or a flag of the header.
        5 => packet[2 + rng.below(10)] = rng.next() as u8,
        // A length that lies.
        6 => {
            let at = 12 + rng.below(length - 12);
            packet[at] = packet[at].wrapping_add(rng.pick(&[1, 255, 2, 254, 16]));
        }
        // Pointers, to itself too.
        7 => {
            let at = 12 + rng.below(length - 12);
            packet[at] = 0xc0;
            packet.insert(at + 1, rng.below(length) as u8);
        }
        // The head of this one, the tail of another.
        8 if last.len() > 12 => {
            packet.truncate(rng.below(length));
            packet.extend(&last[rng.below(last.len())..]);
        }
        // A record twice, or a piece of one.
        _ => {
            let from = 12 + rng.below(length - 12);
            packet.extend_from_within(from..);
            packet[11] = packet[11].wrapping_add(1);
        }
    }
    packet.truncate(MOST);
}
