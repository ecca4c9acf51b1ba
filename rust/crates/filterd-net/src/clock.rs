//! The two clocks.

use filterd_core::engine::Now;
use rustix::time::{clock_gettime, ClockId};

/// The time now. `steady` is CLOCK_MONOTONIC, the same that Python's `time.monotonic` reads.
#[must_use]
pub fn now() -> Now {
    let seconds = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    };
    Now {
        unix: seconds(ClockId::Realtime),
        steady: seconds(ClockId::Monotonic),
    }
}
