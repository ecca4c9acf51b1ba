//! How long ABP rules take: `cargo run --release -p filterd-abp --example abp_speed -- LIST…`
//!
//! Builds the lists, writes and opens the file, then asks about URLs made of the lists themselves:
//! half are what rules with a host name (most are hits), half are sites that the lists only give
//! a new look, with paths of ordinary pages (most are misses). The first round compiles the
//! expressions that the matcher compiles when first needed; the later ones are the daily rate.

use std::io::{self, Write};
use std::time::{Duration, Instant};
use std::{env, error, fs};

use filterd_abp::{Abp, List, Request};

const OF_EACH: usize = 2_000;
const ROUNDS: usize = 5;
const PATHS: [(&str, &str); 6] = [
    ("/", "document"),
    ("/assets/app.3f9a.js?v=12", "script"),
    ("/css/site.css", "stylesheet"),
    ("/images/2024/09/photo-1200x800.jpg", "image"),
    ("/api/v2/items?page=3&sort=date", "xmlhttprequest"),
    ("/fonts/text.woff2", "font"),
];

struct Asked {
    url: String,
    source: String,
    kind: &'static str,
}

fn main() -> Result<(), Box<dyn error::Error>> {
    let mut out = io::stdout().lock();
    let paths: Vec<String> = env::args().skip(1).collect();
    let texts = paths.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?;
    let asked = urls(&texts);
    let before = resident()?;
    let start = Instant::now();
    let lists: Vec<_> = texts
        .iter()
        .zip(0..)
        .map(|(data, class)| List { data, class })
        .collect();
    let built = Abp::build(&lists, &[])?;
    writeln!(out, "build: {:.0?}", start.elapsed())?;
    for (path, counts) in paths.iter().zip(built.counts()) {
        let left: u64 = counts.unsupported.values().sum();
        writeln!(
            out,
            "  {path}: {} rules, {} for looks, {left} not kept",
            counts.rules, counts.cosmetic
        )?;
    }
    let file = env::temp_dir().join(format!("abp-speed-{}", std::process::id()));
    built.save(&file)?;
    let size = fs::metadata(&file)?.len();
    drop(built);
    let start = Instant::now();
    let abp = Abp::open(&file)?;
    let opened = start.elapsed();
    fs::remove_file(&file)?;
    writeln!(out, "file: {:.1} MiB, open: {opened:.0?}", mib(size))?;
    writeln!(
        out,
        "resident before: {:.1} MiB, after build and open: {:.1} MiB",
        mib(before),
        mib(resident()?)
    )?;
    for round in 0..ROUNDS {
        let mut times = Vec::with_capacity(asked.len());
        let mut found = 0;
        for each in &asked {
            let request = Request {
                url: &each.url,
                source_url: Some(&each.source),
                request_type: each.kind,
                method: "GET",
            };
            let start = Instant::now();
            let answer = abp.check(&request, None)?;
            times.push(start.elapsed());
            found += usize::from(answer.is_some());
        }
        times.sort_unstable();
        writeln!(
            out,
            "round {}: {} URLs, {found} with a rule; median {:.1} µs, p99 {:.1} µs, longest {:.0} µs",
            round + 1,
            asked.len(),
            micros(times[times.len() / 2]),
            micros(times[times.len() * 99 / 100]),
            micros(times[times.len() - 1]),
        )?;
    }
    writeln!(out, "resident at the end: {:.1} MiB", mib(resident()?))?;
    Ok(())
}

/// URLs of rules with a host, and pages of sites that have rules for their looks, mixed.
fn urls(texts: &[Vec<u8>]) -> Vec<Asked> {
    let texts: Vec<_> = texts
        .iter()
        .map(|text| String::from_utf8_lossy(text))
        .collect();
    let lines = || texts.iter().flat_map(|text| text.lines());
    let plain = |text: &str| text.contains('.') && !text.contains(['*', '~', '|', ',']);
    let hits: Vec<_> = lines()
        .filter_map(|line| line.strip_prefix("||"))
        .map(|line| line.split('$').next().unwrap_or(line))
        .filter(|line| plain(line))
        .map(|line| line.trim_end_matches('^').replace('^', "/"))
        .collect();
    let sites: Vec<_> = lines()
        .filter_map(|line| line.split_once("##"))
        .map(|(domain, _)| domain)
        .filter(|domain| plain(domain))
        .collect();
    let step = |all: usize| (all / OF_EACH).max(1);
    let hits = hits.iter().step_by(step(hits.len())).take(OF_EACH);
    let sites = sites.iter().step_by(step(sites.len())).take(OF_EACH);
    let mut asked = Vec::new();
    for (number, (hit, site)) in hits.zip(sites).enumerate() {
        let (path, kind) = PATHS[number % PATHS.len()];
        let source = format!("https://{site}/");
        let slash = if hit.contains('/') { "" } else { path };
        let hit_kind = if kind == "document" { "script" } else { kind };
        asked.push(Asked {
            url: format!("https://{hit}{slash}"),
            source: source.clone(),
            kind: hit_kind,
        });
        asked.push(Asked {
            url: format!("https://{site}{path}"),
            source,
            kind,
        });
    }
    asked
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Bytes of this process in memory (`/proc/self/status`, VmRSS).
fn resident() -> Result<u64, Box<dyn error::Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line
        .and_then(|line| line.split_whitespace().nth(1))
        .ok_or("no VmRSS")?;
    Ok(kib.parse::<u64>()? * 1024)
}
