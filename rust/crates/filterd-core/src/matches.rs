//! What the rules say about a name, whoever asks: the part of a verdict that a cache may keep.

use smallvec::SmallVec;

/// How a pattern matched. The words are those of `Index.find` in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchKind {
    /// The name itself.
    Exact,
    /// The name or one above it, with everything under it.
    Subtree,
    /// A name above, not itself (RPZ `*.x`).
    Below,
    /// A regular expression.
    Regex,
    /// An address.
    Network,
    /// A URL: path on a host, and all beneath it.
    Url,
}

impl MatchKind {
    /// The word used in Python and in logs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Subtree => "subtree",
            Self::Below => "below",
            Self::Regex => "regex",
            Self::Network => "network",
            Self::Url => "url",
        }
    }
}

/// One class of rules that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Global class id: an index into the plan's classes.
    pub class: u32,
    /// Which index of the snapshot the rule stands in.
    pub layer: u8,
    /// How it matched.
    pub kind: MatchKind,
    /// Labels of the pattern: more is more specific. 0 for a regex; prefix length for a network;
    /// folders for a URL, and 128, which is more than any name has.
    pub depth: u8,
    /// Number of the regex or network inside its index; 0 for names; for a URL see `urls.rs`.
    pub pattern: u32,
    /// What was matched: 0 the qname, 1.. one target or address of the answer each.
    pub source: u8,
}

/// The matches of one question. Grows on the heap only past four.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    items: SmallVec<[Match; 4]>,
    source: u8,
}

impl Matches {
    /// No match.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Start a new source: what is pushed from here on belongs to one target or address of an
    /// answer, so that an exception for one does not excuse another.
    pub fn begin_source(&mut self) {
        self.source = self.source.saturating_add(1);
    }

    /// The number of the current source.
    #[must_use]
    pub fn source(&self) -> u8 {
        self.source
    }

    /// Add a match of the current source.
    pub fn push(&mut self, class: u32, layer: u8, kind: MatchKind, depth: u8, pattern: u32) {
        let source = self.source;
        self.items.push(Match {
            class,
            layer,
            kind,
            depth,
            pattern,
            source,
        });
    }

    /// Forget everything.
    pub fn clear(&mut self) {
        self.items.clear();
        self.source = 0;
    }

    /// Whether nothing matched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All matches, in the order they were found.
    #[must_use]
    pub fn as_slice(&self) -> &[Match] {
        &self.items
    }

    /// Bytes held on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        if self.items.spilled() {
            self.items.capacity() * std::mem::size_of::<Match>()
        } else {
            0
        }
    }
}
