//! The file: what is written comes back, and what is not ours is refused with a reason.

use std::fs;
use std::path::{Path, PathBuf};

use filterd_index::{Error, Index, IndexBuilder, Scope, Trigger, CONTAINER_VERSION};

/// A folder of this test, which goes away with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Folder {
        let path =
            std::env::temp_dir().join(format!("filterd-index-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("rules.idx")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("the folder");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("the test's own folder");
    }
}

fn sample(lines: bool) -> IndexBuilder {
    let mut builder = IndexBuilder::new(lines);
    builder
        .add_name("example.com", Scope::Subtree, 7, 12)
        .expect("a name");
    builder.add_name("", Scope::Below, 8, 13).expect("the root");
    builder.add_regex("^ads", 9, 14).expect("a regex");
    builder
        .add_network("192.0.2.0/24", Trigger::Answer, 10, 15)
        .expect("a network");
    builder
}

fn rules(index: &Index) -> Vec<(u32, String, u32)> {
    let mut found = index.find("ads.example.com").expect("readable lines");
    found.extend(index.find_address("192.0.2.1".parse().expect("an address"), Trigger::Answer));
    found
        .into_iter()
        .map(|found| (found.class, found.pattern, found.line))
        .collect()
}

fn open_error(path: &Path) -> String {
    Index::open(path, true).expect_err("refused").to_string()
}

#[test]
fn a_file_comes_back_as_it_was_built() {
    let folder = Folder::new("roundtrip");
    let path = folder.file();
    sample(true)
        .write(&path, "{\"classes\":[\"\u{1ea1}\"]}")
        .expect("written");
    assert_eq!(folder.names(), ["rules.idx", "rules.idx.lines"]);
    for verify in [true, false] {
        let index = Index::open(&path, verify).expect("an index");
        assert_eq!(
            (index.names(), index.regexes(), index.networks()),
            (2, 1, 1)
        );
        assert_eq!(index.meta(), "{\"classes\":[\"\u{1ea1}\"]}");
        assert_eq!(index.path(), Some(path.as_path()));
        assert_eq!(
            index.size() as u64,
            fs::metadata(&path).expect("a file").len()
        );
        let expected = [
            (8, "".to_owned(), 13),
            (7, "example.com".to_owned(), 12),
            (9, "^ads".to_owned(), 14),
            (10, "192.0.2.0/24".to_owned(), 15),
        ];
        assert_eq!(rules(&index), expected);
    }
}

#[test]
fn lines_of_another_index_are_not_believed() {
    let folder = Folder::new("lines");
    let path = folder.file();
    sample(true).write(&path, "{}").expect("written");
    let lines = fs::read(folder.0.join("rules.idx.lines")).expect("lines");
    sample(false)
        .write(&path, "{\"other\":1}")
        .expect("written");
    assert_eq!(folder.names(), ["rules.idx"], "old lines are removed");
    fs::write(folder.0.join("rules.idx.lines"), lines).expect("written");
    let index = Index::open(&path, true).expect("an index");
    let line = |name, scope, class| index.line(name, scope, class).expect("readable lines");
    assert_eq!(line("example.com", Scope::Subtree, 7), 0);
}

#[test]
fn damaged_lines_are_an_error_of_asking_for_them_only() {
    let folder = Folder::new("badlines");
    let path = folder.file();
    sample(true).write(&path, "{}").expect("written");
    let beside = folder.0.join("rules.idx.lines");
    let mut lines = fs::read(&beside).expect("lines");
    lines.pop();
    fs::write(&beside, lines).expect("written");
    let index = Index::open(&path, true).expect("an index");
    let mut hits = 0;
    index.walk("example.com", |_| hits += 1);
    assert_eq!(hits, 2);
    assert!(matches!(index.find("example.com"), Err(Error::Damaged(_))));
}

#[test]
fn a_reader_keeps_what_it_mapped_when_the_file_is_replaced() {
    let folder = Folder::new("replace");
    let path = folder.file();
    sample(false).write(&path, "{\"old\":1}").expect("written");
    let old = Index::open(&path, true).expect("an index");
    IndexBuilder::new(false)
        .write(&path, "{\"new\":1}")
        .expect("written");
    assert_eq!(rules(&old).len(), 4);
    let new = Index::open(&path, true).expect("an index");
    assert_eq!((new.names(), new.meta()), (0, "{\"new\":1}"));
    assert_eq!(rules(&new), []);
    assert_eq!(folder.names(), ["rules.idx"], "no draft is left");
}

#[test]
fn an_index_set_aside_answers_as_before() {
    let folder = Folder::new("aside");
    let path = folder.file();
    sample(true).write(&path, "{}").expect("written");
    for index in [
        Index::open(&path, true).expect("an index"),
        sample(true).finish("{}").expect("in memory"),
    ] {
        let before = rules(&index);
        index.set_aside();
        assert_eq!(rules(&index), before);
        assert_eq!(before.len(), 4);
    }
}

