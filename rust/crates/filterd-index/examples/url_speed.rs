//! Times rules for URLs, made up:
//!
//!     cargo run --release -p filterd-index --example url_speed -- [RULES]
//!
//! Prints bytes a rule, and what a question costs, read from text and looked up: on hosts with such
//! rules, covered and not, on hosts without, and the same hosts as names.

#![allow(clippy::print_stdout)] // printing is what it is for

use std::hint::black_box;
use std::time::Instant;

use filterd_index::{Index, IndexBuilder, Result, Url};

/// Questions of each sort.
const QUESTIONS: usize = 200_000;
const ROUNDS: usize = 9;
/// Rules a host, in the mean of feeds of phishing pages.
const A_HOST: usize = 4;

fn main() -> Result<()> {
    let wanted = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let rules: usize = wanted.unwrap_or(1_000_000);
    let path = std::env::temp_dir().join(format!("url_speed.{}.idx", std::process::id()));
    let mut builder = IndexBuilder::new(false);
    let start = Instant::now();
    for number in 0..rules {
        let (host, path) = rule(number);
        builder.add_url(&host, &path, number % 2 == 0, 1, 0)?;
    }
    builder.write(&path, "{}")?;
    let built = start.elapsed();
    let index = Index::open(&path, true)?;
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
    time("covered by a rule", &index, covered);
    time("beside a rule, on its host", &index, beside);
    time("on a host without rules", &index, without);
    std::fs::remove_file(&path).map_err(|source| filterd_index::Error::Io { path, source })
}

fn rule(number: usize) -> (String, String) {
    let host = number / A_HOST;
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let name = format!("h{:x}-{host}.zone{}.example", mixed % 4096, host % 977);
    (name, format!("/in/{}/page-{mixed:x}.html", number % 37))
}

fn time(what: &str, index: &Index, question: impl Fn(usize) -> String) {
    let texts: Vec<String> = (0..QUESTIONS).map(question).collect();
    let urls: Vec<Url> = texts.iter().filter_map(|text| Url::parse(text)).collect();
    let mut hits = 0u64;
    let whole = best(|| {
        hits = 0;
        for text in &texts {
            if let Some(url) = Url::parse(black_box(text)) {
                index.walk_url(
                    &url,
                    |hit| {
                        black_box(hit);
                    },
                    |_| hits += 1,
                );
            }
        }
    });
    let read = best(|| {
        for text in &texts {
            black_box(Url::parse(black_box(text)));
        }
    });
    let name = best(|| {
        for url in &urls {
            index.walk(black_box(url.host()), |_| {});
        }
    });
    println!(
        "{:>9.0} ns a URL ({:.0} to read it; its host as a name {:.0}), {:.2} rules: {what}",
        whole,
        read,
        name,
        hits as f64 / texts.len() as f64,
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
