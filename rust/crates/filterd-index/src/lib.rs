//! The rule index of filterd: names, URLs, regexes and networks in one immutable, mapped file.
//!
//! An [`IndexBuilder`] collects patterns, each with a *class* (a number that means nothing here),
//! and writes one file. An [`Index`] maps it and says which classes match a name or an address.
//! Reading order: `key` (how a name is spelled), `builder`, `gather` (names in order), `trie`
//! (names in few bytes), `file` (the container), `index`. For URLs: `url` and `host` (how one is spelled),
//! `paths` (which keys its rules have). Beside it stand lists of hashed URLs, in a file of their own:
//! `hashed`, `expressions`.

#![deny(unsafe_code)]

mod builder;
mod cursor;
mod error;
mod expressions;
mod file;
mod gather;
mod hashed;
mod hashed_file;
mod hmac;
mod host;
mod index;
mod keep;
mod key;
mod lines;
mod listing;
mod map;
mod names;
mod networks;
mod out;
mod paths;
mod patterns;
#[allow(unsafe_code)]
mod prefetch;
mod regexes;
mod runs;
mod sets;
mod skim;
mod suffix;
mod trie;
mod url;
mod write;

pub use builder::IndexBuilder;
pub use error::{Error, Result};
pub use file::CONTAINER_VERSION;
pub use hashed::{
    HashedHit, HashedList, HashedUrls, MAX_HASHED_ENTRIES, MAX_HASHED_LISTS, PREFIX_BYTES,
    SALT_BYTES,
};
pub use index::{Found, FoundKind, Index};
pub use key::{MAX_LABEL, MAX_NAME};
pub use names::{Hit, Scope};
pub use networks::{NetworkHit, Trigger};
pub use paths::UrlHit;
pub use patterns::{Broad, Limits, NameSet, Patterns};
pub use prefetch::{large_pages, prefetch};
pub use regexes::{check_regex, RegexHit};
pub use sets::MAX_CLASS;
pub use skim::{LineShape, Skimmed};
pub use suffix::public_suffix;
pub use url::{Url, MAX_URL};

/// For fuzz targets only: a way past the checksum.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::file::with_header;
    pub use crate::hashed_file::with_header as with_hashed_header;
}
