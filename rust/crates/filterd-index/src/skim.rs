//! The bulk reader: takes the lines of a list that need no thought, some millions a second.

use memchr::memchr;

use crate::builder::IndexBuilder;
use crate::error::Result;
use crate::key;
use crate::names::Scope;
use crate::suffix::is_suffix;

/// Longest line that is read; a longer one is a leftover, cut to this many bytes.
const MAX_LINE: usize = 4096;

/// A line that is `prefix`, a plain name and `suffix`, and what it means.
#[derive(Debug, Clone, Copy)]
pub struct LineShape<'a> {
    /// What stands before the name.
    pub prefix: &'a [u8],
    /// What stands behind it.
    pub suffix: &'a [u8],
    /// Which names the line covers.
    pub scope: Scope,
    /// The class of the line.
    pub class: u32,
}

/// What [`IndexBuilder::skim`] did with a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skimmed {
    /// Lines taken as rules.
    pub accepted: u64,
    /// Comment and blank lines.
    pub comments: u64,
    /// (Line number from 1, text) of lines that need a reader; invalid UTF-8 is replaced.
    pub leftovers: Vec<(u32, String)>,
}

/// Reads `data` into `builder`; see [`IndexBuilder::skim_on`].
pub(crate) fn skim(
    builder: &mut IndexBuilder,
    before: u32,
    data: &[u8],
    (shapes, comments): (&[LineShape<'_>], &[&[u8]]),
    wide: bool,
) -> Result<Skimmed> {
    let mut skimmed = Skimmed::default();
    let mut rest = data;
    let mut number = before;
    while !rest.is_empty() {
        let (line, after) = match memchr(b'\n', rest) {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = after;
        number = number.saturating_add(1);
        let line = trim_end(line);
        let text = line.trim_ascii_start();
        if text.is_empty() || comments.iter().any(|mark| text.starts_with(mark)) {
            skimmed.comments += 1;
        } else if line.len() <= MAX_LINE && take(builder, line, shapes, wide, number)? {
            skimmed.accepted += 1;
        } else {
            let kept = &line[..line.len().min(MAX_LINE)];
            skimmed
                .leftovers
                .push((number, String::from_utf8_lossy(kept).into_owned()));
        }
    }
    Ok(skimmed)
}

/// Cuts blanks, `\r` among them, from the end.
fn trim_end(line: &[u8]) -> &[u8] {
    match line.last() {
        Some(byte) if byte.is_ascii_whitespace() => line.trim_ascii_end(),
        _ => line,
    }
}

/// Takes `line` by the first shape that fits; says whether one did.
fn take(
    builder: &mut IndexBuilder,
    line: &[u8],
    shapes: &[LineShape<'_>],
    wide: bool,
    number: u32,
) -> Result<bool> {
    for shape in shapes {
        let name = line
            .strip_prefix(shape.prefix)
            .and_then(|l| l.strip_suffix(shape.suffix));
        let Some(name) = name else { continue };
        let taken = builder.push(shape.class, shape.scope, number, |arena| {
            let start = arena.len();
            let plain = key::push_key(arena, name)
                .is_some_and(|it| it.labels >= 2 && !it.international && !it.numeric);
            plain && (wide || !too_wide(name, &arena[start..]))
        })?;
        if taken {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says whether the rule would cover a whole public suffix.
fn too_wide(name: &[u8], key: &[u8]) -> bool {
    // `key` is lower case but reversed; only a name with capitals needs a copy.
    if name.iter().any(u8::is_ascii_uppercase) {
        let key = String::from_utf8_lossy(key);
        return is_suffix(key::reversed(&key).as_bytes());
    }
    is_suffix(name)
}
