//! The engine's settings, as the node's configuration gives them.

use serde::Deserialize;

use crate::answer::TtlLimits;
use crate::cache::Memo;
use crate::wire::edns::Edns;

/// What is kept of decisions: the privacy level, as far as the core has a say in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// Nothing.
    Nothing,
    /// Counts by rule, group and five minutes: no client, no single query.
    Counts,
    /// Each decision with its client, in the ring.
    Events,
}

/// Sizes and times. Python writes them as JSON; what it leaves out is as in `default`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Bytes the cache may take, all counted: half of them for what threads hold by themselves.
    pub cache_bytes: usize,
    /// Threads that will answer much.
    pub lanes: usize,
    /// Most questions in flight at a time.
    pub max_misses: usize,
    /// Most new questions a second about names under one domain; 0: any number.
    pub zone_rate: u32,
    /// Events kept for who has not taken them yet.
    pub ring: usize,
    /// Shortest time an answer is kept, in seconds.
    pub min_ttl: u32,
    /// Longest time an answer is kept, in seconds.
    pub max_ttl: u32,
    /// Longest time "no such name" is kept, in seconds.
    pub negative_ttl: u32,
    /// How long after its time an answer may stand in when upstreams fail, in seconds; 0: never.
    pub stale_ttl: u32,
    /// TTL of answers that stand in, in seconds.
    pub stale_answer_ttl: u32,
    /// An entry that is asked for again is refreshed when less than this part of its TTL is left;
    /// 0: never.
    pub prefetch: f64,
    /// Largest UDP message sent and asked for, in bytes.
    pub udp_size: u16,
    /// What is kept of decisions until somebody takes it.
    pub record: Record,
    /// With `Record::Events`: an event for what passes without a rule, too.
    pub log_pass: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            lanes: 1,
            max_misses: 10_000,
            zone_rate: 5_000,
            ring: 10_000,
            min_ttl: 0,
            max_ttl: 86_400,
            negative_ttl: 3_600,
            stale_ttl: 86_400,
            stale_answer_ttl: 30,
            prefetch: 0.1,
            udp_size: 1232,
            record: Record::Events,
            log_pass: false,
        }
    }
}

impl Settings {
    /// Read them from JSON.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub fn parse(json: &str) -> Result<Self, String> {
        let settings: Self =
            serde_json::from_str(json).map_err(|error| format!("settings: {error}"))?;
        if settings.udp_size < 512 {
            return Err(format!(
                "settings: udp_size is {}; it is at least 512",
                settings.udp_size
            ));
        }
        if settings.min_ttl > settings.max_ttl {
            return Err("settings: min_ttl is larger than max_ttl".into());
        }
        if settings.max_ttl > i32::MAX as u32 {
            return Err("settings: max_ttl is at most 2147483647 (RFC 2181 section 8)".into());
        }
        if !(0.0..1.0).contains(&settings.prefetch) {
            return Err("settings: prefetch is a part of the TTL, from 0 to below 1".into());
        }
        Ok(settings)
    }

    /// Bytes of the cache that all threads share: half.
    pub(crate) fn shared_bytes(&self) -> usize {
        self.cache_bytes - self.cache_bytes / 2
    }

    /// Bytes of answers that one lane may hold by itself: its part of a quarter.
    pub(crate) fn near_bytes(&self) -> usize {
        self.cache_bytes / 4 / self.lanes.max(1)
    }

    /// Names whose matches a lane remembers although their answers are not cached: for the same.
    pub(crate) fn memo(&self) -> usize {
        (self.near_bytes() / Memo::EACH).clamp(4096, 1 << 22)
    }

    pub(crate) fn ttl_limits(&self) -> TtlLimits {
        TtlLimits {
            min: self.min_ttl,
            max: self.max_ttl,
            negative: self.negative_ttl,
        }
    }

    /// Most bytes of a reply.
    #[inline]
    pub(crate) fn limit(&self, edns: Option<Edns>, door: u8) -> usize {
        if door != 0 {
            return usize::from(u16::MAX);
        }
        let size = edns.map_or(512, |edns| edns.udp_size.clamp(512, self.udp_size));
        usize::from(size)
    }
}
