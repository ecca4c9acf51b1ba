//! What is counted for each server, under the names of `filterd/upstream/counts.py`.

use serde_json::{json, Map, Value};

/// Upper bounds of the round-trip histogram in seconds, with their spelling.
const RTT_BOUNDS: [(f64, &str); 12] = [
    (0.001, "0.001"),
    (0.0025, "0.0025"),
    (0.005, "0.005"),
    (0.01, "0.01"),
    (0.025, "0.025"),
    (0.05, "0.05"),
    (0.1, "0.1"),
    (0.25, "0.25"),
    (0.5, "0.5"),
    (1.0, "1.0"),
    (2.5, "2.5"),
    (5.0, "5.0"),
];

/// Why no usable answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing in time.
    Timeout,
    /// The port is closed (ICMP port unreachable).
    Refused,
    /// No route, or no local socket.
    Unreachable,
    /// Our port was closed before the answer came.
    Closed,
    /// FORMERR, SERVFAIL, NOTIMP or REFUSED.
    Rcode,
}

impl Fault {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Timeout, "timeout"),
        (Self::Refused, "refused"),
        (Self::Unreachable, "unreachable"),
        (Self::Closed, "closed"),
        (Self::Rcode, "rcode"),
    ];

    /// Whether nobody was there to talk to.
    pub(super) fn is_absence(self) -> bool {
        self != Self::Rcode
    }
}

/// Why a message that arrived was thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discard {
    /// Too short to be DNS, or no response.
    Malformed,
    /// Nobody waits for this id: spoofed, unsolicited or far too late.
    WrongId,
    WrongQuestion,
    /// Right but for the 0x20 spelling.
    WrongCase,
    /// Larger than we said we take.
    Oversized,
}

impl Discard {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Malformed, "malformed"),
        (Self::WrongId, "wrong_id"),
        (Self::WrongQuestion, "wrong_question"),
        (Self::WrongCase, "wrong_case"),
        (Self::Oversized, "oversized"),
    ];
}

/// The counters of one server.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) queries: u64,
    pub(super) retries: u64,
    /// Questions given back because UDP cannot carry their answer.
    pub(super) to_tcp: u64,
    answers: u64,
    failures: [u64; Fault::ALL.len()],
    drops: [u64; Discard::ALL.len()],
    rtt_buckets: [u64; RTT_BOUNDS.len() + 1],
    rtt_sum: f64,
}

impl Counts {
    /// Count an answer that took `rtt` seconds.
    pub(super) fn answered(&mut self, rtt: f64) {
        self.answers += 1;
        self.rtt_sum += rtt;
        let bucket = RTT_BOUNDS.partition_point(|(bound, _)| *bound < rtt);
        self.rtt_buckets[bucket] += 1;
    }

    pub(super) fn failed(&mut self, fault: Fault) {
        self.failures[fault as usize] += 1;
    }

    pub(super) fn dropped(&mut self, why: Discard) {
        self.drops[why as usize] += 1;
    }

    /// All of it; the buckets are cumulative, as Prometheus wants them.
    pub(super) fn report(&self) -> Map<String, Value> {
        let mut total = 0;
        let bounds = RTT_BOUNDS.iter().map(|(_, text)| *text).chain(["+Inf"]);
        let buckets: Vec<Value> = bounds
            .zip(&self.rtt_buckets)
            .map(|(bound, count)| {
                total += count;
                json!([bound, total])
            })
            .collect();
        let failures = Fault::ALL.map(|(fault, name)| (name, self.failures[fault as usize]));
        let drops = Discard::ALL.map(|(why, name)| (name, self.drops[why as usize]));
        let report = json!({
            "queries": self.queries,
            "answers": self.answers,
            "retries": self.retries,
            "to_tcp": self.to_tcp,
            "failures": named(&failures),
            "dropped": named(&drops),
            "rtt": {"buckets": buckets, "sum": self.rtt_sum, "count": total},
        });
        match report {
            Value::Object(report) => report,
            _ => Map::new(),
        }
    }
}

fn named(counts: &[(&str, u64)]) -> Value {
    counts
        .iter()
        .map(|(name, count)| ((*name).to_owned(), Value::from(*count)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_at_the_place_of_its_value() {
        for (at, (fault, _)) in Fault::ALL.iter().enumerate() {
            assert_eq!(*fault as usize, at);
        }
        for (at, (why, _)) in Discard::ALL.iter().enumerate() {
            assert_eq!(*why as usize, at);
        }
    }

    #[test]
    fn buckets_are_cumulative_and_bounds_inclusive() {
        let mut counts = Counts::default();
        for rtt in [0.0005, 0.001, 0.003, 9.0] {
            counts.answered(rtt);
        }
        counts.failed(Fault::Rcode);
        counts.dropped(Discard::WrongCase);
        let report = Value::Object(counts.report());
        let buckets = &report["rtt"]["buckets"];
        assert_eq!(buckets[0], json!(["0.001", 2]));
        assert_eq!(buckets[2], json!(["0.005", 3]));
        assert_eq!(buckets[12], json!(["+Inf", 4]));
        assert_eq!(report["failures"]["rcode"], 1);
        assert_eq!(report["dropped"]["wrong_case"], 1);
    }
}