#[test]
fn every_truncation_is_refused() {
    let folder = Folder::new("truncated");
    let path = folder.file();
    sample(false).write(&path, "{}").expect("written");
    let bytes = fs::read(&path).expect("the file");
    for length in 0..bytes.len() {
        assert!(
            Index::from_bytes(bytes[..length].to_vec()).is_err(),
            "{length} bytes"
        );
        fs::write(&path, &bytes[..length]).expect("written");
        assert!(
            Index::open(&path, false).is_err(),
            "{length} bytes, not verified"
        );
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(Index::from_bytes(longer).is_err());
}

#[test]
fn what_is_not_ours_is_refused_with_a_reason() {
    let folder = Folder::new("foreign");
    let path = folder.file();
    assert!(
        matches!(Index::open(&path, true), Err(Error::Io { .. })),
        "no file"
    );
    sample(false).write(&path, "{}").expect("written");
    let good = fs::read(&path).expect("the file");
    let with = |at: usize, new: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        fs::write(&path, bytes).expect("written");
        open_error(&path)
    };
    assert!(with(0, b"\x7fELF").contains("not a filterd index"));
    let newer = (CONTAINER_VERSION + 1).to_le_bytes();
    assert!(with(8, &newer).contains(&format!("index version {}", CONTAINER_VERSION + 1)));
    assert!(with(12, &[1, 2, 3, 4]).contains("byte order"));
    assert!(with(good.len() - 1, b"!").contains("checksum"));
    fs::write(&path, b"").expect("written");
    assert!(open_error(&path).contains("not a filterd index"));
}

#[test]
fn a_failed_write_leaves_the_old_file_and_no_draft() {
    let folder = Folder::new("failed");
    let path = folder.file();
    fs::create_dir(&path).expect("a folder in the way");
    let refused = sample(false).write(&path, "{}");
    assert!(matches!(refused, Err(Error::Io { .. })));
    assert_eq!(folder.names(), ["rules.idx"]);
}

#[test]
fn names_that_are_no_names_are_refused() {
    let mut builder = IndexBuilder::new(false);
    let long = "a".repeat(64);
    for bad in [
        ".",
        "a..b",
        "a.",
        ".a",
        "a b",
        "a/b",
        "b\u{fc}cher.test",
        "*.test",
        long.as_str(),
    ] {
        assert!(
            matches!(
                builder.add_name(bad, Scope::Exact, 0, 0),
                Err(Error::Name(_))
            ),
            "{bad}"
        );
        assert!(
            matches!(
                builder.remove_name(bad, Scope::Exact, 0),
                Err(Error::Name(_))
            ),
            "{bad}"
        );
    }
    assert!(matches!(
        builder.add_name("a.test", Scope::Exact, 1 << 30, 0),
        Err(Error::Class(_))
    ));
    assert_eq!(builder.finish("{}").expect("an index").names(), 0);
}

#[test]
fn a_builder_can_be_written_again_with_more() {
    let mut builder = sample(true);
    assert_eq!(builder.finish("{}").expect("an index").names(), 2);
    builder
        .add_name("more.test", Scope::Exact, 7, 20)
        .expect("a name");
    builder
        .remove_name("example.com", Scope::Subtree, 7)
        .expect("a name");
    let index = builder.finish("{}").expect("an index");
    assert_eq!(index.names(), 2);
    let found = index.find("more.test").expect("lines in memory");
    let classes: Vec<(u32, u32)> = found
        .iter()
        .map(|found| (found.class, found.line))
        .collect();
    assert_eq!(classes, [(8, 13), (7, 20)]);
}

#[test]
fn a_dot_inside_a_label_is_no_boundary() {
    let mut builder = IndexBuilder::new(false);
    builder
        .add_name("a.b.test", Scope::Subtree, 1, 0)
        .expect("a name");
    builder
        .add_name("test", Scope::Below, 2, 0)
        .expect("a name");
    let index = builder.finish("{}").expect("an index");
    let classes = |wire: &[u8]| {
        let mut classes = Vec::new();
        index.walk_wire(wire, |hit| classes.push(hit.class));
        classes
    };
    assert_eq!(classes(b"\x01a\x01b\x04test\x00"), [2, 1]);
    assert_eq!(classes(b"\x03a.b\x04test\x00"), [2]);
    assert_eq!(classes(b"\x06b.test\x00"), [0u32; 0]);
    assert_eq!(classes(b"\x04test"), [0u32; 0]);
    assert_eq!(classes(b"\x09test"), [0u32; 0], "a length beyond the end");
}

#[test]
fn a_name_may_go_on_with_any_byte_of_names() {
    let bytes = "-0123456789_abcdefghijklmnopqrstuvwxyz";
    let mut builder = IndexBuilder::new(false);
    for (byte, class) in bytes.chars().zip(0..) {
        builder
            .add_name(&format!("{byte}x.example"), Scope::Exact, class, 0)
            .expect("a name");
        builder
            .add_name(&format!("a{byte}.example"), Scope::Exact, class, 0)
            .expect("a name");
    }
    let index = builder.finish("{}").expect("an index");
    let classes = |name: &str| {
        let mut classes = Vec::new();
        index.walk(name, |hit| classes.push(hit.class));
        classes
    };
    for (byte, class) in bytes
        .chars()
        .zip(0..)
        .filter(|(byte, _)| !"ax".contains(*byte))
    {
        assert_eq!(classes(&format!("{byte}x.example")), [class]);
        assert_eq!(classes(&format!("a{byte}.example")), [class]);
        assert_eq!(classes(&format!("{byte}.example")), [0u32; 0]);
    }
    for byte in ["A", "/", "*", " ", "\u{e9}", "~", "\0"] {
        assert_eq!(classes(&format!("{byte}x.example")), [0u32; 0], "{byte:?}");
    }
}

#[test]
fn an_index_that_does_not_hold_what_it_says_it_holds_is_refused() {
    let folder = Folder::new("probe");
    let path = folder.file();
    let mut builder = IndexBuilder::new(false);
    builder
        .add_name("ads.example", Scope::Below, 0, 0)
        .expect("a name");
    builder.write(&path, "{}").expect("written");
    let mut bytes = std::fs::read(&path).expect("read");
    let last = bytes.len() - 1;
    bytes[last] = b'x';
    std::fs::write(&path, &bytes).expect("written");

    let error = Index::open(&path, false).expect_err("the probe is not there");

    assert!(error.to_string().contains("not found"), "{error}");
}
