//! The guard's settings, as the node's configuration gives them.

use serde::Deserialize;

/// Everything. Python writes it as JSON; who is answered is always said, and what else is left out
/// is as in `default`: no limits, cookies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardSettings {
    /// Who is answered.
    pub access: AccessSettings,
    /// Networks whose queries and replies are not counted.
    #[serde(default)]
    pub exempt: Vec<String>,
    /// The rate of queries from one prefix.
    #[serde(default)]
    pub queries: QuerySettings,
    /// The rate of replies that are alike.
    #[serde(default)]
    pub responses: ResponseSettings,
    /// DNS cookies (RFC 7873).
    #[serde(default)]
    pub cookies: CookieSettings,
}

/// Who is answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessSettings {
    /// `192.0.2.0/24`, `2001:db8::/32` or single addresses, all there are.
    pub networks: Vec<String>,
    /// What everybody else gets.
    pub others: Others,
}

/// What queries from other networks get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Others {
    /// REFUSED.
    Refuse,
    /// No reply.
    Drop,
}

/// The rate of queries from one prefix.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuerySettings {
    /// Queries a second; 0: not limited.
    pub rate: u32,
    /// Queries at once after a pause.
    pub burst: u32,
    /// Bits of an IPv4 address that stand for one client.
    pub ipv4_prefix: u8,
    /// Bits of an IPv6 address that stand for one client.
    pub ipv6_prefix: u8,
}

/// The rate of replies over UDP that are alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseSettings {
    /// Answers a second about one name; 0: not limited.
    pub rate: u32,
    /// Negative answers a second about one zone; 0: not limited, `None`: as `rate`.
    pub negatives: Option<u32>,
    /// Errors a second; 0: not limited, `None`: as `rate`.
    pub errors: Option<u32>,
    /// One in so many replies above the rate goes out truncated; 0: none.
    pub slip: u8,
    /// Seconds for which replies above the rate are held against it.
    pub window: u32,
    /// Bits of an IPv4 address that stand for one client.
    pub ipv4_prefix: u8,
    /// Bits of an IPv6 address that stand for one client.
    pub ipv6_prefix: u8,
}

/// DNS cookies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CookieSettings {
    /// Give cookies to clients that know them.
    pub enabled: bool,
    /// Answer such clients over UDP only with a cookie of ours.
    pub require: bool,
}

impl Default for QuerySettings {
    fn default() -> Self {
        Self {
            rate: 0,
            burst: 0,
            ipv4_prefix: 32,
            ipv6_prefix: 56,
        }
    }
}

impl Default for ResponseSettings {
    fn default() -> Self {
        Self {
            rate: 0,
            negatives: None,
            errors: None,
            slip: 2,
            window: 15,
            ipv4_prefix: 24,
            ipv6_prefix: 56,
        }
    }
}

impl Default for CookieSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            require: false,
        }
    }
}

/// What the tables' counters can hold.
const MOST_RATE: u32 = 100_000;
const MOST_SECONDS: u32 = 600;
const MOST_SLIP: u8 = 10;

impl GuardSettings {
    /// Read them from JSON.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub fn parse(json: &str) -> Result<Self, String> {
        let settings: Self =
            serde_json::from_str(json).map_err(|error| format!("guard: {error}"))?;
        settings.check()?;
        Ok(settings)
    }

    /// Whether the numbers are in range; `Guard::new` asks too, for settings made by hand.
    pub(super) fn check(&self) -> Result<(), String> {
        let (queries, responses) = (&self.queries, &self.responses);
        for (name, rate) in [
            ("queries.rate", queries.rate),
            ("responses.rate", responses.rate),
            ("responses.negatives", responses.negatives.unwrap_or(0)),
            ("responses.errors", responses.errors.unwrap_or(0)),
        ] {
            within(name, rate, MOST_RATE)?;
        }
        let most_burst = queries.rate.saturating_mul(MOST_SECONDS);
        if queries.rate > 0 {
            within("queries.burst", queries.burst, most_burst)?;
        }
        within("responses.window", responses.window, MOST_SECONDS)?;
        within("responses.slip", responses.slip.into(), MOST_SLIP.into())?;
        for (name, length, most) in [
            ("queries.ipv4_prefix", queries.ipv4_prefix, 32),
            ("queries.ipv6_prefix", queries.ipv6_prefix, 128),
            ("responses.ipv4_prefix", responses.ipv4_prefix, 32),
            ("responses.ipv6_prefix", responses.ipv6_prefix, 128),
        ] {
            within(name, length.into(), most)?;
        }
        Ok(())
    }
}

fn within(name: &str, number: u32, most: u32) -> Result<(), String> {
    if number > most {
        return Err(format!("guard: {name} is {number}; it is at most {most}"));
    }
    Ok(())
}
