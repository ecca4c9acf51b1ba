//! What can go wrong with an index, in words that say what to do next.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An error of building, writing or opening an index.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are not a filterd index at all.
    Foreign,
    /// The index was written by another version of filterd.
    Version {
        /// Version in the file.
        found: u32,
    },
    /// The index was written on a machine of the other byte order.
    ByteOrder,
    /// The index is truncated or changed; the text says where.
    Damaged(String),
    /// An order's patterns do not read; the text says why.
    Patterns(String),
    /// A pattern is not a normalised domain name.
    Name(String),
    /// A rule's host and path are no URL that an index can hold.
    Url(String),
    /// A list of hashed URLs, or a file of them, that cannot be used; the text says why.
    Hashed(String),
    /// The regex engine refuses a pattern; the text is its reason, on one line.
    Regex(String),
    /// A text is neither an address nor a network in CIDR notation.
    Network(String),
    /// The class does not fit the index (it holds 30 bits).
    Class(u32),
    /// More rules than one index can hold.
    TooBig,
}

/// The result of building, writing or opening an index.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn io(path: &Path, source: io::Error) -> Error {
        Error::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn damaged(place: impl Into<String>) -> Error {
        Error::Damaged(place.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Error::Foreign => f.write_str("not a filterd index; compile the rules to make one"),
            Error::Version { found } => write!(
                f,
                "index version {found}, this build reads version {}; compile the rules again",
                crate::CONTAINER_VERSION
            ),
            Error::ByteOrder => {
                f.write_str("index of a machine of the other byte order; compile the rules here")
            }
            Error::Patterns(why) => write!(f, "patterns that do not read: {why}"),
            Error::Damaged(place) => {
                write!(
                    f,
                    "damaged index ({place}); delete it and compile the rules again"
                )
            }
            Error::Name(text) => write!(f, "not a normalised domain name: {text:?}"),
            Error::Url(text) => write!(
                f,
                "not a host of at most 228 characters and a path: {text:?}"
            ),
            Error::Hashed(why) => write!(f, "hashed URLs: {why}"),
            Error::Regex(reason) => write!(f, "regex refused: {reason}"),
            Error::Network(text) => {
                write!(
                    f,
                    "neither an address nor a network in CIDR notation: {text:?}"
                )
            }
            Error::Class(class) => {
                write!(f, "class {class} is above {}", crate::MAX_CLASS)
            }
            Error::TooBig => {
                f.write_str("more than 4 GiB of names; split the rules in two indexes")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
