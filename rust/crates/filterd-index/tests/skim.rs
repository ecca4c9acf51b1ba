//! What the bulk reader takes, counts and leaves.

use filterd_index::{IndexBuilder, LineShape, Scope, Skimmed};
use proptest::prelude::*;

const PLAIN: LineShape<'_> = LineShape {
    prefix: b"",
    suffix: b"",
    scope: Scope::Subtree,
    class: 1,
};
const ABP: LineShape<'_> = LineShape {
    prefix: b"||",
    suffix: b"^",
    scope: Scope::Subtree,
    class: 2,
};
const HOSTS: LineShape<'_> = LineShape {
    prefix: b"0.0.0.0 ",
    suffix: b"",
    scope: Scope::Exact,
    class: 3,
};

fn skim(data: &[u8], shapes: &[LineShape<'_>], wide: bool) -> (IndexBuilder, Skimmed) {
    let mut builder = IndexBuilder::new(true);
    let skimmed = builder
        .skim(data, shapes, &[b"#", b"!"], wide)
        .expect("a small list");
    (builder, skimmed)
}

fn leftovers(data: &[u8], shapes: &[LineShape<'_>]) -> Vec<(u32, String)> {
    skim(data, shapes, false).1.leftovers
}

#[test]
fn lines_are_taken_by_the_shape_that_fits() {
    let data = b"! title\n||ads.example.com^\n0.0.0.0 one.example.org\nplain.example.net\n\n";
    let (mut builder, skimmed) = skim(data, &[ABP, HOSTS, PLAIN], false);
    assert_eq!(
        skimmed,
        Skimmed {
            accepted: 3,
            comments: 2,
            leftovers: vec![]
        }
    );
    let index = builder.finish("{}").expect("an index");
    let found = |name: &str| {
        let found = index.find(name).expect("lines in memory");
        found
            .iter()
            .map(|f| (f.class, f.kind.as_str(), f.pattern.clone(), f.line))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("a.ads.example.com"),
        [(2, "subtree", "ads.example.com".to_owned(), 2)]
    );
    assert_eq!(
        found("one.example.org"),
        [(3, "exact", "one.example.org".to_owned(), 3)]
    );
    assert_eq!(found("a.one.example.org"), []);
    assert_eq!(
        found("plain.example.net"),
        [(1, "subtree", "plain.example.net".to_owned(), 4)]
    );
}

#[test]
fn line_ends_and_capitals_do_not_matter() {
    let data = b"A.Example.COM\r\nb.example.com  \t\r\n  # note\nc.example.com";
    let (mut builder, skimmed) = skim(data, &[PLAIN], false);
    assert_eq!(
        skimmed,
        Skimmed {
            accepted: 3,
            comments: 1,
            leftovers: vec![]
        }
    );
    let index = builder.finish("{}").expect("an index");
    let lines: Vec<u32> = ["a.example.com", "b.example.com", "c.example.com"]
        .iter()
        .map(|name| {
            index
                .line(name, Scope::Subtree, 1)
                .expect("lines in memory")
        })
        .collect();
    assert_eq!(lines, [1, 2, 4]);
}

#[test]
fn what_needs_thought_is_left_over() {
    let lines = [
        "localhost",
        "com",
        "co.uk",
        "edu.vn",
        "CO.UK",
        "192.0.2.1",
        "a.b.123",
        "xn--e1afmkfd.example.com",
        "a..example.com",
        ".example.com",
        "example.com.",
        "ex ample.com",
        " example.com",
        "example.com # why",
        "||example.com^$important",
        "b\u{fc}cher.example.com",
        "*.example.com",
    ];
    let data = lines.join("\n");
    let expected: Vec<(u32, String)> = lines
        .iter()
        .zip(1..)
        .map(|(line, number)| (number, (*line).to_owned()))
        .collect();
    assert_eq!(leftovers(data.as_bytes(), &[PLAIN, ABP]), expected);
}

#[test]
fn a_public_suffix_is_taken_only_from_a_trusted_list() {
    let (mut builder, skimmed) = skim(b"co.uk\ncom\n", &[PLAIN], true);
    assert_eq!(skimmed.accepted, 1);
    assert_eq!(skimmed.leftovers, [(2, "com".to_owned())]);
    assert_eq!(builder.finish("{}").expect("an index").names(), 1);
}

#[test]
fn over_long_and_broken_lines_are_left_over() {
    let mut data = vec![b'a'; 5000];
    data.extend_from_slice(b"\n\xff\xfe.example.com\nexample.com\n");
    let left = leftovers(&data, &[PLAIN]);
    assert_eq!(left.len(), 2);
    assert_eq!((left[0].0, left[0].1.len()), (1, 4096));
    assert_eq!(left[1], (2, "\u{fffd}\u{fffd}.example.com".to_owned()));

    let label = "a".repeat(63);
    let long = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    assert_eq!(long.len(), 253);
    assert_eq!(leftovers(long.as_bytes(), &[PLAIN]), []);
    assert_eq!(leftovers(format!("{long}b").as_bytes(), &[PLAIN]).len(), 1);
    assert_eq!(
        leftovers(format!("{label}a.example.com").as_bytes(), &[PLAIN]).len(),
        1
    );
}

#[test]
fn a_class_that_does_not_fit_is_an_error() {
    let shape = LineShape {
        class: u32::MAX,
        ..PLAIN
    };
    let refused = IndexBuilder::new(false).skim(b"example.com\n", &[shape], &[], false);
    assert!(refused.is_err());
}

proptest! {
    #[test]
    fn every_line_is_counted_once(data in prop::collection::vec(prop_oneof![
        5 => Just(b'\n'), 5 => Just(b'.'), 40 => prop::char::range('a', 'e').prop_map(|c| c as u8), 5 => any::<u8>(),
    ], 0..400)) {
        let (mut builder, skimmed) = skim(&data, &[PLAIN, ABP], false);
        let mut lines = data.split(|byte| *byte == b'\n').count() as u64;
        if data.last().is_none_or(|byte| *byte == b'\n') {
            lines -= 1;
        }
        prop_assert_eq!(skimmed.accepted + skimmed.comments + skimmed.leftovers.len() as u64, lines);
        let index = builder.finish("{}").expect("an index");
        prop_assert!(index.names() as u64 <= skimmed.accepted);
    }

    #[test]
    fn a_taken_line_is_found_under_its_name(labels in prop::collection::vec("[a-zA-Z_][a-z0-9_]{0,8}", 2..5)) {
        let name = format!("{}.test", labels.join("."));
        let (mut builder, skimmed) = skim(format!("||{name}^\n").as_bytes(), &[PLAIN, ABP], false);
        prop_assert_eq!(skimmed.accepted, 1);
        let index = builder.finish("{}").expect("an index");
        let found = index.find(&name.to_lowercase()).expect("lines in memory");
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].pattern, &name.to_lowercase());
    }
}
