//! Times decisions about URLs, by rules for URLs that are made up:
//!
//!     cargo run --release -p filterd-core --example url_decision -- [RULES]
//!
//! Prints bytes a rule, and what a decision costs from the URL's text on: on hosts with such rules,
//! covered and not, and on hosts without; beside it what reading the text costs, and what deciding its
//! host as a name does.

#![allow(clippy::print_stdout)] // printing is what it is for

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use filterd_core::decide::{Kind, Person};
use filterd_core::matches::Matches;
use filterd_core::rdata::name_to_wire;
use filterd_core::snapshot::Snapshot;
use filterd_index::{Index, IndexBuilder, Url};

/// Questions of each sort.
const QUESTIONS: usize = 200_000;
const ROUNDS: usize = 9;
/// Rules a host, in the mean of feeds of phishing pages.
const A_HOST: usize = 4;
const PLAN: &str = r#"{
    "classes": [{"action": "block"}], "layers": [1], "ranks": [[1797]],
    "groups": [{"name": "g", "segments": [{"from": 0, "ranks": 0}], "default": "pass",
                "answer": {"style": "nxdomain", "ttl": 60}}],
    "default_group": 0}"#;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("url_decision.{}.idx", std::process::id()));
    let measured = measure(&path);
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    measured
}

fn measure(path: &Path) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let wanted = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let rules: usize = wanted.unwrap_or(1_000_000);
    let mut builder = IndexBuilder::new(false);
    let start = Instant::now();
    for number in 0..rules {
        let (host, path) = rule(number);
        builder.add_url(&host, &path, number % 2 == 0, 0, 0)?;
    }
    builder.write(path, "{}")?;
    let built = start.elapsed();
    let index = Arc::new(Index::open(path, true)?);
    println!(
        "size    {:>9.2} bytes a rule, {} rules on {} hosts, made in {:.1} s",
        index.size() as f64 / rules as f64,
        index.urls(),
        rules / A_HOST,
        built.as_secs_f64(),
    );
    let scattered = |number: usize| rule(number * 7_368_787 % rules);
    let covered = |number| {
        let (host, path) = scattered(number);
        format!("https://{host}{path}/more/of/it?x=1")
    };
    let beside = |number| {
        let (host, _) = scattered(number);
        format!("https://{host}/other/path/of/{number}?x=1")
    };
    let without = |number: usize| format!("https://www.site{number}.example/path/of/{number}?x=1");
    let snapshot = Snapshot::new(vec![index], PLAN, 1)?;
    time("covered by a rule", &snapshot, covered);
    time("beside a rule, on its host", &snapshot, beside);
    time("on a host without rules", &snapshot, without);
    Ok(())
}

fn rule(number: usize) -> (String, String) {
    let host = number / A_HOST;
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let name = format!("h{:x}-{host}.zone{}.example", mixed % 4096, host % 977);
    (name, format!("/in/{}/page-{mixed:x}.html", number % 37))
}

fn time(what: &str, snapshot: &Snapshot, question: impl Fn(usize) -> String) {
    let texts: Vec<String> = (0..QUESTIONS).map(question).collect();
    let urls: Vec<Url> = texts.iter().filter_map(|text| Url::parse(text)).collect();
    let hosts: Vec<Vec<u8>> = urls
        .iter()
        .filter_map(|url| name_to_wire(url.host()).ok())
        .collect();
    let person = Person::default();
    let mut found = Matches::new();
    let mut blocked = 0u64;
    let whole = best(|| {
        blocked = 0;
        for text in &texts {
            let Some(url) = Url::parse(black_box(text)) else {
                continue;
            };
            found.clear();
            snapshot.match_url(&url, &mut found);
            let decision = snapshot.decide_for(&found, &person, 1, 0);
            blocked += u64::from(decision.kind == Kind::Block);
        }
    });
    let read = best(|| {
        for text in &texts {
            black_box(Url::parse(black_box(text)));
        }
    });
    let name = best(|| {
        for host in &hosts {
            found.clear();
            snapshot.match_name(black_box(host), &mut found);
            black_box(snapshot.decide_for(&found, &person, 1, 0).kind);
        }
    });
    println!(
        "{whole:>6.0} ns a URL ({read:.0} to read it; its host as a name {name:.0}), {:.0} % blocked: {what}",
        blocked as f64 / texts.len() as f64 * 100.0,
    );
}

/// Nanoseconds a question, of the best round.
fn best(mut round: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        round();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best * 1e9 / QUESTIONS as f64
}
