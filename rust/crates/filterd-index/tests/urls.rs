//! URLs in the index, against a matcher that knows nothing but what a rule for a URL means.

use std::collections::BTreeSet;
use std::path::PathBuf;

use filterd_index::{FoundKind, Hit, Index, IndexBuilder, Scope, Url};
use proptest::prelude::*;

/// Host, path, subtree, class.
type Rule = (String, String, bool, u32);

fn host() -> impl Strategy<Value = String> {
    let name = prop::collection::vec("[ab]", 1..4).prop_map(|labels| labels.join("."));
    prop_oneof![8 => name, 1 => Just("192.0.2.1".to_owned()), 1 => Just("[2001:db8::1]".to_owned())]
}

fn path() -> impl Strategy<Value = String> {
    let folders = prop::collection::vec("[abc]{1,2}", 0..4);
    let end = prop::sample::select(vec!["", "/", "?", "?a", "?a=b/c", "/?a"]);
    (folders, end).prop_map(|(folders, end)| {
        let path: String = folders.iter().map(|folder| format!("/{folder}")).collect();
        match path.is_empty() && !end.starts_with('/') {
            true => format!("/{end}"),
            false => format!("{path}{end}"),
        }
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    (host(), path(), any::<bool>(), 0u32..4)
}

fn is_on(rule: &Rule, host: &str) -> bool {
    host == rule.0
        || rule.2
            && host
                .strip_suffix(&rule.0)
                .is_some_and(|rest| rest.ends_with('.'))
}

/// Text only: folders are compared as a list.
fn covers(rule: &Rule, host: &str, path: &str) -> bool {
    if !is_on(rule, host) {
        return false;
    }
    if rule.1.contains('?') {
        return rule.1 == path;
    }
    let folders = |path: &str| -> Vec<String> {
        let path = path.split('?').next().unwrap_or_default();
        let folders = path.split('/').filter(|folder| !folder.is_empty());
        folders.map(str::to_owned).collect()
    };
    folders(path).starts_with(&folders(&rule.1))
}

fn build(names: &[(String, Scope, u32)], rules: &[Rule]) -> IndexBuilder {
    let mut builder = IndexBuilder::new(true);
    for (name, scope, class) in names {
        builder.add_name(name, *scope, *class, 1).expect("a name");
    }
    for ((host, path, subtree, class), line) in rules.iter().zip(2..) {
        let added = builder.add_url(host, path, *subtree, *class, line);
        added.expect("a URL");
    }
    builder
}

fn name_hits(index: &Index, name: &str) -> BTreeSet<Hit> {
    let mut hits = BTreeSet::new();
    index.walk(name, |hit| assert!(hits.insert(hit)));
    hits
}

fn wire(labels: &[&str]) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in labels {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn walk_finds_what_the_rules_say(
        names in prop::collection::vec(("[ab](\\.[ab]){0,2}", prop::sample::select(vec![Scope::Exact, Scope::Subtree, Scope::Below]), 0u32..4), 0..12),
        rules in prop::collection::vec(rule(), 0..30),
        asked in prop::collection::vec((host(), path()), 1..20),
    ) {
        let index = build(&names, &rules).finish("{}").expect("an index");
        let plain = build(&names, &[]).finish("{}").expect("an index");
        prop_assert_eq!(index.names(), plain.names());
        let all = asked.into_iter().chain(rules.iter().map(|rule| (rule.0.clone(), rule.1.clone())));
        for (host, path) in all {
            let asked = url(&format!("http://{host}{path}"));
            let (mut of_host, mut met) = (BTreeSet::new(), BTreeSet::new());
            index.walk_url(&asked, |hit| { of_host.insert(hit); }, |hit| {
                assert!(met.insert((hit.class, asked.part(hit.labels, hit.length), hit.subtree)));
            });
            let expected: BTreeSet<(u32, String, bool)> = rules
                .iter()
                .filter(|rule| covers(rule, &host, &path))
                .map(|(host, path, subtree, class)| {
                    let bare = path.strip_suffix('/').filter(|bare| !path.contains('?') && !bare.is_empty());
                    (*class, format!("{host}{}", bare.unwrap_or(path)), *subtree)
                })
                .collect();
            prop_assert_eq!(&met, &expected, "{} {}", host, path);
            // Names: the same with URLs in the index and without, by a URL's host and by name.
            prop_assert_eq!(name_hits(&index, &host), name_hits(&plain, &host));
            if !host.starts_with('[') {
                prop_assert_eq!(&of_host, &name_hits(&plain, &host));
            }
            let found = index.find_url(&asked).expect("lines in memory");
            for rule in found.iter().filter(|found| found.kind == FoundKind::Url) {
                let first = rules.get(rule.line as usize - 2).expect("the line of a rule");
                prop_assert!(covers(first, &host, &path) && first.3 == rule.class);
            }
        }
    }
}

#[test]
fn no_name_matches_what_is_for_urls() {
    let rules = [("example.com".to_owned(), "/a".to_owned(), true, 1)];
    let names = [("com".to_owned(), Scope::Subtree, 0)];
    let index = build(&names, &rules).finish("{}").expect("an index");
    assert_eq!((index.names(), index.urls()), (1, 1));
    let key = "sanwl4fvqafnqumgxgpfjqheox";
    let found = index.find_url(&url("example.com/a")).expect("found");
    assert_eq!(found.len(), 2);
    // A qname may hold any byte: the first of these spells the key of the rule.
    for label in [
        "example/".to_owned() + key,
        "example/s".to_owned(),
        "example/".to_owned(),
    ] {
        let mut hits = Vec::new();
        index.walk_wire(&wire(&[&label, "com"]), |hit| hits.push(hit));
        assert_eq!(hits.len(), 1);
        assert_eq!((hits[0].class, hits[0].depth), (0, 1));
    }
    for length in 0..key.len() {
        index.walk_wire(&wire(&["example/s", &key[..length], "com"]), |hit| {
            assert_eq!(hit.depth, 1)
        });
    }
    // The mark on the host counts for no name either.
    for labels in [&["example", "com"][..], &["www", "example", "com"]] {
        index.walk_wire(&wire(labels), |hit| {
            assert_eq!((hit.class, hit.depth), (0, 1))
        });
    }
}

#[test]
fn addresses_are_hosts_however_they_are_written() {
    let mut builder = IndexBuilder::new(false);
    builder.add_url("0x7f.1", "/a", false, 1, 0).expect("a URL");
    builder
        .add_url("[64:ff9b::c000:201]", "/a", false, 2, 0)
        .expect("a URL");
    builder
        .add_url("[2001:DB8:0::1]", "/", false, 3, 0)
        .expect("a URL");
    let index = builder.finish("{}").expect("an index");
    for (asked, class, pattern) in [
        ("http://2130706433/a/b", 1, "127.0.0.1/a"),
        ("http://[::ffff:127.0.0.1]/%61", 1, "127.0.0.1/a"),
        ("http://192.0.513/a", 2, "192.0.2.1/a"),
        ("http://[2001:db8::1]:8080/x", 3, "[2001:db8::1]/"),
    ] {
        let found = index.find_url(&url(asked)).expect("found");
        assert_eq!(found.len(), 1, "{asked}");
        assert_eq!(
            (found[0].class, found[0].pattern.as_str()),
            (class, pattern)
        );
    }
}

#[test]
fn what_is_no_host_and_path_is_refused() {
    let mut builder = IndexBuilder::new(false);
    for (host, path) in [
        ("example.com", "a"),
        ("example.com", ""),
        ("example.com/a", "/b"),
        ("user@example.com", "/a"),
        ("exämple.com", "/a"),
        ("", "/a"),
        (".", "/a"),
        ("1.2.3.4.5", "/a"),
    ] {
        let refused = builder.add_url(host, path, false, 0, 0);
        let error = refused.expect_err("no URL").to_string();
        assert!(error.contains("host"), "{error}");
    }
    let long = format!("{}.com", vec!["a"; 113].join("."));
    assert!(builder.add_url(&long, "/a", false, 0, 0).is_err());
    assert_eq!(builder.finish("{}").expect("an index").names(), 0);
}

#[test]
fn a_builder_for_some_names_keeps_the_urls_on_them() {
    let mut builder = IndexBuilder::new(false);
    builder.only(&["www.example.com"]).expect("names");
    builder
        .add_url("example.com", "/a", true, 1, 0)
        .expect("a URL");
    builder
        .add_url("example.net", "/a", true, 1, 0)
        .expect("a URL");
    let index = builder.finish("{}").expect("an index");
    assert_eq!(index.urls(), 1);
    assert_eq!(
        index
            .find_url(&url("www.example.com/a"))
            .expect("found")
            .len(),
        1
    );
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the test's own folder");
    }
}

#[test]
fn saved_it_is_the_same_with_its_lines() {
    let folder = Folder(std::env::temp_dir().join(format!("filterd-urls-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).expect("a folder");
    let path = folder.0.join("saved.idx");
    std::fs::write(&path, b"what stood there before").expect("written");
    let many: Vec<Rule> = (0..500)
        .map(|n| {
            (
                format!("h{}.test", n % 90),
                format!("/p{n}"),
                n % 2 == 0,
                n % 7,
            )
        })
        .collect();
    let index = build(&[("z.test".to_owned(), Scope::Exact, 1)], &many)
        .finish("{\"a\":1}")
        .expect("an index");
    index.save(&path).expect("saved");
    for _ in 0..2 {
        let opened = Index::open(&path, true).expect("what was saved");
        assert_eq!(
            (opened.names(), opened.urls(), opened.meta()),
            (1, 500, "{\"a\":1}")
        );
        for (rule, line) in many.iter().zip(2..) {
            let asked = url(&format!("{}{}/x", rule.0, rule.1));
            let found = opened.find_url(&asked).expect("found");
            assert_eq!((found.len(), found[0].line), (1, line));
        }
        // A file may be saved over itself.
        opened.save(&path).expect("saved");
    }
    let names = std::fs::read_dir(&folder.0).expect("listed").count();
    assert_eq!(names, 2, "the index and its lines, no drafts");
}

#[test]
fn a_very_deep_path_is_a_rule_for_itself() {
    let deep = "/a".repeat(40);
    let mut builder = IndexBuilder::new(false);
    let rules = [(deep.as_str(), 1), (&deep[..48], 2), (&deep[..50], 3)];
    for (path, class) in rules {
        builder
            .add_url("example.com", path, false, class, 0)
            .expect("a URL");
    }
    let index = builder.finish("{}").expect("an index");
    let classes = |text: String| -> Vec<u32> {
        let found = index.find_url(&url(&text)).expect("found");
        found.iter().map(|found| found.class).collect()
    };
    // 24 folders cover what is beneath them; more cover themselves, with any query.
    assert_eq!(classes(format!("example.com{deep}")), [2, 1]);
    assert_eq!(classes(format!("example.com{deep}/?x")), [2, 1]);
    assert_eq!(classes(format!("example.com{deep}/b")), [2]);
    assert_eq!(classes(format!("example.com{}", &deep[..50])), [2, 3]);
    assert_eq!(index.classes(), 4);
}
