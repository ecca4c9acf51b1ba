//! The index against a matcher that knows nothing but the meaning of the three scopes.

use std::collections::BTreeSet;

use filterd_index::{Hit, Index, IndexBuilder, Scope};
use proptest::prelude::*;

/// A rule as the test keeps it.
type Rule = (String, Scope, u32);

fn label() -> impl Strategy<Value = String> {
    // Few letters, so that names share parents, prefixes and tails; '-' sorts before the dot.
    prop_oneof![4 => "[ab-]{1,2}", 1 => "[a-z0-9_-]{1,63}"]
}

fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(label(), 0..4).prop_map(|labels| labels.join("."))
}

fn rule() -> impl Strategy<Value = Rule> {
    let scope = prop_oneof![Just(Scope::Exact), Just(Scope::Subtree), Just(Scope::Below)];
    (name(), scope, prop_oneof![8 => 0u32..4, 1 => 0u32..1000])
}

fn is_under(name: &str, parent: &str) -> bool {
    match name.strip_suffix(parent) {
        _ if parent.is_empty() => !name.is_empty(),
        Some(rest) => rest.ends_with('.'),
        None => false,
    }
}

fn covers(pattern: &str, scope: Scope, name: &str) -> bool {
    match scope {
        Scope::Exact => name == pattern,
        Scope::Subtree => name == pattern || is_under(name, pattern),
        Scope::Below => is_under(name, pattern),
        Scope::Path => false,
    }
}

fn depth(name: &str) -> u8 {
    if name.is_empty() {
        0
    } else {
        name.split('.').count() as u8
    }
}

fn wire(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire
}

fn build(rules: &[Rule], removed: &[Rule], prune: bool) -> Index {
    let mut builder = IndexBuilder::new(true);
    builder.prune(prune);
    let (before, after) = removed.split_at(removed.len() / 2);
    for (name, scope, class) in before {
        builder
            .remove_name(name, *scope, *class)
            .expect("a good name");
    }
    for ((name, scope, class), line) in rules.iter().zip(1..) {
        builder
            .add_name(name, *scope, *class, line)
            .expect("a good name");
    }
    for (name, scope, class) in after {
        builder
            .remove_name(name, *scope, *class)
            .expect("a good name");
    }
    builder.finish("{}").expect("an index")
}

fn hits(index: &Index, name: &str) -> BTreeSet<Hit> {
    let mut hits = Vec::new();
    index.walk(name, |hit| hits.push(hit));
    let distinct: BTreeSet<Hit> = hits.iter().copied().collect();
    assert_eq!(hits.len(), distinct.len(), "each rule is reported once");
    distinct
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn walk_finds_what_the_scopes_say(
        rules in prop::collection::vec(rule(), 0..40),
        voids in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        names in prop::collection::vec(name(), 1..20),
    ) {
        let removed: Vec<Rule> =
            if rules.is_empty() { vec![] } else { voids.iter().map(|at| at.get(&rules).clone()).collect() };
        let index = build(&rules, &removed, false);
        let pruned = build(&rules, &removed, true);
        prop_assert!(pruned.names() <= index.names());
        let asked = names.iter().chain(rules.iter().map(|(name, _, _)| name));
        for name in asked {
            let expected: BTreeSet<Hit> = rules
                .iter()
                .filter(|rule| !removed.contains(rule) && covers(&rule.0, rule.1, name))
                .map(|(pattern, scope, class)| Hit { class: *class, scope: *scope, depth: depth(pattern) })
                .collect();
            prop_assert_eq!(&hits(&index, name), &expected, "{}", name);
            let mut by_wire = BTreeSet::new();
            index.walk_wire(&wire(name), |hit| { by_wire.insert(hit); });
            prop_assert_eq!(&by_wire, &expected);
            let mut rooted = wire(name);
            rooted.push(0);
            by_wire.clear();
            index.walk_wire(&rooted, |hit| { by_wire.insert(hit); });
            prop_assert_eq!(&by_wire, &expected);

            // Leaving covered names out changes which rule of a class is shown, not the classes.
            let shown = hits(&pruned, name);
            prop_assert!(shown.is_subset(&expected));
            let classes = |hits: &BTreeSet<Hit>| hits.iter().map(|hit| hit.class).collect::<BTreeSet<_>>();
            prop_assert_eq!(classes(&shown), classes(&expected));
        }
    }

    #[test]
    fn find_names_the_first_line_of_each_rule(
        rules in prop::collection::vec(rule(), 1..30),
        names in prop::collection::vec(name(), 1..10),
    ) {
        let index = build(&rules, &[], false);
        for name in &names {
            let found = index.find(name).expect("lines in memory");
            for rule in found {
                let first = rules.iter().position(|(pattern, scope, class)| {
                    *pattern == rule.pattern && *class == rule.class && rule.kind == (*scope).into()
                });
                prop_assert_eq!(Some(rule.line as usize), first.map(|at| at + 1));
            }
        }
    }

    #[test]
    fn any_bytes_walk_without_harm(rules in prop::collection::vec(rule(), 0..10), wire in prop::collection::vec(any::<u8>(), 0..300)) {
        let index = build(&rules, &[], true);
        let mut count = 0usize;
        index.walk_wire(&wire, |_| count += 1);
        prop_assert!(count <= rules.len());
    }

    #[test]
    fn damaged_bytes_are_refused_or_harmless(
        rules in prop::collection::vec(rule(), 1..10),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
        names in prop::collection::vec(name(), 1..5),
    ) {
        let folder = tempdir();
        let path = folder.path.join("rules.idx");
        let mut builder = IndexBuilder::new(false);
        for (name, scope, class) in &rules {
            builder.add_name(name, *scope, *class, 0).expect("a good name");
        }
        builder.write(&path, "{}").expect("written");
        let mut bytes = std::fs::read(&path).expect("read");
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(Index::from_bytes(bytes.clone()).is_err(), "byte {at}");
        prop_assert!(Index::from_bytes(bytes[..at].to_vec()).is_err());
        std::fs::write(&path, &bytes).expect("written");
        if let Ok(index) = Index::open(&path, false) {
            for name in &names {
                index.walk(name, |hit| assert!(hit.depth <= 4));
            }
        }
    }
}

/// A folder that goes away with the test.
struct Folder {
    path: std::path::PathBuf,
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.path).expect("the test's own folder");
    }
}

fn tempdir() -> Folder {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("filterd-oracle-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&path).expect("a folder");
    Folder { path }
}
