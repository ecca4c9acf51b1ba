//! Regular expressions over names and addresses, in linear time (crate `regex`).
//!
//! Names are ASCII, so patterns run over bytes without Unicode classes, which keeps them small; a
//! pattern that asks for a Unicode class is compiled with them. Letters match in any case.

use regex::bytes::{RegexBuilder, RegexSet, RegexSetBuilder};

use crate::cursor::{put_u32, Cursor};
use crate::error::{Error, Result};

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 4096;
/// Most bytes one compiled pattern may take.
const PATTERN_LIMIT: usize = 1 << 20;
/// Deepest nesting of groups.
const NEST_LIMIT: u32 = 64;
/// Patterns that are searched together.
const CHUNK: usize = 128;
/// Put before a pattern that needs Unicode classes.
const UNICODE: &str = "(?u)";

/// One regex that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegexHit {
    /// The class the builder was given.
    pub class: u32,
    /// Which regex: see [`crate::Index::regex`].
    pub regex: u32,
}

/// Returns `None` if an index can run `regex`, else why not, on one line.
pub fn check_regex(regex: &str) -> Option<String> {
    runnable(regex).err().map(|error| match error {
        Error::Regex(reason) => reason,
        other => other.to_string(),
    })
}

/// Returns the pattern as it is given to the engine.
fn runnable(pattern: &str) -> Result<String> {
    if pattern.len() > MAX_PATTERN {
        return Err(Error::Regex(format!("longer than {MAX_PATTERN} bytes")));
    }
    let plain = match compile_one(pattern) {
        Ok(()) => return Ok(pattern.to_owned()),
        Err(error) => error,
    };
    let unicode = format!("{UNICODE}{pattern}");
    match compile_one(&unicode) {
        Ok(()) => Ok(unicode),
        Err(_) => Err(Error::Regex(one_line(&plain))),
    }
}

fn compile_one(pattern: &str) -> std::result::Result<(), regex::Error> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .case_insensitive(true)
        .size_limit(PATTERN_LIMIT)
        .nest_limit(NEST_LIMIT)
        .build()
        .map(|_| ())
}

/// The engine draws a picture of the pattern over several lines; its last line says what is wrong.
fn one_line(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("needs more than {limit} bytes when compiled")
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}

/// A pattern with the (class, line) of each rule that has it.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    pub(crate) rules: Vec<(u32, u32)>,
}

/// Checks `text`; raises the engine's reason.
pub(crate) fn check(text: &str) -> Result<()> {
    runnable(text).map(|_| ())
}

pub(crate) fn write(patterns: &[Pattern], out: &mut Vec<u8>) {
    put_u32(out, patterns.len() as u32);
    for pattern in patterns {
        put_u32(out, pattern.text.len() as u32);
        out.extend_from_slice(pattern.text.as_bytes());
        put_u32(out, pattern.rules.len() as u32);
        for &(class, line) in &pattern.rules {
            put_u32(out, class);
            put_u32(out, line);
        }
    }
}

/// The regexes of an open index.
#[derive(Debug)]
pub(crate) struct Regexes {
    patterns: Vec<Pattern>,
    chunks: Vec<RegexSet>,
}

impl Regexes {
    /// Reads and compiles; an error names the pattern that does not compile.
    pub(crate) fn open(bytes: &[u8]) -> Result<Regexes> {
        let mut cursor = Cursor::new(bytes, "regexes");
        let count = cursor.count(8)?;
        let mut patterns = Vec::with_capacity(count);
        for _ in 0..count {
            let length = cursor.u32()? as usize;
            let text = std::str::from_utf8(cursor.bytes(length)?)
                .map_err(|_| cursor.damaged("not UTF-8"))?
                .to_owned();
            let rules = cursor.count(8)?;
            let rules = (0..rules)
                .map(|_| Ok((cursor.u32()?, cursor.u32()?)))
                .collect::<Result<_>>()?;
            patterns.push(Pattern { text, rules });
        }
        if !cursor.is_empty() {
            return Err(cursor.damaged("bytes left over"));
        }
        let chunks = patterns
            .chunks(CHUNK)
            .map(compile_chunk)
            .collect::<Result<_>>()?;
        Ok(Regexes { patterns, chunks })
    }

    pub(crate) fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Returns one more than the highest class.
    pub(crate) fn classes(&self) -> u32 {
        let rules = self.patterns.iter().flat_map(|pattern| &pattern.rules);
        rules.fold(0, |most, (class, _)| most.max(class.saturating_add(1)))
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Pattern> {
        self.patterns.get(number as usize)
    }

    pub(crate) fn matches(&self, text: &str, mut hit: impl FnMut(RegexHit)) {
        for (chunk, base) in self.chunks.iter().zip((0u32..).step_by(CHUNK)) {
            for at in chunk.matches(text.as_bytes()).iter() {
                let regex = base + at as u32;
                let rules = self.get(regex).map(|pattern| pattern.rules.as_slice());
                for &(class, _) in rules.unwrap_or_default() {
                    hit(RegexHit { class, regex });
                }
            }
        }
    }
}

fn compile_chunk(patterns: &[Pattern]) -> Result<RegexSet> {
    let texts: Vec<&str> = patterns
        .iter()
        .map(|pattern| pattern.text.as_str())
        .collect();
    if let Ok(set) = build_set(&texts) {
        return Ok(set);
    }
    let runnable: Vec<String> = texts
        .iter()
        .map(|text| runnable(text))
        .collect::<Result<_>>()?;
    let runnable: Vec<&str> = runnable.iter().map(String::as_str).collect();
    build_set(&runnable).map_err(|e| Error::Regex(one_line(&e)))
}

fn build_set(texts: &[&str]) -> std::result::Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(texts)
        .unicode(false)
        .case_insensitive(true)
        .size_limit(PATTERN_LIMIT * 2 * texts.len())
        .nest_limit(NEST_LIMIT)
        .build()
}
