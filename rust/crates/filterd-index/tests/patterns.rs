//! Regexes, networks and public suffixes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use filterd_index::{check_regex, public_suffix, Error, FoundKind, Index, IndexBuilder, Trigger};
use proptest::prelude::*;

fn with_regexes(patterns: &[&str]) -> Index {
    let mut builder = IndexBuilder::new(false);
    for (pattern, class) in patterns.iter().zip(0..) {
        builder
            .add_regex(pattern, class, class + 1)
            .expect("a good regex");
    }
    builder.finish("{}").expect("an index")
}

fn matching(index: &Index, text: &str) -> Vec<u32> {
    let mut classes = Vec::new();
    index.match_regex(text, |hit| classes.push(hit.class));
    classes
}

#[test]
fn regexes_are_unanchored_and_blind_to_case() {
    let index = with_regexes(&["^ads?[0-9]*\\.", "TRACK", "example\\.com$", "a.c"]);
    assert_eq!(matching(&index, "ad12.example.com"), [0, 2]);
    assert_eq!(matching(&index, "my-track.test"), [1]);
    assert_eq!(matching(&index, "abc.test"), [3]);
    assert_eq!(matching(&index, "other.test"), [0u32; 0]);
    assert!(index.has_regexes());
}

#[test]
fn regexes_beyond_one_chunk_keep_their_numbers() {
    let patterns: Vec<String> = (0..300).map(|n| format!("^host{n}\\.example$")).collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let index = with_regexes(&patterns);
    for n in [0u32, 127, 128, 255, 256, 299] {
        let name = format!("host{n}.example");
        assert_eq!(matching(&index, &name), [n]);
        let found = index.find(&name).expect("no lines to read");
        assert_eq!((found[0].kind, found[0].line), (FoundKind::Regex, n + 1));
        assert_eq!(found[0].pattern, patterns[n as usize]);
    }
}

#[test]
fn a_regex_of_two_classes_reports_both() {
    let mut builder = IndexBuilder::new(false);
    for class in [4, 9, 4] {
        builder
            .add_regex("x{2}", class, class * 10)
            .expect("a good regex");
    }
    let index = builder.finish("{}").expect("an index");
    assert_eq!(index.regexes(), 1);
    assert_eq!(matching(&index, "axxb"), [4, 9]);
}

#[test]
fn unicode_classes_run_where_they_are_asked_for() {
    let index = with_regexes(&[r"^\p{L}+\.test$", r"^\w+\.test$", "ads|[^a-z.]"]);
    assert_eq!(matching(&index, "abc.test"), [0, 1]);
    assert_eq!(matching(&index, "a-c.test"), [2]);
}

#[test]
fn a_regex_that_cannot_run_says_why_on_one_line() {
    let long = "a".repeat(5000);
    for bad in [
        "(",
        "a{100000}{1000}",
        "(?=look)",
        r"\1",
        "[z-a]",
        "(a{900}){900}",
        long.as_str(),
    ] {
        let reason = check_regex(bad).expect(bad);
        assert!(
            !reason.is_empty() && !reason.contains('\n'),
            "{bad}: {reason:?}"
        );
        let refused = IndexBuilder::new(false).add_regex(bad, 0, 0);
        assert!(matches!(refused, Err(Error::Regex(text)) if text == reason));
    }
    assert_eq!(check_regex(r"^(.+\.)?ads\d+\.example\.com$"), None);
}

#[test]
fn networks_are_read_in_every_lawful_spelling() {
    let mut builder = IndexBuilder::new(false);
    for (text, class) in [
        ("192.0.2.0/24", 1),
        ("192.0.2.77/25", 2),
        ("192.0.2.5", 3),
        ("2001:db8::/32", 4),
        ("::ffff:198.51.100.0/120", 5),
        ("0.0.0.0/0", 6),
        ("::/0", 7),
    ] {
        builder
            .add_network(text, Trigger::Answer, class, class * 10)
            .expect(text);
    }
    builder
        .add_network("203.0.113.9", Trigger::Client, 8, 0)
        .expect("an address");
    let index = builder.finish("{}").expect("an index");
    assert_eq!(index.networks(), 8);
    let found = |text: &str, trigger| {
        let address: IpAddr = text.parse().expect("an address");
        index
            .find_address(address, trigger)
            .into_iter()
            .map(|f| (f.class, f.pattern, f.line))
            .collect::<Vec<_>>()
    };
    let all = |rules: &[(u32, &str, u32)]| -> Vec<(u32, String, u32)> {
        rules
            .iter()
            .map(|(class, text, line)| (*class, (*text).to_owned(), *line))
            .collect()
    };
    let (one, two, three) = (
        (1, "192.0.2.0/24", 10),
        (2, "192.0.2.0/25", 20),
        (3, "192.0.2.5/32", 30),
    );
    let (v4, v6) = ((6, "0.0.0.0/0", 60), (7, "::/0", 70));
    assert_eq!(
        found("192.0.2.5", Trigger::Answer),
        all(&[three, two, one, v4])
    );
    assert_eq!(
        found("::ffff:192.0.2.5", Trigger::Answer),
        all(&[three, two, one, v4])
    );
    assert_eq!(found("192.0.2.200", Trigger::Answer), all(&[one, v4]));
    assert_eq!(
        found("198.51.100.9", Trigger::Answer),
        all(&[(5, "198.51.100.0/24", 50), v4])
    );
    assert_eq!(
        found("2001:db8::1", Trigger::Answer),
        all(&[(4, "2001:db8::/32", 40), v6])
    );
    assert_eq!(found("2001:db9::1", Trigger::Answer), all(&[v6]));
    assert_eq!(
        found("203.0.113.9", Trigger::Client),
        all(&[(8, "203.0.113.9/32", 0)])
    );
    assert_eq!(found("192.0.2.5", Trigger::Client), []);
    assert!(index.has_networks(Trigger::Answer) && index.has_networks(Trigger::Client));
}

