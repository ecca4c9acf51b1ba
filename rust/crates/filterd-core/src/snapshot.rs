//! A snapshot: indexes and the plan for them, immutable, swapped whole.

use std::net::IpAddr;
use std::sync::Arc;

use filterd_index::{Index, Scope, Trigger};

use crate::decide::{self, Block, Decision, Person};
use crate::matches::{Match, MatchKind, Matches};
use crate::plan::{Group, Plan};
use crate::rdata;
use crate::urls;
use crate::wire::name::last_labels;

/// Everything that a verdict depends on but the question and the time.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts up; a cache entry matched under another generation is matched again.
    pub generation: u64,
    plan: Plan,
    indexes: Vec<Arc<Index>>,
    has_regexes: bool,
    has_answer_networks: bool,
    has_client_networks: bool,
}

/// How a pattern of `scope` matches.
pub(crate) fn kind_of(scope: Scope) -> MatchKind {
    match scope {
        Scope::Exact => MatchKind::Exact,
        Scope::Subtree => MatchKind::Subtree,
        Scope::Below => MatchKind::Below,
        Scope::Path => MatchKind::Url,
    }
}

/// Who asks, as far as an address tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Group index.
    pub group: u16,
    /// Client index, -1 for nobody known by name.
    pub client: i32,
    /// The address.
    pub address: Option<IpAddr>,
}

impl Snapshot {
    /// Put indexes and plan together.
    ///
    /// # Errors
    /// One line: the plan does not read, or does not fit the indexes.
    pub fn new(indexes: Vec<Arc<Index>>, plan: &str, generation: u64) -> Result<Self, String> {
        let plan = Plan::parse(plan)?;
        if plan.offsets.len() != indexes.len() || indexes.len() > 255 {
            return Err(format!(
                "plan: {} layers for {} indexes",
                plan.offsets.len(),
                indexes.len()
            ));
        }
        let all = plan.classes.len() as u32;
        let ends = plan.offsets.iter().skip(1).chain([&all]);
        for (layer, (index, (start, end))) in indexes
            .iter()
            .zip(plan.offsets.iter().zip(ends))
            .enumerate()
        {
            // Beyond its end the classes of the next layer begin: another rule's meaning.
            if index.classes() > end - start {
                return Err(format!(
                    "plan: layer {layer} has {} classes, its index {}",
                    end - start,
                    index.classes()
                ));
            }
        }
        Ok(Self {
            generation,
            has_regexes: indexes.iter().any(|index| index.has_regexes()),
            has_answer_networks: indexes
                .iter()
                .any(|index| index.has_networks(Trigger::Answer)),
            has_client_networks: indexes
                .iter()
                .any(|index| index.has_networks(Trigger::Client)),
            plan,
            indexes,
        })
    }

    /// The group and client of `address`, by longest prefix.
    #[must_use]
    pub fn asker(&self, address: IpAddr) -> Asker {
        let (group, client) = self.plan.prefixes.get(address);
        Asker {
            group,
            client,
            address: Some(address),
        }
    }

    /// What the rules say about a name: length-prefixed labels in lower case, with or without the
    /// root byte. Adds to `out` under its current source.
    pub fn match_name(&self, wire_lower: &[u8], out: &mut Matches) {
        let wire = wire_lower.strip_suffix(&[0]).unwrap_or(wire_lower);
        for (layer, index) in self.indexes.iter().enumerate() {
            let offset = self.plan.offsets[layer];
            index.walk_wire(wire, |hit| {
                let kind = kind_of(hit.scope);
                self.push(out, offset + hit.class, layer, kind, hit.depth, 0, wire);
            });
        }
        if self.has_regexes {
            let text = rdata::name_to_text(wire);
            self.match_text(&text, wire, out);
        }
    }

