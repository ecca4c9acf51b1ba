//! Requests with their verdicts, worked out by hand from what the authors of the syntax say:
//! <https://help.adblockplus.org/hc/en-us/articles/360062733293> (patterns, options) and the
//! "Static filter syntax" page of uBlock Origin's wiki (`$important`, `$badfilter`, `$all`,
//! `$redirect`). Where the matcher differs, the row says so.

#![allow(clippy::unwrap_used)] // a test may

use filterd_abp::{Abp, Kind, List, Match, Request};

const ADS: u32 = 3;
const SCHOOL: u32 = 8;

const LIST: &str = "\
[Adblock Plus 2.0]
! patterns
||ads.test^
||cdn.test/banner/*/img^
|https://start.test/exact|
/adserver.js?
-promo-468x60.
swf|
||plain.test/dir/
/track[0-9]{2}\\.gif/
/Logo\\.PNG$/$match-case
! types
||script.test^$script
||noimage.test^$~image
||frame.test^$subdocument
||page.test^$document
||every.test^$all
||socket.test^$websocket
||xhr.test^$xmlhttprequest,image
||beacon.test^$ping
||font.test^$font
||media.test^$media
! parties and pages
||third.test^$third-party
||first.test^$~third-party
/widget.js$domain=shop.test|~sub.shop.test
||elsewhere.test^$domain=~friend.test
! order
||kept.test^
@@||kept.test/good/
||hard.test^$important
@@||hard.test/good/
@@||ads.test/allowed.js$script,domain=news.test
||withdrawn.test^
||posts.test^$method=post
||stub.test/lib.js$script,redirect=noopjs
||case.test/Upper
! not ours
||query.test^$removeparam=utm_source
||policy.test^$csp=script-src 'none'
only.test##.banner
||window.test^$popup
";

const OWN: &str = "\
||withdrawn.test^$badfilter
@@||plain.test/dir/school/
||homework.test^
||ads.test/mine/
";

const BLOCK: Option<Kind> = Some(Kind::Block);
const EXCEPTION: Option<Kind> = Some(Kind::Exception);
const IMPORTANT: Option<Kind> = Some(Kind::Important);

type Row = (&'static str, &'static str, &'static str, Option<Kind>);

/// URL, page that asks ("": nobody known), type, verdict.
const ROWS: &[Row] = &[
    // || means the host and all below it; ^ is a separator or the end.
    ("https://ads.test/", "https://news.test/", "script", BLOCK),
    (
        "https://a.b.ads.test/x",
        "https://news.test/",
        "image",
        BLOCK,
    ),
    (
        "https://ads.test:8443/x",
        "https://news.test/",
        "image",
        BLOCK,
    ),
    (
        "https://ads.test.news.test/",
        "https://news.test/",
        "image",
        None,
    ),
    ("https://myads.test/", "https://news.test/", "image", None),
    (
        "https://news.test/?u=ads.test",
        "https://news.test/",
        "image",
        None,
    ),
    ("https://ads.tests/", "https://news.test/", "image", None),
    ("http://ADS.test/X", "https://news.test/", "image", BLOCK),
    // A bare ||host^ speaks about pages too (as in uBlock Origin).
    ("https://ads.test/", "", "document", BLOCK),
    // * stands for anything.
    (
        "https://cdn.test/banner/2024/img?x",
        "https://a.test/",
        "image",
        BLOCK,
    ),
    (
        "https://cdn.test/banner/2024/img",
        "https://a.test/",
        "image",
        BLOCK,
    ),
    (
        "https://cdn.test/banner/2024/imgs",
        "https://a.test/",
        "image",
        None,
    ),
    (
        "https://cdn.test/banners/2024/img/",
        "https://a.test/",
        "image",
        None,
    ),
    // | at an end.
    (
        "https://start.test/exact",
        "https://a.test/",
        "image",
        BLOCK,
    ),
    (
        "https://start.test/exact/more",
        "https://a.test/",
        "image",
        None,
    ),
    ("http://start.test/exact", "https://a.test/", "image", None),
    (
        "https://a.test/film.swf",
        "https://a.test/",
        "object",
        BLOCK,
    ),
    (
        "https://a.test/film.swf?x",
        "https://a.test/",
        "object",
        None,
    ),
    // Anywhere in the URL.
    (
        "https://a.test/js/adserver.js?id=1",
        "https://a.test/",
        "script",
        BLOCK,
    ),
    (
        "https://a.test/js/adserver.js",
        "https://a.test/",
        "script",
        None,
    ),
    (
        "https://a.test/x-promo-468x60.gif",
        "https://a.test/",
        "image",
        BLOCK,
    ),
    (
        "https://a.test/x-PROMO-468X60.gif",
        "https://a.test/",
        "image",
        BLOCK,
    ),
    // Without a type a pattern is not about pages.
    (
        "https://a.test/x-promo-468x60.html",
        "https://a.test/",
        "document",
        None,
    ),
    (
        "https://a.test/x-promo-468x60.html",
        "https://a.test/",
        "subdocument",
        BLOCK,
    ),
    (
        "https://plain.test/dir/x",
        "https://a.test/",
        "image",
        BLOCK,
    ),
    (
        "https://plain.test/dirs/x",
        "https://a.test/",
        "image",
        None,
    ),
    // Expressions.
    (
        "https://a.test/track07.gif",
        "https://a.test/",
        "image",
        BLOCK,
    ),
    (
        "https://a.test/track7.gif",
        "https://a.test/",
        "image",
        None,
    ),
    ("https://a.test/Logo.PNG", "https://a.test/", "image", BLOCK),
    ("https://a.test/logo.png", "https://a.test/", "image", None),
    // Types.
    ("https://script.test/x", "https://a.test/", "script", BLOCK),
    ("https://script.test/x", "https://a.test/", "image", None),
    ("https://script.test/x", "", "document", None),
    ("https://noimage.test/x", "https://a.test/", "image", None),
    (
        "https://noimage.test/x",
        "https://a.test/",
        "stylesheet",
        BLOCK,
    ),
    (
        "https://frame.test/x",
        "https://a.test/",
        "subdocument",
        BLOCK,
    ),
    ("https://frame.test/x", "", "document", None),
    ("https://page.test/x", "", "document", BLOCK),
    ("https://page.test/x", "https://a.test/", "image", None),
    ("https://every.test/x", "", "document", BLOCK),
    ("https://every.test/x", "https://a.test/", "other", BLOCK),
    ("wss://socket.test/x", "https://a.test/", "websocket", BLOCK),
    (
        "https://socket.test/x",
        "https://a.test/",
        "xmlhttprequest",
        None,
    ),
    (
        "https://xhr.test/x",
        "https://a.test/",
        "xmlhttprequest",
        BLOCK,
    ),
    ("https://xhr.test/x", "https://a.test/", "script", None),
    ("https://beacon.test/x", "https://a.test/", "ping", BLOCK),
    ("https://font.test/x", "https://a.test/", "font", BLOCK),
    ("https://media.test/x", "https://a.test/", "media", BLOCK),
    ("https://media.test/x", "https://a.test/", "anything", None),
    // Parties: by the registrable name. Not known is a third party, unless it is a page.
    ("https://third.test/x", "https://a.test/", "script", BLOCK),
    (
        "https://third.test/x",
        "https://www.third.test/",
        "script",
        None,
    ),
    ("https://third.test/x", "", "script", BLOCK),
    (
        "https://first.test/x",
        "https://www.first.test/",
        "script",
        BLOCK,
    ),
    ("https://first.test/x", "https://a.test/", "script", None),
    // Pages that ask.
    (
        "https://a.test/widget.js",
        "https://www.shop.test/",
        "script",
        BLOCK,
    ),
    (
        "https://a.test/widget.js",
        "https://sub.shop.test/",
        "script",
        None,
    ),
    (
        "https://a.test/widget.js",
        "https://a.test/",
        "script",
        None,
    ),
    ("https://a.test/widget.js", "", "script", None),
    (
        "https://elsewhere.test/x",
        "https://a.test/",
        "script",
        BLOCK,
    ),
    (
        "https://elsewhere.test/x",
        "https://friend.test/",
        "script",
        None,
    ),
    // Important, exception, block.
    ("https://kept.test/bad", "https://a.test/", "script", BLOCK),
    (
        "https://kept.test/good/x",
        "https://a.test/",
        "script",
        EXCEPTION,
    ),
    (
        "https://hard.test/good/x",
        "https://a.test/",
        "script",
        IMPORTANT,
    ),
    (
        "https://ads.test/allowed.js",
        "https://news.test/",
        "script",
        EXCEPTION,
    ),
    (
        "https://ads.test/allowed.js",
        "https://a.test/",
        "script",
        BLOCK,
    ),
    (
        "https://ads.test/allowed.js",
        "https://news.test/",
        "image",
        BLOCK,
    ),
    // An exception without a block is no verdict.
    ("https://a.test/good/", "https://a.test/", "script", None),
    // Another list's $badfilter and exceptions count here.
    ("https://withdrawn.test/", "https://a.test/", "script", None),
    (
        "https://plain.test/dir/school/x",
        "https://a.test/",
        "image",
        EXCEPTION,
    ),
    ("https://homework.test/", "", "document", BLOCK),
    // A redirect is a block.
    (
        "https://stub.test/lib.js",
        "https://a.test/",
        "script",
        BLOCK,
    ),
    // Patterns do not care about case unless told.
    (
        "https://case.test/upper",
        "https://a.test/",
        "script",
        BLOCK,
    ),
    // Only verdicts are given; looks and windows are not ours.
    ("https://query.test/?utm_source=x", "", "document", None),
    ("https://policy.test/", "", "document", None),
    ("https://only.test/", "", "document", None),
    ("https://window.test/", "", "document", None),
    // The method is GET here.
    (
        "https://posts.test/x",
        "https://a.test/",
        "xmlhttprequest",
        None,
    ),
    ("ftp://ads.test/", "https://a.test/", "other", None),
];

fn built() -> Abp {
    let lists = [(LIST, ADS), (OWN, SCHOOL)].map(|(text, class)| List {
        data: text.as_bytes(),
        class,
    });
    Abp::build(&lists, &[]).unwrap()
}

fn request<'a>(url: &'a str, source: &'a str, request_type: &'a str) -> Request<'a> {
    Request {
        url,
        source_url: Some(source).filter(|source| !source.is_empty()),
        request_type,
        method: "GET",
    }
}

fn verdicts(abp: &Abp) -> Vec<Option<Match>> {
    let asked = ROWS.iter().map(|row| request(row.0, row.1, row.2));
    asked
        .map(|asked| abp.check(&asked, None).unwrap())
        .collect()
}

#[test]
fn each_request_has_its_verdict() {
    let abp = built();
    let wrong: Vec<_> = ROWS
        .iter()
        .zip(verdicts(&abp))
        .filter(|(row, found)| found.as_ref().map(|found| found.kind) != row.3)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(ROWS.len() >= 60);
}

#[test]
fn bytes_say_the_same() {
    let abp = built();
    let again = Abp::from_bytes(&abp.to_bytes().unwrap()).unwrap();
    assert_eq!(verdicts(&again), verdicts(&abp));
    assert_eq!(again.counts(), abp.counts());
}

#[test]
fn the_rule_is_named_as_it_stands_in_its_list() {
    let abp = built();
    let found = |url, source| {
        let asked = request(url, source, "script");
        let found = abp.check(&asked, None).unwrap().unwrap();
        let list = if found.class == ADS { LIST } else { OWN };
        let line = list.lines().nth(found.line as usize - 1);
        assert_eq!(line, Some(found.rule.as_str()));
        (found.class, found.rule)
    };
    let page = "https://news.test/";
    let rule = "@@||ads.test/allowed.js$script,domain=news.test";
    assert_eq!(
        found("https://ads.test/allowed.js", page),
        (ADS, rule.into())
    );
    assert_eq!(
        found("https://homework.test/", page),
        (SCHOOL, "||homework.test^".into())
    );
    // Rules without a host, of which the matcher would make one.
    assert_eq!(
        found("https://a.test/adserver.js?1", page),
        (ADS, "/adserver.js?".into())
    );
    assert_eq!(
        found("https://a.test/x-promo-468x60.", page),
        (ADS, "-promo-468x60.".into())
    );
}

#[test]
fn classes_that_do_not_count_say_nothing() {
    let abp = built();
    let asked = request("https://plain.test/dir/school/x", "", "image");
    let kinds = |only: &[u32]| {
        let found = abp.matches(&asked, Some(only)).unwrap();
        found
            .into_iter()
            .map(|found| (found.class, found.kind))
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&[ADS]), [(ADS, Kind::Block)]);
    assert_eq!(kinds(&[SCHOOL]), []);
    assert_eq!(
        kinds(&[ADS, SCHOOL]),
        [(ADS, Kind::Block), (SCHOOL, Kind::Exception)]
    );
    assert_eq!(kinds(&[]), []);
    let both = request("https://ads.test/mine/x", "", "image");
    let found = abp.matches(&both, None).unwrap();
    assert_eq!(
        found.iter().map(|found| found.class).collect::<Vec<_>>(),
        [ADS, SCHOOL]
    );
}

#[test]
fn nobody_cancels_rules_of_a_sealed_list() {
    let blocked = |sealed: &[u32]| {
        let lists = [
            ("||a.test^\n||b.test^\n||b.test^$badfilter", 0),
            ("||a.test^$badfilter", 1),
        ];
        let lists = lists.map(|(text, class)| List {
            data: text.as_bytes(),
            class,
        });
        let abp = Abp::build(&lists, sealed).unwrap();
        ["https://a.test/", "https://b.test/"].map(|url| {
            let found = abp.check(&request(url, "", "document"), None);
            found.unwrap().is_some()
        })
    };
    assert_eq!(blocked(&[0]), [true, false]);
    assert_eq!(blocked(&[1]), [false, false]);
}

#[test]
fn the_method_is_looked_at() {
    let abp = built();
    let mut asked = request("https://posts.test/x", "https://a.test/", "xmlhttprequest");
    asked.method = "POST";
    assert_eq!(abp.check(&asked, None).unwrap().unwrap().kind, Kind::Block);
}

#[test]
fn what_is_left_out_is_counted() {
    let abp = built();
    let counts = &abp.counts()[0];
    assert_eq!(
        (counts.class, counts.cosmetic, counts.comments),
        (ADS, 1, 6)
    );
    let unsupported: Vec<_> = counts
        .unsupported
        .iter()
        .map(|(word, n)| (word.as_str(), *n))
        .collect();
    assert_eq!(
        unsupported,
        [("csp", 1), ("option:popup", 1), ("removeparam", 1)]
    );
    let lines = LIST.lines().count() as u64;
    assert_eq!(counts.rules, lines - 1 - 6 - 3);
}
