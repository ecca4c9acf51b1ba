//! Any datagrams at any of our ports, between questions, time that passes and faults of sockets: no
//! panic, and every question ends at most once.
#![no_main]

use std::collections::HashSet;

use filterd_core::forward::{Effect, Fault, Forward, ForwardSettings, PortId};
use libfuzzer_sys::fuzz_target;

const QUERY: &[u8] =
    b"\0\0\x01\x20\0\x01\0\0\0\0\0\x01\x03www\x07example\x04test\0\0\x01\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\0";
const SERVERS: &str = r#"[{"label": "a", "address": "192.0.2.1:53"},
    {"label": "b", "address": "[2001:db8::1]:53"}]"#;

/// Who has the sockets: what was sent, and where from.
struct Net {
    forward: Forward,
    sent: Vec<(PortId, Vec<u8>)>,
    open: HashSet<u64>,
    now: f64,
}

impl Net {
    fn act(&mut self) {
        let mut unopened = Vec::new();
        loop {
            while let Some(effect) = self.forward.next_effect() {
                match effect {
                    // One in a while cannot be opened.
                    Effect::Open { port, .. } if port.place() % 7 == 6 => unopened.push(port),
                    Effect::Open { .. } | Effect::Close { .. } | Effect::Stale { .. } => {}
                    Effect::Send { port, wire } => self.sent.push((port, wire.to_vec())),
                    Effect::Answer { miss, .. }
                    | Effect::Failed { miss, .. }
                    | Effect::Elsewhere { miss } => {
                        assert!(self.open.remove(&miss), "a question ended twice");
                    }
                }
            }
            let Some(port) = unopened.pop() else {
                return;
            };
            self.forward.unopened(port, self.now);
        }
    }

    /// One step; returns how much of `input` it took.
    fn step(&mut self, what: u8, which: u8, input: &[u8]) -> usize {
        let at = usize::from(which) % self.sent.len().max(1);
        let Some((port, sent)) = self.sent.get(at).cloned() else {
            return 0;
        };
        let mut used = 0;
        match what % 8 {
            // A datagram as it stands in the input.
            0 => {
                used = input.len().min(usize::from(which));
                self.forward.received(port, &input[..used], self.now);
            }
            // An answer that differs from a right one in places: (where, what) of each.
            1..=4 => {
                let mut answer = sent;
                answer[2] |= 0x80;
                let changes = input.iter().take_while(|place| **place != 0).count();
                for change in input[..changes].chunks_exact(2) {
                    let place = usize::from(change[0]) % answer.len();
                    answer[place] ^= change[1];
                }
                if what & 8 != 0 {
                    answer.resize(usize::from(which) * 24, what);
                }
                used = changes;
                self.forward.received(port, &answer, self.now);
            }
            5 => self.now += f64::from(which) / 32.0,
            6 => self.forward.refused(port, Fault::Refused, self.now),
            _ => self.forward.loses_case(usize::from(which), self.now),
        }
        used
    }
}

fuzz_target!(|input: &[u8]| {
    let [how, steps @ ..] = input else {
        return;
    };
    let strategy = ["fastest", "strict", "parallel"][usize::from(*how) % 3];
    let settings = ForwardSettings::read(&format!(
        r#"{{"servers": {SERVERS}, "strategy": "{strategy}", "deadline": 5, "stale_wait": 1.8,
            "most": 40}}"#
    ));
    let mut net = Net {
        forward: Forward::new(settings.expect("settings"), [*how; 32]),
        sent: Vec::new(),
        open: HashSet::new(),
        now: 1000.0,
    };
    let (mut asked, mut rest) = (0, steps);
    while let [what, which, behind @ ..] = rest {
        rest = behind;
        if asked == 0 || what % 16 == 15 {
            for _ in 0..=*which % 8 {
                asked += 1;
                net.open.insert(asked);
                net.forward.ask(asked, QUERY, net.now);
            }
        } else {
            let used = net.step(*what, *which, rest);
            rest = &rest[used..];
        }
        net.forward.tick(net.now);
        net.act();
        assert_eq!(net.forward.in_flight(), net.open.len());
        // What was sent long ago is late enough.
        net.sent.drain(..net.sent.len().saturating_sub(256));
    }
    net.now += 60.0;
    net.forward.tick(net.now);
    net.forward.hand_over(net.now);
    net.act();
    assert!(net.open.is_empty(), "a question was left");
});
