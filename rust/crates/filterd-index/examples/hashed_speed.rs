//! What a question to lists of hashed URLs costs, and how large they are:
//!
//!     cargo run --release -p filterd-index --example hashed_speed -- [ENTRIES]
//!
//! One list of so many made-up entries (a million), 12 bytes each; 20,000 URLs of each kind in scattered
//! order, the best of nine rounds. Time that others had the processor is not counted, where the system
//! (Linux) says how much that was.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // it is a program for people

use std::time::Instant;

use filterd_index::{HashedList, HashedUrls, Url};
use sha2::{Digest, Sha256};

const SALT: &[u8] = b"thirty-two bytes of a salt, 0123";
const WIDTH: usize = 12;
const ASKED: usize = 20_000;
const ROUNDS: usize = 9;

fn main() {
    let given = std::env::args().nth(1);
    let count: usize = given.map_or(1_000_000, |text| text.parse().unwrap());
    let mut prefixes = Vec::with_capacity(count * WIDTH);
    for number in 0..count as u64 {
        prefixes.extend_from_slice(&Sha256::digest(number.to_le_bytes())[..WIDTH]);
    }
    let list = |class| HashedList {
        salt: SALT,
        width: WIDTH,
        prefixes: &prefixes,
        class,
    };
    let path = std::env::temp_dir().join(format!("hashed-speed-{}", std::process::id()));
    let start = Instant::now();
    HashedUrls::build(&[list(0)]).unwrap().save(&path).unwrap();
    let built = start.elapsed();
    let size = std::fs::metadata(&path).unwrap().len();
    let start = Instant::now();
    let one = HashedUrls::open(&path).unwrap();
    let opened = start.elapsed();
    println!(
        "{count} entries of {WIDTH} bytes: {:.2} bytes each on disk and mapped",
        size as f64 / count as f64
    );
    println!("built and saved in {built:.0?}, opened and verified in {opened:.0?}");
    let five = HashedUrls::build(&[list(0), list(1), list(2), list(3), list(4)]).unwrap();
    for (kind, host, path, expressions) in [
        ("a front page", "www.site", "/", 2),
        ("a page", "www.site", "/news/2026/article.html", 8),
        (
            "a page with a query",
            "www.site",
            "/news/2026/article.html?id",
            10,
        ),
        (
            "as many as there can be",
            "a.b.c.d.e.site",
            "/1/2/3/4/page?id",
            30,
        ),
    ] {
        let asked: Vec<Url> = (0..ASKED)
            .map(|at| at.wrapping_mul(7919) % ASKED)
            .map(|number| Url::parse(&format!("https://{host}{number}.test{path}")).unwrap())
            .collect();
        println!(
            "{kind}, {expressions} expressions: {:.2} us with one list, {:.2} us with five",
            best(&one, &asked),
            best(&five, &asked)
        );
    }
    std::fs::remove_file(&path).unwrap();
}

/// Microseconds a URL.
fn best(lists: &HashedUrls, asked: &[Url]) -> f64 {
    let round = |_| {
        let start = Stopwatch::start();
        let hits: usize = asked.iter().map(|url| lists.matches(url, None).len()).sum();
        assert_eq!(hits, 0);
        start.seconds() * 1e6 / asked.len() as f64
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

/// Time on a processor, or, where the system does not tell, on the wall.
enum Stopwatch {
    Processor(f64),
    Wall(Instant),
}

impl Stopwatch {
    fn start() -> Stopwatch {
        on_processor().map_or_else(|| Stopwatch::Wall(Instant::now()), Stopwatch::Processor)
    }

    fn seconds(&self) -> f64 {
        match self {
            Stopwatch::Processor(start) => on_processor().unwrap_or(f64::NAN) - start,
            Stopwatch::Wall(start) => start.elapsed().as_secs_f64(),
        }
    }
}

/// Seconds that this thread has run, by the kernel's scheduler statistics.
fn on_processor() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}
