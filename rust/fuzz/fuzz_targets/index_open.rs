//! Opening arbitrary bytes as an index, and asking whatever opens, never panics.
//!
//! A checksum would stop nearly every input at the door, so the bytes are also opened with a
//! header that fits them.

#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use filterd_index::{Index, Trigger, Url};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for bytes in [data.to_vec(), filterd_index::fuzzing::with_header(data)] {
        let Ok(index) = Index::from_bytes(bytes) else {
            continue;
        };
        let (wire, text) = data.split_at(data.len().min(40));
        index.walk_wire(wire, |hit| assert!(hit.depth <= 127));
        index.walk_wire(b"\x03www\x07example\x03com\x00", |hit| {
            assert!(hit.depth <= 3)
        });
        let text = String::from_utf8_lossy(text);
        index.match_regex(&text, |hit| assert!(index.regex(hit.regex).is_some()));
        for address in [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ] {
            for trigger in [Trigger::Answer, Trigger::Client] {
                let mut hits = 0;
                index.match_address(address, trigger, |_| hits += 1);
                assert_eq!(hits, index.find_address(address, trigger).len());
            }
        }
        let _ = index.find(&text);
        for url in [&*text, "http://www.example.com/a/b?c"] {
            if let Some(url) = Url::parse(url) {
                let _ = index.find_url(&url);
            }
        }
    }
});
