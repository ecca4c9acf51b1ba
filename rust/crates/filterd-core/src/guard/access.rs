//! Access: the networks whose queries are answered.

use std::net::IpAddr;

use super::settings::{AccessSettings, Others};
use crate::clients::{Network, PrefixMap};

/// A set of networks.
pub(super) struct Networks(PrefixMap<bool>);

impl Networks {
    pub(super) fn new(texts: &[String]) -> Result<Self, String> {
        let mut prefixes = Vec::with_capacity(texts.len());
        for text in texts {
            let network = Network::parse(text).map_err(|error| format!("guard: {error}"))?;
            prefixes.push((network, true));
        }
        Ok(Self(PrefixMap::new(prefixes, false)))
    }

    pub(super) fn none() -> Self {
        Self(PrefixMap::new(Vec::new(), false))
    }

    /// Whether `client` is in one of them.
    #[inline]
    pub(super) fn hold(&self, client: IpAddr) -> bool {
        self.0.get(client)
    }
}

/// Who is answered, and how all others are not.
pub(super) struct Access {
    /// `None`: everybody.
    networks: Option<Networks>,
    others: Others,
}

impl Access {
    pub(super) fn new(settings: &AccessSettings) -> Result<Self, String> {
        Ok(Self {
            networks: Some(Networks::new(&settings.networks)?),
            others: settings.others,
        })
    }

    pub(super) fn everybody() -> Self {
        Self {
            networks: None,
            others: Others::Refuse,
        }
    }

    #[inline]
    pub(super) fn admits(&self, client: IpAddr) -> bool {
        match &self.networks {
            Some(networks) => networks.hold(client),
            None => true,
        }
    }

    /// Whether all others get no reply at all.
    pub(super) fn silent(&self) -> bool {
        self.others == Others::Drop
    }
}
