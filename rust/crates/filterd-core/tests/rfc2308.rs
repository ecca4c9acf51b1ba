//! RFC 2308: how long "no such name" and "no such data" are believed.

mod support;

use support::*;

fn negative(rcode: u8, authority: &[Rr<'_>]) -> (filterd_core::engine::Desk, Vec<u8>, Reply) {
    let engine = engine_with(r#"{"negative_ttl":200}"#, NULL);
    let packet = query("no.example", A);
    park(&engine, &packet, PUPIL, START);
    let miss = one_miss(&engine);
    let replies = engine.complete(
        miss.miss,
        Some(&answer(&miss.wire, rcode, &[], authority)),
        START,
        0,
    );
    (engine, packet, Reply::read(&replies[0].wire))
}

#[test]
fn the_lesser_of_the_soas_ttl_and_minimum_counts() {
    for (ttl, minimum, kept) in [(100, 50, 50), (50, 100, 50), (5000, 5000, 200)] {
        for rcode in [0, 3] {
            let (engine, packet, reply) = negative(rcode, &[("example", SOA, ttl, soa(minimum))]);
            assert_eq!(reply.rcode(), u16::from(rcode));
            let reply = ask(&engine, &packet, PUPIL, START + f64::from(kept) - 1.0);
            assert_eq!(
                (reply.rcode(), reply.authority.len()),
                (u16::from(rcode), 1)
            );
            park(&engine, &packet, PUPIL, START + f64::from(kept));
        }
    }
}

#[test]
fn the_ttl_sent_is_no_longer_than_the_time_it_is_kept() {
    let (engine, packet, reply) = negative(3, &[("example", SOA, 100, soa(50))]);
    assert_eq!(reply.authority[0].ttl, 50);
    assert_eq!(
        ask(&engine, &packet, PUPIL, START + 20.0).authority[0].ttl,
        30
    );
}

#[test]
fn without_an_soa_it_is_not_kept() {
    for rcode in [0, 3] {
        let (engine, packet, reply) = negative(rcode, &[]);
        assert_eq!(reply.rcode(), u16::from(rcode));
        park(&engine, &packet, PUPIL, START);
    }
}

#[test]
fn a_block_says_how_long_to_believe_it() {
    for (style, rcode) in [("nxdomain", 3), ("nodata", 0)] {
        let engine = engine_with("{}", &format!(r#"{{"style":"{style}","ttl":45}}"#));
        let reply = ask(&engine, &query("blocked.test", A), PUPIL, START);
        let authority = &reply.authority[0];
        assert_eq!(
            (
                reply.rcode(),
                reply.answer.len(),
                authority.rtype,
                authority.ttl
            ),
            (rcode, 0, SOA, 45)
        );
        assert_eq!(
            authority.target,
            "filterd.invalid hostmaster.filterd.invalid"
        );
        assert_eq!(
            authority.rdata[authority.rdata.len() - 4..],
            45u32.to_be_bytes()
        );
    }
}

#[test]
fn block_styles() {
    let refused = engine_with("{}", r#"{"style":"refused","ttl":45}"#);
    let reply = ask(&refused, &query("blocked.test", A), PUPIL, START);
    assert_eq!((reply.rcode(), reply.authority.len()), (5, 0));
    let page = engine_with("{}", r#"{"style":"address","ttl":45,"ipv4":"192.0.2.5"}"#);
    let reply = ask(&page, &query("blocked.test", A), PUPIL, START);
    assert_eq!(
        (reply.answer[0].ttl, &reply.answer[0].rdata[..]),
        (45, &[192, 0, 2, 5][..])
    );
    for qtype in [AAAA, HTTPS, 16] {
        let reply = ask(&page, &query("blocked.test", qtype), PUPIL, START);
        assert_eq!(
            (reply.rcode(), reply.answer.len(), reply.authority.len()),
            (0, 0, 1)
        );
    }
    let null = engine_with("{}", NULL);
    assert_eq!(
        ask(&null, &query("blocked.test", AAAA), PUPIL, START).answer[0].rdata,
        [0; 16]
    );
}

#[test]
fn no_ttl_reaches_over_a_switch_of_the_schedule() {
    let switch = START as i64 + 20;
    let settings = filterd_core::engine::Settings::default();
    let engine =
        filterd_core::engine::Desk::new(snapshot_of(rules(), NULL, Some(switch), 1), settings);
    assert_eq!(
        ask(&engine, &query("blocked.test", A), PUPIL, START).answer[0].ttl,
        20
    );
    let records = [("www.example", A, 300, vec![198, 51, 100, 1])];
    let reply = resolve(&engine, &query("www.example", A), PUPIL, START, &records);
    assert_eq!(reply.answer[0].ttl, 20);
    assert_eq!(
        ask(&engine, &query("www.example", A), STAFF, START).answer[0].ttl,
        300
    );
    // After the switch nothing applies to pupils.
    park(&engine, &query("blocked.test", A), PUPIL, START + 20.0);
}
