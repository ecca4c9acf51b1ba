//! Which rules of a name stay in the index, told while names are read in order.

use std::collections::{HashMap, HashSet};

use crate::gather::Rule;
use crate::key;
use crate::names::Scope;
use crate::sets::Member;

/// What was taken back, by key.
pub(crate) type Removed = HashMap<Vec<u8>, HashSet<Member>>;

/// Leaves out what is said twice, what was removed and, with `prune`, what a name above says. Rules for
/// URLs, and marks of their hosts, are neither covered by names nor cover any.
pub(crate) struct Keep<'r> {
    removed: &'r Removed,
    prune: bool,
    /// The last key with an entry in `parents`; the keys of the others are beginnings of it.
    trail: Vec<u8>,
    /// Names that cover what is under them: length of the key, and where its classes start.
    parents: Vec<(usize, usize)>,
    classes: Vec<u32>,
    set: Vec<Member>,
    lines: Vec<u32>,
}

impl<'r> Keep<'r> {
    pub(crate) fn new(removed: &'r Removed, prune: bool) -> Keep<'r> {
        Keep {
            removed,
            prune,
            trail: Vec::new(),
            parents: Vec::new(),
            classes: Vec::new(),
            set: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Returns what stays of the rules of `key`, which are sorted, with the line of each; `None` for
    /// a name that is left out. Keys come in order.
    pub(crate) fn of(&mut self, key: &[u8], rules: &[Rule]) -> Option<(&[Member], &[u32])> {
        // Keys between a parent and its children may not be children (`a.b-c` sorts before
        // `a.b.c`), so the stack keeps all keys that start this one, boundary or not.
        while let Some(&(length, start)) = self.parents.last() {
            if key.starts_with(&self.trail[..length]) {
                break;
            }
            self.classes.truncate(start);
            self.parents.pop();
        }
        let removed = match self.removed.is_empty() {
            true => None,
            false => self.removed.get(key),
        };
        self.set.clear();
        self.lines.clear();
        for rule in rules {
            let member = rule.member;
            let dropped = self.set.last() == Some(&member)
                || removed.is_some_and(|gone| gone.contains(&member))
                || (member.scope() != Some(Scope::Path) && self.is_covered(key, member.class()));
            if !dropped {
                self.set.push(member);
                self.lines.push(rule.line);
            }
        }
        if self.prune {
            self.remember(key);
        }
        (!self.set.is_empty()).then_some((&self.set[..], &self.lines[..]))
    }

    fn remember(&mut self, key: &[u8]) {
        let start = self.classes.len();
        let wide = self.set.iter();
        let wide =
            wide.filter(|member| !matches!(member.scope(), Some(Scope::Exact | Scope::Path)));
        self.classes.extend(wide.map(|member| member.class()));
        if self.classes.len() > start {
            self.trail.clear();
            self.trail.extend_from_slice(key);
            self.parents.push((key.len(), start));
        }
    }

    /// Says whether a parent of `key` has `class` already.
    fn is_covered(&self, key: &[u8], class: u32) -> bool {
        let mut end = self.classes.len();
        self.parents.iter().rev().any(|(length, start)| {
            let own = &self.classes[*start..end];
            end = *start;
            own.contains(&class) && key::is_under(key, &self.trail[..*length])
        })
    }
}
