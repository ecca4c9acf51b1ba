//! Bytes of a query to a verdict to bytes of a reply.
//!
//! The core holds no policy of its own. An index (crate `filterd-index`) says which classes of
//! rules match a name; the *plan*, compiled by Python, says what each class means for each group
//! at each time; a [`snapshot::Snapshot`] is the two together, immutable and swapped whole. The
//! engine parses a query, asks the snapshot, answers from the cache or parks a miss.
//!
//! Nothing here opens a socket, starts a thread or reads a clock: time is handed in.
#![forbid(unsafe_code)]

pub mod clients;
pub mod decide;
pub mod gate;
pub mod guard;
pub mod matches;
pub mod plan;
mod plan_json;
pub mod proxy;
pub mod rdata;
pub mod snapshot;

mod answer;
pub mod bands;
mod cache;
pub mod engine;
pub mod events;
pub mod forward;
mod hash;
mod reply;
mod stats;
mod tally;
pub mod urls;
mod wire;

/// For what looks at parts of the core from outside, such as `examples/query_cost.rs`: no promises.
#[doc(hidden)]
pub mod fuzzing {
    use std::hint::black_box;

    use crate::wire::query::Query;

    /// Reads packets one after another into the same place, as a lane does.
    pub struct Reader(Query);

    impl Default for Reader {
        fn default() -> Self {
            Self(Query::empty())
        }
    }

    impl Reader {
        /// Read a packet from a client; whether it can be answered as a question.
        #[must_use]
        pub fn read(&mut self, packet: &[u8]) -> bool {
            let read = self.0.read(packet).is_ok();
            black_box(&self.0);
            read
        }
    }
}
