//! Lists of hashed URLs against a plain set, and files that are not what they say.

#![allow(clippy::unwrap_used)] // a test may

use std::collections::BTreeSet;

use filterd_index::fuzzing::with_hashed_header;
use filterd_index::{Error, HashedList, HashedUrls, Url, PREFIX_BYTES};
use proptest::prelude::*;

const SALT: &[u8] = b"sixteen bytes...";

fn list<'a>(salt: &'static [u8], width: usize, prefixes: &'a [u8], class: u32) -> HashedList<'a> {
    HashedList {
        salt,
        width,
        prefixes,
        class,
    }
}

/// The first bytes of HMAC-SHA-256 with `SALT` of a.test/, by Python's hmac.
const A_TEST: [u8; 12] = *b"\xd6\x83\x84\xbc\x59\x34\x5c\xac\xa9\x24\x6c\x6b";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[test]
fn a_url_is_found_by_its_host_and_its_folders() {
    let built = HashedUrls::build(&[list(SALT, 12, &A_TEST, 7)]).unwrap();
    for asked in ["http://a.test/", "https://www.A.test:8443/b/c?d#e"] {
        let found = built.matches(&url(asked), None);
        assert_eq!(found.len(), 1, "{asked}");
        assert_eq!(
            (found[0].class, found[0].expression.as_str()),
            (7, "a.test/")
        );
        assert_eq!(found[0].entry, A_TEST);
    }
    assert!(built.matches(&url("http://b.test/"), None).is_empty());
    assert!(built.matches(&url("http://a.test/"), Some(&[6])).is_empty());
    assert_eq!(
        built.matches(&url("http://a.test/"), Some(&[6, 7])).len(),
        1
    );
    // The same bytes under another salt are another URL's.
    let other = HashedUrls::build(&[list(b"another salt 123", 12, &A_TEST, 7)]).unwrap();
    assert!(other.matches(&url("http://a.test/"), None).is_empty());
}

#[test]
fn out_of_bounds_is_refused() {
    let refused = |salt: &'static [u8], width, bytes: &[u8]| {
        let built = HashedUrls::build(&[list(salt, width, bytes, 0)]);
        matches!(built, Err(Error::Hashed(_)))
    };
    assert!(refused(SALT, 7, &[]));
    assert!(refused(SALT, 33, &[]));
    assert!(refused(&SALT[1..], 12, &[]));
    assert!(refused(&[0; 65], 12, &[]));
    assert!(refused(SALT, 12, &[0; 13]));
    assert!(!refused(SALT, 12, &[]));
    let many = vec![list(SALT, 12, &[], 0); 65];
    assert!(matches!(HashedUrls::build(&many), Err(Error::Hashed(_))));
}

fn saved(lists: &[HashedList<'_>]) -> Vec<u8> {
    let path = std::env::temp_dir().join(format!(
        "filterd-hashed-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    HashedUrls::build(lists).unwrap().save(&path).unwrap();
    let opened = HashedUrls::open(&path).unwrap();
    assert_eq!(opened.counts().count(), lists.len());
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    bytes
}

#[test]
fn every_changed_byte_and_every_cut_is_noticed() {
    let other: Vec<u8> = (0..60).collect();
    let bytes = saved(&[list(SALT, 12, &A_TEST, 7), list(SALT, 20, &other, 8)]);
    assert_eq!(
        HashedUrls::from_bytes(bytes.clone())
            .unwrap()
            .counts()
            .last(),
        Some((8, 3))
    );
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            assert!(
                HashedUrls::from_bytes(changed).is_err(),
                "byte {at}, bit {bit}"
            );
        }
        assert!(
            HashedUrls::from_bytes(bytes[..at].to_vec()).is_err(),
            "cut at {at}"
        );
    }
    let longer = [&bytes[..], b"x"].concat();
    assert!(HashedUrls::from_bytes(longer).is_err());
}

#[test]
fn a_right_checksum_over_wrong_tables_is_noticed() {
    let bytes = saved(&[list(SALT, 8, &(0..80).collect::<Vec<u8>>(), 7)]);
    let rest = &bytes[32..];
    assert!(HashedUrls::from_bytes(with_hashed_header(rest)).is_ok());
    let mut accepted = BTreeSet::new();
    for at in 0..rest.len() {
        let mut changed = rest.to_vec();
        changed[at] ^= 0x80;
        if HashedUrls::from_bytes(with_hashed_header(&changed)).is_ok() {
            accepted.insert(at);
        }
    }
    // The class, the salt, and bytes of entries that leave them in their order and bucket.
    assert!((4..8).chain(24..40).all(|at| accepted.contains(&at)));
    assert!(!(0..4)
        .chain(8..24)
        .chain(40..60)
        .any(|at| accepted.contains(&at)));
}

#[test]
fn opening_nothing_says_so() {
    assert!(matches!(
        HashedUrls::from_bytes(vec![]),
        Err(Error::Foreign)
    ));
    assert!(matches!(
        HashedUrls::open(std::path::Path::new("/nowhere/x")),
        Err(Error::Io { .. })
    ));
}

proptest! {
    #[test]
    fn arbitrary_bytes_open_or_not(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for bytes in [bytes.clone(), with_hashed_header(&bytes)] {
            if let Ok(opened) = HashedUrls::from_bytes(bytes) {
                opened.matches(&url("http://www.a.test/b/c?d"), None);
            }
        }
    }

    #[test]
    fn what_is_in_a_list_is_found_and_nothing_else(
        width in prop_oneof![PREFIX_BYTES, Just(12)],
        entries in prop::collection::btree_set(prop::collection::vec(prop_oneof![Just(0u8), Just(255), any::<u8>()], 32), 0..200),
        twice in 0..3usize,
    ) {
        // Entries are compared as bytes, so any will do; a real one is put among them.
        let real = HashedUrls::build(&[list(SALT, 12, &A_TEST, 0)]).unwrap();
        let asked = url("http://a.test/");
        prop_assert_eq!(real.matches(&asked, None).len(), 1);
        let cut: BTreeSet<&[u8]> = entries.iter().map(|entry| &entry[..width]).collect();
        let mut bytes: Vec<u8> = entries.iter().rev().flat_map(|entry| entry[..width].to_vec()).collect();
        for _ in 0..twice {
            bytes.extend_from_within(..);
        }
        let built = HashedUrls::build(&[list(SALT, width, &bytes, 3)]).unwrap();
        prop_assert_eq!(built.counts().next(), Some((3, cut.len())));
        prop_assert!(built.matches(&asked, None).is_empty());
        let with: Vec<u8> = if width == 12 { [&bytes[..], &A_TEST].concat() } else { bytes };
        let built = HashedUrls::build(&[list(SALT, width, &with, 3)]).unwrap();
        prop_assert_eq!(built.matches(&asked, None).len(), usize::from(width == 12));
    }
}
