//! RFC 1035, with RFC 2181, 6840, 9619: headers, questions, errors, truncation.

mod support;

use filterd_core::engine::Outcome;
use support::*;

fn reply_to(packet: &[u8]) -> Reply {
    ask(&engine(), packet, PUPIL, START)
}

#[test]
fn the_header_of_a_reply() {
    // RD and CD are copied, RA is set, AA is not, the id is the client's.
    let mut packet = query("blocked.test", A);
    packet[3] |= 0x10;
    let reply = reply_to(&packet);
    assert_eq!(reply.id, 0x1234);
    assert_eq!(reply.flags, 0x8000 | 0x0100 | 0x0080 | 0x0010);
    packet[2] = 0;
    assert_eq!(reply_to(&packet).flags & 0x0100, 0);
}

#[test]
fn a_response_or_a_scrap_is_not_answered() {
    let engine = engine();
    let mut response = query("blocked.test", A);
    response[2] |= 0x80;
    for packet in [&response[..], b"", b"\x12", &query("blocked.test", A)[..11]] {
        let mut out = Vec::new();
        assert_eq!(
            engine.handle(packet, PUPIL, START, 0, &mut out),
            Outcome::Drop
        );
        assert!(out.is_empty());
    }
    assert_eq!(stat(&engine, "/malformed/dropped"), 4);
}

#[test]
fn another_opcode_is_not_implemented() {
    let mut packet = query("blocked.test", A);
    packet[2] |= 5 << 3;
    let reply = reply_to(&packet);
    assert_eq!(
        (reply.rcode(), reply.flags >> 11 & 15, reply.question.len()),
        (4, 5, 0)
    );
}

#[test]
fn a_query_has_one_question_and_nothing_behind_it() {
    let mut none = query("blocked.test", A);
    none[5] = 0;
    let mut two = query("blocked.test", A);
    two[5] = 2;
    two.extend_from_slice(&query("blocked.test", A)[12..]);
    let mut trailing = query("blocked.test", A);
    trailing.push(0);
    let mut promised = query("blocked.test", A);
    promised[11] = 1;
    let mut answered = query("blocked.test", A);
    answered[7] = 1;
    answered.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
    let pointer = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01".to_vec();
    for packet in [none, two, trailing, promised, answered, pointer] {
        assert_eq!(reply_to(&packet).rcode(), 1, "{packet:?}");
    }
}

#[test]
fn other_classes_and_transfers_are_refused() {
    let mut version = query("version.bind", 16);
    let end = version.len();
    version[end - 1] = 3;
    assert_eq!(reply_to(&version).rcode(), 5);
    for (qtype, rcode) in [
        (252, 5),
        (251, 5),
        (253, 5),
        (254, 5),
        (249, 5),
        (250, 1),
        (41, 1),
        (0, 1),
    ] {
        assert_eq!(
            reply_to(&query("www.example", qtype)).rcode(),
            rcode,
            "{qtype}"
        );
    }
}

#[test]
fn ttls_count_down_and_an_entry_ends_with_the_least() {
    let engine = engine();
    let packet = query("www.example", A);
    let records = [
        ("www.example", CNAME, 300, wire_name("x.example")),
        ("x.example", A, 100, vec![198, 51, 100, 1]),
    ];
    let reply = resolve(&engine, &packet, PUPIL, START, &records);
    assert_eq!([reply.answer[0].ttl, reply.answer[1].ttl], [300, 100]);
    let reply = ask(&engine, &packet, PUPIL, START + 40.5);
    assert_eq!([reply.answer[0].ttl, reply.answer[1].ttl], [260, 60]);
    assert_eq!(ask(&engine, &packet, PUPIL, START + 99.9).answer[1].ttl, 1);
    park(&engine, &packet, PUPIL, START + 100.0);
}

#[test]
fn a_ttl_of_zero_is_passed_on_and_not_kept() {
    let engine = engine();
    let packet = query("www.example", A);
    let reply = resolve(
        &engine,
        &packet,
        PUPIL,
        START,
        &[("www.example", A, 0, vec![198, 51, 100, 1])],
    );
    assert_eq!((reply.answer[0].ttl, reply.ede()), (0, None));
    park(&engine, &packet, PUPIL, START);
}

#[test]
fn a_ttl_with_its_top_bit_set_is_zero() {
    let engine = engine();
    let records = [("www.example", A, 0x8000_0000, vec![198, 51, 100, 1])];
    let reply = resolve(&engine, &query("www.example", A), PUPIL, START, &records);
    assert_eq!(reply.answer[0].ttl, 0);
}