    /// What the rules say about an address in an answer. Adds under the current source, which
    /// must not be 0: `begin_source` first. `qname` (wire, lower case) is what was asked, for
    /// rules that leave some names alone.
    pub fn match_address(&self, address: IpAddr, qname: &[u8], out: &mut Matches) {
        let qname = qname.strip_suffix(&[0]).unwrap_or(qname);
        if self.has_answer_networks {
            self.match_networks(address, Trigger::Answer, qname, out);
        }
        if self.has_regexes {
            self.match_text(&address.to_string(), qname, out);
        }
    }

    pub(crate) fn match_text(&self, text: &str, qname: &[u8], out: &mut Matches) {
        for (layer, index) in self.indexes.iter().enumerate() {
            let offset = self.plan.offsets[layer];
            index.match_regex(text, |hit| {
                self.push(
                    out,
                    offset + hit.class,
                    layer,
                    MatchKind::Regex,
                    0,
                    hit.regex,
                    qname,
                );
            });
        }
    }

    pub(crate) fn match_networks(
        &self,
        address: IpAddr,
        trigger: Trigger,
        qname: &[u8],
        out: &mut Matches,
    ) {
        for (layer, index) in self.indexes.iter().enumerate() {
            let offset = self.plan.offsets[layer];
            index.match_address(address, trigger, |hit| {
                let (kind, number) = (MatchKind::Network, hit.network);
                self.push(
                    out,
                    offset + hit.class,
                    layer,
                    kind,
                    hit.prefix,
                    number,
                    qname,
                );
            });
        }
    }

    #[allow(clippy::too_many_arguments)] // one match, field by field
    pub(crate) fn push(
        &self,
        out: &mut Matches,
        class: u32,
        layer: usize,
        kind: MatchKind,
        depth: u8,
        pattern: u32,
        qname: &[u8],
    ) {
        let Some(known) = self.plan.classes.get(class as usize) else {
            return;
        };
        if known.leaves_alone(qname) {
            return;
        }
        out.push(class, layer as u8, kind, depth, pattern);
    }

