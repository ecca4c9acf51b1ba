//! How a server is doing: a state machine with no clock of its own (`now` in seconds).
//!
//! Up until `THRESHOLD` failures in a row, then down; a server that is down is asked last, and
//! every so often one question goes to it beside the others to see whether it is back. The same
//! numbers as in `filterd/upstream/health.py`.

const THRESHOLD: u32 = 3;
/// Seconds down before the first probe; doubles with every failed one.
const FIRST_BACKOFF: f64 = 1.0;
const MOST_BACKOFF: f64 = 60.0;
/// Of a new round-trip time in the average.
const WEIGHT: f64 = 0.25;
const UNKNOWN_PATIENCE: f64 = 0.5;
const LEAST_PATIENCE: f64 = 0.1;
const MOST_PATIENCE: f64 = 1.0;

/// The state of one server.
#[derive(Clone, Debug)]
pub(super) struct Health {
    /// Average round trip in seconds, `None` before the first.
    pub(super) rtt: Option<f64>,
    /// A question is on its way beside the others.
    pub(super) probing: bool,
    /// In a row.
    failures: u32,
    retry_at: f64,
    backoff: f64,
}

impl Health {
    pub(super) fn new() -> Self {
        Self {
            rtt: None,
            probing: false,
            failures: 0,
            retry_at: 0.0,
            backoff: FIRST_BACKOFF,
        }
    }

    /// Whether it is asked in its turn.
    pub(super) fn up(&self) -> bool {
        self.failures < THRESHOLD
    }

    /// What to sort by: the fastest first, those never measured last.
    pub(super) fn rank(&self) -> f64 {
        self.rtt.unwrap_or(f64::INFINITY)
    }

    /// Seconds to wait for it before the next server is asked too.
    pub(super) fn patience(&self) -> f64 {
        self.rtt.map_or(UNKNOWN_PATIENCE, |rtt| {
            (4.0 * rtt + 0.05).clamp(LEAST_PATIENCE, MOST_PATIENCE)
        })
    }

    /// Note an answer after `rtt` seconds.
    pub(super) fn succeeded(&mut self, rtt: f64) {
        self.rtt = Some(self.rtt.map_or(rtt, |old| old + WEIGHT * (rtt - old)));
        self.failures = 0;
        self.backoff = FIRST_BACKOFF;
    }

    /// Note a failure.
    pub(super) fn failed(&mut self, now: f64) {
        self.failures = self.failures.saturating_add(1);
        if self.failures < THRESHOLD || now < self.retry_at {
            return;
        }
        if self.failures > THRESHOLD {
            self.backoff = (self.backoff * 2.0).min(MOST_BACKOFF);
        }
        self.retry_at = now + self.backoff;
    }

    /// Whether a question should go to it beside the others.
    pub(super) fn wants_probe(&self, now: f64) -> bool {
        !self.up() && !self.probing && now >= self.retry_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down(now: f64) -> Health {
        let mut health = Health::new();
        for _ in 0..THRESHOLD {
            health.failed(now);
        }
        health
    }

    #[test]
    fn down_after_failures_in_a_row_only() {
        let mut health = Health::new();
        for _ in 0..5 {
            health.failed(0.0);
            health.failed(0.0);
            assert!(health.up());
            health.succeeded(0.01);
        }
        assert!(!down(0.0).up());
    }

    #[test]
    fn probes_come_with_growing_pauses_up_to_a_bound() {
        let mut health = down(100.0);
        let mut now = 100.0;
        let mut pauses = Vec::new();
        for _ in 0..9 {
            let since = now;
            while !health.wants_probe(now) {
                now += 0.5;
            }
            pauses.push(now - since);
            health.failed(now);
        }
        assert_eq!(pauses, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]);
    }

    #[test]
    fn failures_while_down_do_not_put_off_the_probe() {
        let mut health = down(100.0);
        for tenth in 0..9 {
            health.failed(100.0 + f64::from(tenth) / 10.0);
        }
        assert!(health.wants_probe(101.0));
        health.probing = true;
        assert!(!health.wants_probe(101.0));
    }

    #[test]
    fn patience_follows_the_round_trip_within_bounds() {
        let mut health = Health::new();
        assert_eq!(health.patience(), UNKNOWN_PATIENCE);
        health.succeeded(0.001);
        assert_eq!(health.patience(), LEAST_PATIENCE);
        for _ in 0..40 {
            health.succeeded(0.1);
        }
        assert!((0.4..0.46).contains(&health.patience()));
        for _ in 0..40 {
            health.succeeded(3.0);
        }
        assert_eq!(health.patience(), MOST_PATIENCE);
    }
}
