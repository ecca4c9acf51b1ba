//! Whom to ask and how long, as the node's configuration gives it.

use std::net::SocketAddr;

use serde::Deserialize;

use super::strategy::Strategy;
use super::MOST_SERVERS;

/// Most questions that may be under way.
const MOST: usize = 1_000_000;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its name in logs and metrics.
    pub label: String,
    /// Where it listens.
    pub address: SocketAddr,
}

/// See the module. Python writes it as JSON; times are seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardSettings {
    /// At least one, at most `MOST_SERVERS`.
    pub servers: Vec<Server>,
    /// How they share the questions.
    #[serde(default)]
    pub strategy: Strategy,
    /// How long one question may take, with every server and every repetition.
    pub deadline: f64,
    /// After how long a stale answer is better than waiting on (RFC 8767).
    pub stale_wait: f64,
    /// Questions under way at a time.
    pub most: usize,
}

impl ForwardSettings {
    /// Read them.
    ///
    /// # Errors
    /// Words for a person, when something is missing, unknown or out of range.
    pub fn read(json: &str) -> Result<Self, String> {
        let settings: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let count = settings.servers.len();
        if !(1..=MOST_SERVERS).contains(&count) {
            return Err(format!("{count} servers; 1 to {MOST_SERVERS} can be asked"));
        }
        if settings
            .servers
            .iter()
            .any(|server| server.address.port() == 0)
        {
            return Err("port 0 cannot be asked".to_owned());
        }
        let good = |seconds: f64| (0.0..=3600.0).contains(&seconds);
        if !good(settings.deadline) || !good(settings.stale_wait) {
            return Err("deadline and stale_wait are seconds, up to an hour".to_owned());
        }
        if !(1..=MOST).contains(&settings.most) {
            return Err(format!("most: 1 to {MOST}"));
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(servers: &str, rest: &str) -> Result<ForwardSettings, String> {
        ForwardSettings::read(&format!(r#"{{"servers": [{servers}], {rest}}}"#))
    }

    const ONE: &str = r#"{"label": "udp://[::1]:53", "address": "[::1]:53"}"#;
    const TIMES: &str = r#""deadline": 5, "stale_wait": 1.8, "most": 10"#;

    #[test]
    fn servers_and_times_are_read() {
        let settings = with(ONE, &format!(r#"{TIMES}, "strategy": "strict""#));
        let settings = settings.expect("good settings");
        assert_eq!(settings.strategy, Strategy::Strict);
        assert!(settings.servers[0].address.is_ipv6());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let many = [ONE; MOST_SERVERS + 1].join(", ");
        for (servers, rest) in [
            ("", TIMES),
            (many.as_str(), TIMES),
            (r#"{"label": "x", "address": "127.0.0.1:0"}"#, TIMES),
            (r#"{"label": "x", "address": "dns.example:53"}"#, TIMES),
            (ONE, r#""deadline": -1, "stale_wait": 1.8, "most": 10"#),
            (ONE, r#""deadline": 5, "stale_wait": 1.8, "most": 0"#),
            (
                ONE,
                r#""deadline": 5, "stale_wait": 1.8, "most": 10, "more": 1"#,
            ),
        ] {
            assert!(with(servers, rest).is_err(), "{servers} {rest}");
        }
    }
}
