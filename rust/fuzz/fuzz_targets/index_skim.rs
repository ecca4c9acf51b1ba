//! Every line of any list is counted once, and what was taken can be compiled and found.

#![no_main]

use filterd_index::{IndexBuilder, LineShape, Scope};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (wide, data) = match data.split_first() {
        Some((first, rest)) => (first & 1 == 1, rest),
        None => return,
    };
    let shapes = [
        LineShape {
            prefix: b"||",
            suffix: b"^",
            scope: Scope::Subtree,
            class: 1,
        },
        LineShape {
            prefix: b"*.",
            suffix: b"",
            scope: Scope::Below,
            class: 2,
        },
        LineShape {
            prefix: b"0.0.0.0 ",
            suffix: b"",
            scope: Scope::Exact,
            class: 3,
        },
        LineShape {
            prefix: b"",
            suffix: b"",
            scope: Scope::Exact,
            class: 4,
        },
    ];
    let mut builder = IndexBuilder::new(true);
    let skimmed = builder
        .skim(data, &shapes, &[b"#", b"!"], wide)
        .expect("classes that fit");
    let mut lines = data.split(|byte| *byte == b'\n').count() as u64;
    if data.is_empty() || data.ends_with(b"\n") {
        lines -= 1;
    }
    assert_eq!(
        skimmed.accepted + skimmed.comments + skimmed.leftovers.len() as u64,
        lines
    );
    let index = builder.finish("{}").expect("an index");
    assert!(index.names() as u64 <= skimmed.accepted);
    assert_eq!(index.names() == 0, skimmed.accepted == 0);
});