#[test]
fn ttls_are_held_within_limits() {
    let engine = engine_with(r#"{"min_ttl":30,"max_ttl":100}"#, NULL);
    let records = [
        ("w.example", A, 5, vec![198, 51, 100, 1]),
        ("w.example", A, 5000, vec![198, 51, 100, 2]),
    ];
    let reply = resolve(&engine, &query("w.example", A), PUPIL, START, &records);
    assert_eq!([reply.answer[0].ttl, reply.answer[1].ttl], [30, 100]);
    assert_eq!(
        ask(&engine, &query("w.example", A), PUPIL, START + 29.0).answer[0].ttl,
        1
    );
}

#[test]
fn what_does_not_fit_is_truncated_over_udp_only() {
    let engine = engine();
    let packet = query("www.example", A);
    let records: Vec<Rr<'_>> = (0..60)
        .map(|i| ("www.example", A, 300, vec![198, 51, 100, i]))
        .collect();
    let reply = resolve(&engine, &packet, PUPIL, START, &records);
    assert!(reply.tc() && reply.answer.is_empty() && reply.bytes.len() <= 512);
    let mut out = Vec::new();
    assert_eq!(
        engine.handle(&packet, PUPIL, START, 1, &mut out),
        Outcome::Reply
    );
    let reply = Reply::read(&out);
    assert!(!reply.tc());
    assert_eq!(reply.answer.len(), 60);
}

#[test]
fn answers_that_do_not_fit_their_question_are_not_used() {
    let good = |question: &[u8]| {
        answer(
            question,
            0,
            &[("www.example", A, 300, vec![198, 51, 100, 1])],
            &[],
        )
    };
    type Spoil = fn(&mut Vec<u8>);
    let spoilers: [(&str, Spoil); 9] = [
        ("no response", |m| m[2] &= 0x7f),
        ("truncated", |m| m[2] |= 2),
        ("another opcode", |m| m[2] |= 8),
        ("another name", |m| m[13] = b'x'),
        ("another type", |m| m[26] = 28),
        ("cut off", |m| m.truncate(40)),
        ("more promised", |m| m[7] = 9),
        ("an address of three bytes", |m| {
            let at = m.len() - 11 - 5;
            m[at] = 3;
            m.remove(at + 1);
        }),
        ("empty", Vec::clear),
    ];
    for (what, spoil) in spoilers {
        let engine = engine();
        let token = park(&engine, &query("www.example", A), PUPIL, START);
        let miss = one_miss(&engine);
        let mut message = good(&miss.wire);
        spoil(&mut message);
        let replies = engine.complete(miss.miss, Some(&message), START, 0);
        assert_eq!(replies[0].token, token, "{what}");
        assert_eq!(Reply::read(&replies[0].wire).rcode(), 2, "{what}");
        assert_eq!(stat(&engine, "/answers_unusable"), 1, "{what}");
    }
}

#[test]
fn an_answer_may_spell_the_question_as_it_likes() {
    let engine = engine();
    let token = park(&engine, &query("wwW.example", A), PUPIL, START);
    let miss = one_miss(&engine);
    let mut message = answer(
        &miss.wire,
        0,
        &[("www.example", A, 300, vec![198, 51, 100, 1])],
        &[],
    );
    message[13] = b'W';
    let replies = engine.complete(miss.miss, Some(&message), START, 0);
    assert_eq!(replies[0].token, token);
    assert_eq!(
        Reply::read(&replies[0].wire).question,
        query("wwW.example", A)[12..]
    );
}

#[test]
fn ad_goes_only_to_those_who_ask_for_it() {
    // RFC 6840 section 5.8.
    let engine = engine();
    park(&engine, &query("www.example", A), PUPIL, START);
    let miss = one_miss(&engine);
    assert_eq!(miss.wire[3] & 0x20, 0x20, "AD is set in queries");
    let mut message = answer(
        &miss.wire,
        0,
        &[("www.example", A, 300, vec![198, 51, 100, 1])],
        &[],
    );
    message[3] |= 0x20;
    let replies = engine.complete(miss.miss, Some(&message), START, 0);
    assert_eq!(Reply::read(&replies[0].wire).flags & 0x20, 0);
    let mut wants = query("www.example", A);
    wants[3] |= 0x20;
    assert_eq!(ask(&engine, &wants, PUPIL, START).flags & 0x20, 0x20);
}
