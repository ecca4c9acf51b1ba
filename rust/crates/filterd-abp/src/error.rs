//! What can go wrong, in words that say what to do next.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An error of building, saving, opening or asking.
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
    /// The bytes are no such file at all.
    Foreign,
    /// The file is of another version of filterd or of the matcher.
    Version(String),
    /// The file is truncated or changed; the text says where.
    Damaged(&'static str),
    /// More than one set of lists, or one file, may hold.
    TooBig,
    /// The matcher gave up in the middle, which is a mistake in it.
    Failed,
    /// The URL is none with a host.
    Url,
}

/// The result of building, saving, opening or asking.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn io(path: &Path, source: io::Error) -> Error {
        Error::Io {
            path: path.to_owned(),
            source,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Error::Foreign => f.write_str("not a file of ABP rules; compile the lists again"),
            Error::Version(found) => write!(
                f,
                "ABP rules of another version ({found}); compile the lists again"
            ),
            Error::Damaged(place) => {
                write!(f, "damaged ABP rules ({place}); compile the lists again")
            }
            Error::TooBig => f.write_str("the lists of ABP rules are too big; leave one out"),
            Error::Failed => f.write_str("the matcher of ABP rules failed; open the file again"),
            Error::Url => f.write_str("not a URL with a host"),
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
