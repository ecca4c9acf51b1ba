//! Indexes that are larger than what a builder holds at once: they are as if it held all.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use filterd_index::{Index, IndexBuilder, LineShape, Scope};
use proptest::prelude::*;

/// A folder of this test, which goes away with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Folder {
        let path =
            std::env::temp_dir().join(format!("filterd-index-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).expect("a file")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("the test's own folder");
    }
}

/// (name, scope, class, line)
type Rule = (String, u32, u32, u32);

fn builder(rules: &[Rule], prune: bool) -> IndexBuilder {
    let mut builder = IndexBuilder::new(true);
    builder.prune(prune);
    add(&mut builder, rules);
    builder
}

fn add(builder: &mut IndexBuilder, rules: &[Rule]) {
    for (name, scope, class, line) in rules {
        let scope = Scope::from_number(*scope).expect("a scope");
        builder.add_name(name, scope, *class, *line).expect("added");
    }
    builder
        .remove_name("a.b", Scope::Subtree, 1)
        .expect("removed");
}

fn label() -> impl Strategy<Value = String> {
    prop_oneof!["[abc]", "[a-c]{1,3}", "a-[ab]", "[a-z0-9_-]{9,20}"]
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let name = prop::collection::vec(label(), 0..5).prop_map(|labels| labels.join("."));
    prop::collection::vec((name, 0..3u32, 0..3u32, 0..50u32), 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn runs_on_disk_change_no_byte(rules in rules(), most in 1usize..4000, prune: bool) {
        let folder = Folder::new("runs");
        builder(&rules, prune).write(&folder.0.join("one"), "{}").expect("written");
        let mut spilling = IndexBuilder::new(true);
        spilling.prune(prune);
        spilling.spill_beside(&folder.0.join("two")).expect("a file");
        spilling.run_bytes(most);
        add(&mut spilling, &rules);
        for _ in 0..2 {
            spilling.write(&folder.0.join("two"), "{}").expect("written");
            prop_assert_eq!(folder.bytes("one"), folder.bytes("two"));
            prop_assert_eq!(folder.bytes("one.lines"), folder.bytes("two.lines"));
        }
        prop_assert_eq!(fs::read_dir(&folder.0).expect("the folder").count(), 4);
        let path = folder.0.join("two");
        add(&mut spilling, &[("late.test".to_owned(), 1, 9, 7)]);
        spilling.write(&path, "{}").expect("written again, with more");
        let index = Index::open(&path, true).expect("an index");
        prop_assert_eq!(index.line("late.test", Scope::Subtree, 9).expect("lines"), 7);
    }

    #[test]
    fn every_rule_has_its_line(rules in rules()) {
        let index = builder(&rules, false).finish("{}").expect("an index");
        let mut least = BTreeMap::new();
        for (name, scope, class, line) in &rules {
            let removed = name == "a.b" && *scope == 1 && *class == 1;
            if !removed {
                let known = least.entry((name, scope, class)).or_insert(*line);
                *known = (*known).min(*line);
            }
        }
        for ((name, scope, class), line) in least {
            let scope = Scope::from_number(*scope).expect("a scope");
            prop_assert_eq!(index.line(name, scope, *class).expect("lines"), line);
        }
        prop_assert_eq!(index.line("not.there", Scope::Exact, 0).expect("lines"), 0);
        prop_assert_eq!(index.line("a.b", Scope::Subtree, 1).expect("lines"), 0);
    }

    #[test]
    fn only_what_could_cover_a_name_is_kept(rules in rules(), asked in rules()) {
        let names: Vec<&str> = asked.iter().map(|rule| rule.0.as_str()).filter(|n| !n.is_empty()).take(3).collect();
        let all = builder(&rules, false).finish("{}").expect("an index");
        let mut some = IndexBuilder::new(true);
        some.prune(false).only(&names).expect("names");
        add(&mut some, &rules);
        let some = some.finish("{}").expect("an index");
        for name in &names {
            prop_assert_eq!(some.find(name).expect("lines"), all.find(name).expect("lines"));
        }
        let kept: usize = names.iter().map(|name| name.split('.').count()).sum();
        prop_assert!(some.names() <= kept + 1);
    }
}

#[test]
fn a_large_list_in_a_small_room() {
    let folder = Folder::new("large");
    let path = folder.0.join("rules.idx");
    let text: String = (0..200_000)
        .map(|n| format!("name{}-{n}.under{}.example\n", n * 7919 % 1000, n % 977))
        .collect();
    let shapes = [LineShape {
        prefix: b"",
        suffix: b"",
        scope: Scope::Subtree,
        class: 1,
    }];
    let mut builder = IndexBuilder::new(true);
    builder.spill_beside(&path).expect("a file");
    builder.run_bytes(1 << 20);
    builder
        .skim(text.as_bytes(), &shapes, &[], false)
        .expect("read");
    let mut told = Vec::new();
    builder
        .write_telling(&path, "{}", |done, all| told.push((done, all)))
        .expect("written");
    assert!(told.len() > 2 && told.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(told.iter().all(|(done, all)| done <= all));
    let index = Index::open(&path, true).expect("an index");
    assert_eq!(index.names(), 200_000);
    for n in [0u32, 1, 63, 64, 65, 99_999, 199_999] {
        let name = format!("name{}-{n}.under{}.example", n * 7919 % 1000, n % 977);
        let line = index.line(&name, Scope::Subtree, 1);
        assert_eq!(line.expect("lines"), n + 1, "{name}");
    }
    let size = fs::metadata(folder.0.join("rules.idx.lines")).expect("lines");
    assert!(size.len() < 5 * 200_000, "{} bytes of lines", size.len());
}

#[test]
fn a_scratch_file_that_cannot_be_made_is_said() {
    let mut builder = IndexBuilder::new(true);
    let error = builder
        .spill_beside(&PathBuf::from("/nowhere/at/all"))
        .expect_err("no folder");
    assert!(error.to_string().contains("/nowhere"), "{error}");
}
