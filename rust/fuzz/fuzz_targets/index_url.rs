//! What is canonical stays as it is, holds no byte that could end a line or a field, and can be made a
//! rule that covers itself and what is beneath.

#![no_main]

use filterd_index::{IndexBuilder, Url};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let Some(url) = Url::parse(&text) else {
        return;
    };
    let once = format!("{}{}", url.host(), url.path());
    assert_eq!(Url::parse(&once).as_ref(), Some(&url));
    assert_eq!(Url::parse(&format!("https://{once}")), Some(url.clone()));
    assert!(once.bytes().all(|byte| (0x21..0x7f).contains(&byte)));
    assert!(url.path().starts_with('/') && !url.host().is_empty());
    let mut builder = IndexBuilder::new(true);
    if builder.add_url(url.host(), url.path(), false, 1, 7).is_err() {
        assert!(url.host().len() > 200, "{once}");
        return;
    }
    let index = builder.finish("{}").expect("an index");
    let found = index.find_url(&url).expect("lines in memory");
    assert_eq!((found.len(), found[0].class, found[0].line), (1, 1, 7));
    if !url.path().contains('?') && url.path().split('/').count() <= 24 {
        let beneath = Url::parse(&format!("{once}/beneath?x")).expect("a URL");
        assert_eq!(index.find_url(&beneath).expect("lines").len(), 1, "{once}");
    }
});
