//! Opening arbitrary bytes as lists of hashed URLs, and asking whatever opens, never panics; and what
//! is compiled opens, with the entries that were given.

#![no_main]

use std::collections::BTreeSet;

use filterd_index::{fuzzing::with_hashed_header, HashedList, HashedUrls, Url};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let urls: Vec<Url> = [&*text, "http://www.example.com/a/b?c"]
        .into_iter()
        .filter_map(Url::parse)
        .collect();
    for bytes in [data.to_vec(), with_hashed_header(data)] {
        let Ok(lists) = HashedUrls::from_bytes(bytes) else {
            continue;
        };
        for url in &urls {
            for hit in lists.matches(url, None) {
                assert!(lists.counts().any(|(class, _)| class == hit.class));
                assert!(lists.matches(url, Some(&[hit.class])).contains(&hit));
            }
        }
    }
    let (salt, rest) = data.split_at(data.len().min(16));
    let width = 8 + usize::from(rest.first().copied().unwrap_or_default()) % 25;
    let prefixes = &rest[..rest.len() / width * width];
    let built = HashedUrls::build(&[HashedList { salt, width, prefixes, class: 1 }]);
    let entries: BTreeSet<&[u8]> = prefixes.chunks_exact(width).collect();
    match built {
        Ok(lists) => assert_eq!(lists.counts().next(), Some((1, entries.len()))),
        Err(_) => assert!(salt.len() < 16),
    }
});
