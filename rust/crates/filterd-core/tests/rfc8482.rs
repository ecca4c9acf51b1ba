//! RFC 8482: a minimal answer to a question for any type.

mod support;

use support::*;

#[test]
fn any_is_answered_with_hinfo_and_asks_nobody() {
    let engine = engine();
    for name in ["www.example", "blocked.test"] {
        let reply = ask(&engine, &query(name, 255), PUPIL, START);
        let record = &reply.answer[0];
        assert_eq!(
            (&record.owner[..], record.rtype, record.ttl),
            (name, 13, 3600)
        );
        assert_eq!(record.rdata, b"\x07RFC8482\x00");
    }
    assert!(!engine.has_misses());
}