    /// Decide from the matches of the name (and of the client's address, RPZ rpz-client-ip).
    #[must_use]
    pub fn decide(&self, found: &Matches, asker: &Asker, qtype: u16, now: i64) -> Decision<'_> {
        self.decide_for(found, &self.person(asker), qtype, now)
    }

    /// Decide from the matches of an answer: a block, or a pass. See `decide::decide_answer`.
    #[must_use]
    pub fn decide_answer(
        &self,
        found: &Matches,
        asker: &Asker,
        qtype: u16,
        now: i64,
        reach: u8,
        stream: bool,
    ) -> Decision<'_> {
        decide::decide_answer(
            &self.plan,
            found.as_slice(),
            &self.person(asker),
            qtype,
            now,
            reach,
            stream,
        )
    }

    /// Decide for somebody described in more ways than an address.
    #[must_use]
    pub fn decide_for(
        &self,
        found: &Matches,
        person: &Person<'_>,
        qtype: u16,
        now: i64,
    ) -> Decision<'_> {
        let client_found = self.client_matches(person.address);
        let (found, client_found) = (found.as_slice(), client_found.as_slice());
        decide::decide(&self.plan, found, client_found, person, qtype, now)
    }

    /// Every match that speaks about this question, with the rank it has for this person.
    #[must_use]
    pub fn ranked(
        &self,
        found: &Matches,
        person: &Person<'_>,
        qtype: u16,
        now: i64,
    ) -> Vec<(u16, Match)> {
        let client_found = self.client_matches(person.address);
        let all = found.as_slice().iter().chain(client_found.as_slice());
        let mut ranked: Vec<(u16, Match)> = all
            .map(|hit| (decide::rank(&self.plan, hit, person, qtype, now), *hit))
            .collect();
        ranked.sort_by_key(|(rank, hit)| (*rank, u8::MAX - hit.depth, hit.class));
        ranked
    }

    /// Whether a question that no rule names passes for this group now; and until when that holds,
    /// in unix seconds. `None`: not, or the client's address has a say.
    #[inline]
    #[must_use]
    pub fn passes(&self, group: u16, now: i64) -> Option<Option<i64>> {
        let group = self.group(group);
        let segment = group.segment(now);
        let open = !segment.closed && !group.block_default && !self.has_client_networks;
        open.then(|| group.until(now))
    }

    /// The block that `decide` comes to where `hit` is all that is said about a name, whatever the
    /// type; `None` if it may be anything else.
    #[inline]
    pub(crate) fn blocks(&self, hit: &Match, group: u16, now: i64) -> Option<Block<'_>> {
        if self.has_client_networks {
            return None;
        }
        decide::block(&self.plan, hit, group, now)
    }

    fn client_matches(&self, address: Option<IpAddr>) -> Matches {
        let mut found = Matches::new();
        if let (true, Some(address)) = (self.has_client_networks, address) {
            self.match_networks(address, Trigger::Client, &[], &mut found);
        }
        found
    }

    /// What is known of an asker.
    #[must_use]
    pub fn person(&self, asker: &Asker) -> Person<'_> {
        let client = usize::try_from(asker.client)
            .ok()
            .and_then(|i| self.plan.clients.get(i));
        Person {
            group: asker.group,
            address: asker.address,
            name: client.map(|client| client.name.as_str()),
            tags: client.map_or(&[], |client| &client.tags),
        }
    }

    /// A group of the plan.
    #[must_use]
    pub fn group(&self, group: u16) -> &Group {
        &self.plan.groups[usize::from(group)]
    }

    /// All groups of the plan, by number.
    pub(crate) fn groups(&self) -> &[Group] {
        &self.plan.groups
    }

    /// The index of the group called `name`.
    #[must_use]
    pub fn group_index(&self, name: &str) -> Option<u16> {
        self.plan
            .groups
            .iter()
            .position(|group| group.name == name)
            .map(|i| i as u16)
    }

    /// The client called `name`: its group and tags.
    #[must_use]
    pub fn client_named(&self, name: &str) -> Option<&crate::plan::Client> {
        self.plan.clients.iter().find(|client| client.name == name)
    }

    /// When the group's policy next changes by itself, in unix seconds.
    #[must_use]
    pub fn until(&self, group: u16, now: i64) -> Option<i64> {
        self.group(group).until(now)
    }

    /// Whether a name match may run regexes.
    #[must_use]
    pub fn has_regexes(&self) -> bool {
        self.has_regexes
    }

    /// Number of classes of all layers.
    #[must_use]
    pub fn class_count(&self) -> usize {
        self.plan.classes.len()
    }

    /// Global id of the first class of `layer`.
    #[must_use]
    pub fn offset(&self, layer: u8) -> u32 {
        self.plan
            .offsets
            .get(usize::from(layer))
            .copied()
            .unwrap_or(0)
    }

    /// All indexes, in the order of their layers.
    #[must_use]
    pub(crate) fn indexes(&self) -> &[Arc<Index>] {
        &self.indexes
    }

    /// The index of `layer`.
    #[must_use]
    pub fn index(&self, layer: u8) -> Option<&Arc<Index>> {
        self.indexes.get(usize::from(layer))
    }

    /// The pattern of a match as text. `matched` is the name (wire, lower case) that was matched:
    /// the qname, or the target of the match's source.
    #[must_use]
    pub fn pattern_text(&self, hit: &Match, matched: &[u8]) -> String {
        let index = self.index(hit.layer);
        match hit.kind {
            MatchKind::Regex => {
                let text = index.and_then(|index| index.regex(hit.pattern));
                text.unwrap_or_default().to_owned()
            }
            MatchKind::Network => index
                .and_then(|index| index.network(hit.pattern))
                .unwrap_or_default(),
            MatchKind::Exact | MatchKind::Subtree | MatchKind::Below => {
                rdata::name_to_text(last_labels(matched, hit.depth))
            }
            // Of a URL only its host is known here; `url_pattern` has the URL.
            MatchKind::Url => rdata::name_to_text(last_labels(matched, urls::labels(hit))),
        }
    }
}
