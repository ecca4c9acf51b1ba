//! URLs: what the rules say about a host, and about paths on it, decided together.
//!
//! A rule for a URL is more specific than one for a name; which of them wins is for ranks to say, as
//! for names. A host that is an address has no name: of the rules for addresses in answers those
//! count that would for a name of this machine's own, since an address that somebody writes by hand is
//! no name that was pointed somewhere.

use filterd_index::{Url, UrlHit};

use crate::matches::{Match, MatchKind, Matches};
use crate::rdata::name_to_wire;
use crate::snapshot::{kind_of, Snapshot};

/// What is more than the labels of any name.
const MORE_THAN_NAMES: u8 = 128;
/// Bits of `Match::pattern` for the length of the path; labels of the host and the scope stand above.
const LENGTH: u32 = 0x00ff_ffff;
const SUBTREE: u32 = 1 << 31;
const LABELS_SHIFT: u32 = 24;
const LABELS: u32 = 0x7f;
/// The wire form of a name that rules against private addresses leave alone.
const LOCAL: &[u8] = b"\x09localhost";

impl Snapshot {
    /// What the rules say about a URL. Adds to `out`, which is empty.
    pub fn match_url(&self, url: &Url, out: &mut Matches) {
        let address = url.address();
        let wire = match address {
            None => name_to_wire(url.host()).unwrap_or_default(),
            Some(_) => Vec::new(),
        };
        let name = wire.strip_suffix(&[0]).unwrap_or(&wire);
        for (layer, index) in self.indexes().iter().enumerate() {
            let offset = self.offset(layer as u8);
            let mut of_urls = Vec::new();
            let of_host = |hit: filterd_index::Hit| {
                let kind = kind_of(hit.scope);
                self.push(out, offset + hit.class, layer, kind, hit.depth, 0, name);
            };
            index.walk_url(url, of_host, |hit| of_urls.push(hit));
            for hit in of_urls {
                let depth = MORE_THAN_NAMES + hit.depth.min(MORE_THAN_NAMES - 1);
                let (class, packed) = (offset + hit.class, packed(&hit));
                self.push(out, class, layer, MatchKind::Url, depth, packed, name);
            }
        }
        match address {
            Some(address) => {
                out.begin_source();
                self.match_address(address, LOCAL, out);
            }
            None if self.has_regexes() => self.match_text(url.host(), name, out),
            None => {}
        }
    }

    /// The pattern of a match of `url` as text: for a rule for URLs, the part of `url` it covers.
    #[must_use]
    pub fn url_pattern(&self, hit: &Match, url: &Url) -> String {
        match hit.kind {
            MatchKind::Url => url.part(labels(hit), hit.pattern & LENGTH),
            _ => {
                let wire = name_to_wire(url.host()).unwrap_or_default();
                self.pattern_text(hit, &wire)
            }
        }
    }
}

/// Labels of the host of the rule that `hit` is for.
pub(crate) fn labels(hit: &Match) -> u8 {
    (hit.pattern >> LABELS_SHIFT & LABELS) as u8
}

/// Whether that rule is for what is below its host too.
#[must_use]
pub fn is_subtree(hit: &Match) -> bool {
    hit.pattern & SUBTREE != 0
}

fn packed(hit: &UrlHit) -> u32 {
    let scope = if hit.subtree { SUBTREE } else { 0 };
    scope | u32::from(hit.labels) << LABELS_SHIFT | hit.length & LENGTH
}
