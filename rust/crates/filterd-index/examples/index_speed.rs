//! Times the index over a list of plain names, one a line:
//!
//!     cargo run --release --example index_speed -- NAMES [--no-prune] [--lines] [--bounded] [--regexes]
//!
//! Prints what compiling, opening and walking cost. The walked questions are the names of the
//! list in a scattered order, the same with a label put before, and names that match nothing.

#![allow(clippy::print_stdout)] // printing is what it is for

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use filterd_index::{Index, IndexBuilder, LineShape, Result, Scope};

/// Questions of each sort.
const QUESTIONS: usize = 200_000;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let list = arguments
        .next()
        .ok_or("usage: index_speed NAMES [--no-prune] [--lines] [--bounded] [--regexes]")?;
    let options: Vec<String> = arguments.collect();
    let data = std::fs::read(&list)?;
    let path = std::env::temp_dir().join(format!("index_speed.{}.idx", std::process::id()));
    let lines = options.iter().any(|option| option == "--lines");
    let prune = !options.iter().any(|option| option == "--no-prune");
    let bounded = options.iter().any(|option| option == "--bounded");
    let measured = compile(&data, &path, (lines, prune, bounded))
        .and_then(|rules| open_and_walk(&path, &data, rules));
    if options.iter().any(|option| option == "--regexes") {
        time_regexes()?;
    }
    for file in [path.clone(), lines_path(&path)] {
        if file.exists() {
            std::fs::remove_file(file)?;
        }
    }
    Ok(measured?)
}

fn lines_path(path: &Path) -> PathBuf {
    path.with_extension("idx.lines")
}

fn compile(data: &[u8], path: &Path, how: (bool, bool, bool)) -> Result<u64> {
    let (lines, prune, bounded) = how;
    let shapes = [LineShape {
        prefix: b"",
        suffix: b"",
        scope: Scope::Subtree,
        class: 1,
    }];
    let mut builder = IndexBuilder::new(lines);
    builder.prune(prune);
    if bounded {
        builder.spill_beside(path)?;
    }
    let start = Instant::now();
    let skimmed = builder.skim(data, &shapes, &[b"#"], false)?;
    let read = start.elapsed();
    builder.write(path, "{}")?;
    let total = start.elapsed();
    println!(
        "skim    {:>9.0} ms, {} rules, {} left over, {:.1}M lines/s",
        read.as_secs_f64() * 1e3,
        skimmed.accepted,
        skimmed.leftovers.len(),
        skimmed.accepted as f64 / read.as_secs_f64() / 1e6,
    );
    println!(
        "compile {:>9.0} ms, text to file",
        total.as_secs_f64() * 1e3
    );
    Ok(skimmed.accepted)
}

fn open_and_walk(path: &Path, data: &[u8], rules: u64) -> Result<()> {
    let start = Instant::now();
    let quick = Index::open(path, false)?;
    let unverified = start.elapsed();
    drop(quick);
    let start = Instant::now();
    let index = Index::open(path, true)?;
    println!(
        "open    {:>9.2} ms with checksum, {:.2} ms without",
        start.elapsed().as_secs_f64() * 1e3,
        unverified.as_secs_f64() * 1e3,
    );
    println!(
        "size    {:>9} bytes, {:.2} a rule ({} names kept)",
        index.size(),
        index.size() as f64 / rules as f64,
        index.names(),
    );
    let text = String::from_utf8_lossy(data);
    let all: Vec<&str> = text.lines().filter(|line| line.contains('.')).collect();
    let step = 7_368_787 % all.len().max(1);
    let listed: Vec<String> = (0..QUESTIONS)
        .map(|i| all[i * step % all.len()].to_owned())
        .collect();
    let under: Vec<String> = listed.iter().map(|name| format!("www.{name}")).collect();
    let absent: Vec<String> = listed.iter().map(|name| format!("{name}x.test")).collect();
    let near: Vec<String> = listed
        .iter()
        .map(|name| {
            let (host, suffix) = name.rsplit_once('.').unwrap_or((name, "test"));
            format!("{host}-q.{suffix}")
        })
        .collect();
    time_walks(&index, "listed", &listed);
    time_walks(&index, "under a listed name", &under);
    time_walks(&index, "beside a listed name", &near);
    time_walks(&index, "another top-level domain", &absent);
    Ok(())
}

fn time_walks(index: &Index, what: &str, names: &[String]) {
    let wires: Vec<Vec<u8>> = names.iter().map(|name| wire(name)).collect();
    let mut best = Duration::MAX;
    let mut hits = 0u64;
    for _ in 0..15 {
        hits = 0;
        let start = Instant::now();
        for wire in &wires {
            index.walk_wire(black_box(wire), |_| hits += 1);
        }
        best = best.min(start.elapsed());
    }
    println!(
        "walk    {:>9.0} ns, {what} ({:.2} hits a name)",
        best.as_secs_f64() * 1e9 / names.len() as f64,
        hits as f64 / names.len() as f64,
    );
}

fn time_regexes() -> Result<()> {
    for count in [100, 1000, 5000] {
        let mut builder = IndexBuilder::new(false);
        let start = Instant::now();
        for number in 0..count {
            builder.add_regex(
                &format!("^(.+\\.)?ads?{number}[0-9]*\\.(com|net|test)$"),
                1,
                0,
            )?;
        }
        let added = start.elapsed();
        let index = builder.finish("{}")?;
        let built = start.elapsed() - added;
        let mut hits = 0u64;
        index.match_regex("warm.example", |_| hits += 1);
        let start = Instant::now();
        for _ in 0..1000 {
            index.match_regex(black_box("www.some-name.example.com"), |_| hits += 1);
        }
        println!(
            "regexes {:>9.2} ms to check {count}, {:.2} ms to open, {:.0} ns a question",
            added.as_secs_f64() * 1e3,
            built.as_secs_f64() * 1e3,
            start.elapsed().as_secs_f64() * 1e6,
        );
    }
    Ok(())
}

fn wire(name: &str) -> Vec<u8> {
    let mut wire = Vec::with_capacity(name.len() + 2);
    for label in name.split('.') {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}