#[test]
fn what_is_no_network_is_refused() {
    let mut builder = IndexBuilder::new(false);
    for bad in [
        "",
        "192.0.2.0/33",
        "192.0.2/24",
        "2001:db8::/129",
        "192.0.2.0/",
        "192.0.2.0/+8",
        "example.com",
        "192.0.2.1/24/8",
    ] {
        let refused = builder.add_network(bad, Trigger::Answer, 0, 0);
        assert!(matches!(refused, Err(Error::Network(_))), "{bad}");
    }
    let index = builder.finish("{}").expect("an index");
    assert!(!index.has_networks(Trigger::Answer) && !index.has_networks(Trigger::Client));
}

#[test]
fn public_suffixes_are_those_of_the_icann_section() {
    for wide in [
        "", "com", "vn", "edu.vn", "com.vn", "co.uk", "foo.ck", "notatld",
    ] {
        assert!(public_suffix(wide), "{wide}");
    }
    for narrow in [
        "example.com",
        "www.ck",
        "github.io",
        "blogspot.com",
        "example.edu.vn",
        "a.notatld",
    ] {
        assert!(!public_suffix(narrow), "{narrow}");
    }
}

fn network() -> impl Strategy<Value = (IpAddr, u8)> {
    // Two free bits in each byte, so that networks nest and addresses fall into them.
    let v4 = (any::<u32>(), 0u8..=32)
        .prop_map(|(bits, prefix)| (IpAddr::V4(Ipv4Addr::from(bits & 0xc0c0_c0c3)), prefix));
    let v6 = (any::<u128>(), 0u8..=128).prop_map(|(bits, prefix)| {
        let bits = bits & 0x2000_0000_0000_0000_0000_0000_0000_0003 | 0x4000 << 112;
        (IpAddr::V6(Ipv6Addr::from(bits)), prefix)
    });
    prop_oneof![v4, v6]
}

fn holds((network, prefix): (IpAddr, u8), address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(n), IpAddr::V4(a)) => {
            (u32::from(n) ^ u32::from(a))
                .checked_shr(32 - u32::from(prefix))
                .unwrap_or(0)
                == 0
        }
        (IpAddr::V6(n), IpAddr::V6(a)) => {
            (u128::from(n) ^ u128::from(a))
                .checked_shr(128 - u32::from(prefix))
                .unwrap_or(0)
                == 0
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn an_address_is_in_the_networks_that_hold_it(
        networks in prop::collection::vec(network(), 0..40),
        addresses in prop::collection::vec(network(), 1..20),
    ) {
        let mut builder = IndexBuilder::new(false);
        for ((address, prefix), class) in networks.iter().zip(0..) {
            builder.add_network(&format!("{address}/{prefix}"), Trigger::Client, class, 0).expect("a network");
        }
        let index = builder.finish("{}").expect("an index");
        for (address, _) in addresses.iter().chain(&networks) {
            let mut found = Vec::new();
            let mut widths = Vec::new();
            index.match_address(*address, Trigger::Client, |hit| {
                found.push(hit.class);
                widths.push(hit.prefix);
            });
            prop_assert!(widths.is_sorted_by(|a, b| a >= b), "narrowest first");
            found.sort_unstable();
            let expected: Vec<u32> = networks.iter().zip(0..)
                .filter(|(network, _)| holds(**network, *address)).map(|(_, class)| class).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn no_text_breaks_the_check(text in ".{0,40}") {
        let refused = IndexBuilder::new(false).add_regex(&text, 0, 0).is_err();
        prop_assert_eq!(check_regex(&text).is_some(), refused);
    }
}
