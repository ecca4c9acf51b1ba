//! RFC 9460, HTTPS records: targets, hints, and ech for those who are filtered.

mod support;

use support::*;

/// Priority, target, then parameters in order of their keys.
fn service(target: &str, params: &[(u16, &[u8])]) -> Vec<u8> {
    let mut out = vec![0, 1];
    out.extend(wire_name(target));
    for (key, value) in params {
        out.extend(key.to_be_bytes());
        out.extend((value.len() as u16).to_be_bytes());
        out.extend_from_slice(value);
    }
    out
}

const ALPN: (u16, &[u8]) = (1, b"\x02h2");
const ECH: (u16, &[u8]) = (5, b"\xab\xcd");
const GOOD: (u16, &[u8]) = (4, &[198, 51, 100, 1]);
const BAD: (u16, &[u8]) = (4, &[203, 0, 113, 1]);

#[test]
fn ech_is_kept_from_the_filtered_and_left_to_others() {
    let engine = engine();
    let rdata = service("", &[ALPN, GOOD, ECH]);
    let mut signature = vec![0, 65];
    signature.extend([13; 40]);
    let records = [
        ("www.example", HTTPS, 300, rdata.clone()),
        ("www.example", 46, 300, signature),
    ];
    let packet = query("www.example", HTTPS);
    let reply = resolve(&engine, &packet, PUPIL, START, &records);
    assert_eq!(
        reply.answer.len(),
        1,
        "the signature over what was changed goes"
    );
    assert_eq!(reply.answer[0].rdata, service("", &[ALPN, GOOD]));
    assert_eq!(ask(&engine, &packet, PUPIL, START + 9.0).answer[0].ttl, 291);
    let reply = ask(&engine, &packet, STAFF, START);
    assert_eq!((reply.answer.len(), &reply.answer[0].rdata), (2, &rdata));
    assert_eq!(stat(&engine, "/ech_stripped"), 2);
}

#[test]
fn a_blocked_target_blocks() {
    let engine = engine();
    let records = [(
        "www.example",
        HTTPS,
        300,
        service("svc.Blocked.test", &[ALPN]),
    )];
    let reply = resolve(
        &engine,
        &query("www.example", HTTPS),
        PUPIL,
        START,
        &records,
    );
    assert_eq!((reply.answer.len(), reply.authority.len()), (0, 1));
    assert_eq!(
        ask(&engine, &query("www.example", HTTPS), STAFF, START)
            .answer
            .len(),
        1
    );
}

#[test]
fn blocked_hints_are_left_out() {
    let engine = engine();
    let records = [("www.example", HTTPS, 300, service("", &[ALPN, BAD, ECH]))];
    let packet = query("www.example", HTTPS);
    let reply = resolve(&engine, &packet, PUPIL, START, &records);
    assert_eq!(reply.answer[0].rdata, service("", &[ALPN]));
    let reply = ask(&engine, &packet, STAFF, START);
    assert_eq!(reply.answer[0].rdata, service("", &[ALPN, BAD, ECH]));
    assert_eq!(stat(&engine, "/hints_stripped"), 1);
}

#[test]
fn a_blocked_address_beside_the_record_blocks() {
    let engine = engine();
    let packet = query("www.example", HTTPS);
    park(&engine, &packet, PUPIL, START);
    let miss = one_miss(&engine);
    let mut message = answer(
        &miss.wire,
        0,
        &[("www.example", HTTPS, 300, service("", &[ALPN]))],
        &[],
    );
    let opt = message.split_off(message.len() - 11);
    message.extend(wire_name("www.example"));
    message.extend([0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 203, 0, 113, 5]);
    message.extend(opt);
    message[11] = 2;
    let replies = engine.complete(miss.miss, Some(&message), START, 0);
    assert_eq!(Reply::read(&replies[0].wire).answer.len(), 0);
}
