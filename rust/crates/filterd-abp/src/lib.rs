//! Rules in the syntax of Adblock Plus and uBlock Origin, for URLs: Brave's matcher
//! (`adblock`, MPL-2.0) behind the few words that filterd needs.
//!
//! * [`Abp`]: lists in, verdicts out. Each list has a *class*, a number that means nothing here;
//!   lists of one class are matched together, so whoever asks may name the classes that count.
//! * [`Counts`]: what was taken of a list, and what was not and why ([`lines`](mod@lines)).
//! * `need`: what a request must have for a rule to match it; without it the matcher is not asked.
//! * `file`: all of it as bytes, checked before use.
//!
//! It keeps no policy and does no I/O but [`Abp::save`] and [`Abp::open`].

mod abp;
mod asked;
mod conditions;
mod error;
mod file;
pub mod lines;
mod need;

pub use abp::{Abp, Kind, List, Match, Request, MAX_LISTS_BYTES, MAX_URL};
pub use error::{Error, Result};
pub use file::MAX_FILE;
pub use lines::Counts;
