//! Bytes and requests of strangers: refused or answered, never a panic, and files say what was
//! compiled.

#![allow(clippy::unwrap_used)] // a test may

use filterd_abp::{Abp, Error, List, Request, MAX_URL};
use proptest::prelude::*;

fn built(text: &str) -> Abp {
    let data = text.as_bytes();
    Abp::build(&[List { data, class: 1 }], &[]).unwrap()
}

fn rule() -> impl Strategy<Value = String> {
    let host = "[a-c]{1,2}\\.(test|example)";
    prop_oneof![
        host.prop_map(|host| format!("||{host}^")),
        (host, "[a-c/*^.]{1,6}").prop_map(|(host, path)| format!("||{host}/{path}")),
        (host, "[a-c]{1,3}").prop_map(|(host, path)| format!("@@||{host}/{path}$script")),
        "[a-c/*^|.-]{2,6}".prop_map(|text| text),
        ("[a-c]{2,4}", host).prop_map(|(path, host)| format!("/{path}$domain={host}|~b.test")),
        (
            host,
            "important|third-party|~script|badfilter|document|match-case|popup"
        )
            .prop_map(|(host, option)| format!("||{host}^${option}")),
        "/[a-c.+*\\[\\]()?|]{1,6}/",
        "\\PC{0,12}",
    ]
}

fn url() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "https?://[a-c]{1,2}\\.(test|example)/[a-c/.]{0,8}(\\?[a-c=&]{0,4})?",
        1 => "https://[a-c.:@\\[\\]%]{0,8}/\\PC{0,8}",
        1 => "\\PC{0,24}",
    ]
}

proptest! {
    #[test]
    fn a_file_says_what_the_lists_say(
        rules in prop::collection::vec(rule(), 0..40),
        asked in prop::collection::vec((url(), prop::option::of(url()), "script|image|document|other"), 1..12),
    ) {
        let abp = built(&rules.join("\n"));
        let again = Abp::from_bytes(&abp.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(abp.counts(), again.counts());
        for (url, source, request_type) in &asked {
            let request = Request { url, source_url: source.as_deref(), request_type, method: "GET" };
            let (fresh, loaded) = (abp.matches(&request, None), again.matches(&request, None));
            match (fresh, loaded) {
                (Ok(fresh), Ok(loaded)) => {
                    prop_assert!(fresh.iter().all(|found| rules.iter().any(|rule| rule.trim() == found.rule)));
                    prop_assert_eq!(fresh, loaded);
                }
                (Err(Error::Url), Err(Error::Url)) => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }

    #[test]
    fn any_bytes_are_a_list(data in prop::collection::vec(any::<u8>(), 0..400)) {
        let abp = Abp::build(&[List { data: &data, class: 0 }], &[]).unwrap();
        let counts = &abp.counts()[0];
        let all = counts.rules + counts.cosmetic + counts.comments + counts.unsupported.values().sum::<u64>();
        let lines = data.split(|byte| *byte == b'\n').count() as u64;
        let behind = u64::from(data.is_empty() || data.ends_with(b"\n"));
        prop_assert!(all == lines - behind || data.starts_with(b"\xef\xbb\xbf"));
    }

    #[test]
    fn changed_bytes_are_refused(at in any::<prop::sample::Index>(), bit in 0..8u32) {
        let mut bytes = built("||ads.test^\n/banner/\n").to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Abp::from_bytes(&bytes).is_err());
    }

    #[test]
    fn shortened_bytes_are_refused(at in any::<prop::sample::Index>()) {
        let bytes = built("||ads.test^\n/banner/\n").to_bytes().unwrap();
        prop_assert!(Abp::from_bytes(&bytes[..at.index(bytes.len())]).is_err());
    }

    /// Bytes of an engine behind right checksums, ours and the matcher's: it may say anything, but
    /// it answers.
    #[test]
    fn hostile_engines_are_refused_or_answer(
        at in any::<prop::sample::Index>(),
        new in any::<u8>(),
    ) {
        let abp = built("||ads.test^\n/banner/\n@@||ok.test^$domain=a.test\n/x[0-9]y/\n");
        let mut bytes = abp.to_bytes().unwrap();
        let head = 32 + u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
        let first = head + 29; // the matcher's own header
        let at = first + at.index(bytes.len() - first);
        bytes[at] = new;
        let inner = seahash::hash(&bytes[first..]).to_le_bytes();
        bytes[head + 5..head + 13].copy_from_slice(&inner);
        let outer = twox_hash::XxHash3_64::oneshot(&bytes[32..]).to_le_bytes();
        bytes[24..32].copy_from_slice(&outer);
        if let Ok(abp) = Abp::from_bytes(&bytes) {
            for url in ["https://ads.test/banner/", "https://ok.test/x7y"] {
                let source_url = Some("https://a.test/");
                let request = Request { url, source_url, request_type: "script", method: "GET" };
                match abp.matches(&request, None) {
                    Ok(_) | Err(Error::Failed) => {}
                    Err(other) => prop_assert!(false, "{:?}", other),
                }
            }
        }
    }
}

#[test]
fn other_files_say_what_they_are() {
    let said = |bytes: &[u8]| Abp::from_bytes(bytes).err().unwrap().to_string();
    assert!(said(b"").starts_with("not a file of ABP rules"));
    assert!(said(b"FILTDABP").starts_with("damaged ABP rules (header)"));
    let mut bytes = built("||a.test^").to_bytes().unwrap();
    bytes[8] = 9;
    assert!(said(&bytes).contains("file 9"));
}

#[test]
fn a_file_is_swapped_in_whole() {
    let directory = std::env::temp_dir().join(format!("filterd-abp-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("rules.abp");
    for text in ["||one.test^", "||two.test^"] {
        built(text).save(&path).unwrap();
    }
    let abp = Abp::open(&path).unwrap();
    let url = "https://two.test/";
    let request = Request {
        url,
        source_url: None,
        request_type: "document",
        method: "GET",
    };
    assert_eq!(
        abp.check(&request, None).unwrap().unwrap().rule,
        "||two.test^"
    );
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
    std::fs::remove_dir_all(&directory).unwrap();
    let gone = Abp::open(&path).err().unwrap();
    assert!(matches!(gone, Error::Io { .. }));
}

#[test]
fn long_urls_are_looked_at_from_the_front() {
    let abp = built("||ads.test^\n/behind/");
    let long = format!("https://ads.test/{}", "é".repeat(2 * MAX_URL));
    let asked = |url: &str| {
        let request = Request {
            url,
            source_url: None,
            request_type: "image",
            method: "GET",
        };
        abp.check(&request, None).unwrap().is_some()
    };
    assert!(asked(&long));
    assert!(!asked(&format!(
        "https://a.test/{}/behind/",
        "a".repeat(MAX_URL)
    )));
}

#[test]
fn many_threads_may_ask() {
    fn shared<T: Send + Sync>(_: &T) {}
    let abp = built("/x[0-9]+y/\n||ads.test^");
    shared(&abp);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let abp = &abp;
            scope.spawn(move || {
                for number in 0..200 {
                    let url = format!("https://a.test/x{thread}{number}y");
                    let request = Request {
                        url: &url,
                        source_url: None,
                        request_type: "image",
                        method: "GET",
                    };
                    assert!(abp.check(&request, None).unwrap().is_some());
                }
            });
        }
    });
}
