//! Queries made hard to guess, answers held against them.
//!
//! A query goes out with a random id and random letter case in its name (0x20 bits). An answer is
//! taken only if id, opcode and question agree, and goes on with id 0 and the question spelt as it
//! was asked, so nobody above sees either trick. Bytes as in `filterd/upstream/message.py`.

use chacha20::rand_core::Rng;
use chacha20::ChaCha12Rng;

use crate::wire::{flag, name, rcode, u16_at, HEADER};

/// RFC 1035 section 2.3.4.
const PLAIN_UDP: usize = 512;

/// Largest answer read; more is as good as a lie.
pub const LARGEST: usize = 4096;

/// Longest query taken: the longest name, an OPT and some options.
const LONGEST: usize = 512;

const CASE: u8 = 0x20;

/// Where things stand in a query.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// Where the question's name ends.
    pub(super) name_end: usize,
    /// Octets of the largest answer the query allows over UDP.
    pub(super) limit: usize,
}

impl Shape {
    /// Read `query`; `None` if it is not one question after a header.
    pub(super) fn of(query: &[u8]) -> Option<Self> {
        let name_end = name::end_of_plain(query, HEADER)?;
        let end = name_end + 4;
        if u16_at(query, 4)? != 1 || query.len() < end || query.len() > LONGEST {
            return None;
        }
        let has_opt = query.get(end..end + 3) == Some(&[0, 0, 41]);
        let size = u16_at(query, end + 3).filter(|_| has_opt).unwrap_or(0);
        Some(Self {
            name_end,
            limit: PLAIN_UDP.max(size.into()).min(LARGEST),
        })
    }

    fn end(self) -> usize {
        self.name_end + 4
    }
}

/// Write `query` into `wire` with a random id and, with `mix`, random letter case.
pub(super) fn prepare(
    query: &[u8],
    shape: Shape,
    rng: &mut ChaCha12Rng,
    mix: bool,
    wire: &mut Vec<u8>,
) {
    wire.clear();
    wire.extend_from_slice(query);
    draw_id(wire, rng);
    if !mix {
        return;
    }
    let Some(name) = wire.get_mut(HEADER..shape.name_end) else {
        return;
    };
    for part in name.chunks_mut(64) {
        let mut bits = rng.next_u64();
        for byte in part {
            // Length bytes are below 64, so they are no letters.
            if byte.is_ascii_alphabetic() {
                *byte = *byte & !CASE | (bits as u8 & CASE);
            }
            bits = bits.rotate_right(1);
        }
    }
}

/// Give `wire` another random id.
pub(super) fn draw_id(wire: &mut [u8], rng: &mut ChaCha12Rng) {
    let [high, low, ..] = rng.next_u32().to_be_bytes();
    if let Some(place) = wire.get_mut(..2) {
        place.copy_from_slice(&[high, low]);
    }
}

/// The id of a message; 0 for what has none.
pub(super) fn id(message: &[u8]) -> u16 {
    u16_at(message, 0).unwrap_or(0)
}

/// How an answer fits what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Another question.
    Alien,
    /// The same but for letter case.
    Case,
    /// The question as it went out.
    Exact,
}

/// Say how `answer` fits the query `sent`, whose id it has.
pub(super) fn fits(sent: &[u8], shape: Shape, answer: &[u8]) -> Fit {
    let flags = u16_at(answer, 2).unwrap_or(0);
    if answer.len() < HEADER
        || flags & flag::QR == 0
        || flags & flag::OPCODE != 0
        || u16_at(answer, 4) != Some(1)
    {
        return Fit::Alien;
    }
    let question = sent.get(HEADER..shape.end());
    let seen = answer.get(HEADER..shape.end());
    let (Some(question), Some(seen)) = (question, seen) else {
        return Fit::Alien;
    };
    if seen == question {
        return Fit::Exact;
    }
    let (name, rest) = question.split_at(shape.name_end - HEADER);
    let (seen_name, seen_rest) = seen.split_at(shape.name_end - HEADER);
    if seen_rest == rest && seen_name.eq_ignore_ascii_case(name) {
        Fit::Case
    } else {
        Fit::Alien
    }
}

/// Append a fitting `answer` to `out`, with id 0 and the question as it stands in `query`. Returns
/// how many octets.
pub(super) fn restore(query: &[u8], shape: Shape, answer: &[u8], out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(answer);
    if let Some(id) = out.get_mut(start..start + 2) {
        id.fill(0);
    }
    let question = query.get(HEADER..shape.end());
    let place = out.get_mut(start + HEADER..start + shape.end());
    if let (Some(question), Some(place)) = (question, place) {
        place.copy_from_slice(question);
    }
    answer.len()
}

/// Whether this can be a DNS response at all.
pub(super) fn is_response(message: &[u8]) -> bool {
    message.len() >= HEADER && message[2] & 0x80 != 0
}

/// Whether the TC bit is set.
pub(super) fn truncated(answer: &[u8]) -> bool {
    u16_at(answer, 2).is_some_and(|flags| flags & flag::TC != 0)
}

/// The four bits of the header's response code.
pub(super) fn code(answer: &[u8]) -> u8 {
    u16_at(answer, 2).map_or(rcode::SERVFAIL, |flags| (flags & flag::RCODE) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chacha20::rand_core::SeedableRng;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const QUERY: &[u8] =
        b"\0\0\x01\x20\0\x01\0\0\0\0\0\x01\x03www\x07example\x04test\0\0\x01\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\0";

    fn sent(seed: u8, mix: bool) -> (Shape, Vec<u8>) {
        let shape = Shape::of(QUERY).expect("a query");
        let mut wire = Vec::new();
        let mut rng = ChaCha12Rng::from_seed([seed; 32]);
        prepare(QUERY, shape, &mut rng, mix, &mut wire);
        (shape, wire)
    }

    fn answered(wire: &[u8]) -> Vec<u8> {
        let mut answer = wire.to_vec();
        answer[2] |= 0x80;
        answer
    }

    #[test]
    fn case_and_id_change_nothing_that_matters() {
        let (shape, wire) = sent(1, true);
        assert_eq!(shape.limit, 1232);
        assert_ne!(wire[HEADER..], QUERY[HEADER..]);
        assert_eq!(
            wire[HEADER..].to_ascii_lowercase(),
            QUERY[HEADER..].to_ascii_lowercase()
        );
        assert_eq!(wire[shape.name_end..], QUERY[shape.name_end..]);
        assert_eq!(wire[2..HEADER], QUERY[2..HEADER]);
    }

    #[test]
    fn ids_and_both_cases_of_each_letter_are_drawn() {
        let mut ids = HashSet::new();
        let mut seen = vec![0u8; QUERY.len()];
        let shape = Shape::of(QUERY).expect("a query");
        let mut rng = ChaCha12Rng::from_seed([3; 32]);
        let mut wire = Vec::new();
        for _ in 0..200 {
            prepare(QUERY, shape, &mut rng, true, &mut wire);
            ids.insert([wire[0], wire[1]]);
            for (place, byte) in seen.iter_mut().zip(&wire) {
                *place |= if byte.is_ascii_uppercase() { 1 } else { 2 };
            }
        }
        assert!(ids.len() > 190);
        let letters = (HEADER..shape.name_end).filter(|at| QUERY[*at].is_ascii_alphabetic());
        assert!(letters.clone().count() == 14 && letters.into_iter().all(|at| seen[at] == 3));
    }

    #[test]
    fn an_answer_comes_back_with_id_0_and_the_question_as_asked() {
        let (shape, wire) = sent(5, true);
        let mut answer = answered(&wire);
        assert_eq!(fits(&wire, shape, &answer), Fit::Exact);
        let mut out = vec![9];
        let length = restore(QUERY, shape, &answer, &mut out);
        assert_eq!(length, answer.len());
        assert_eq!(out[1..], answered(QUERY));
        answer[HEADER + 1] ^= CASE;
        assert_eq!(fits(&wire, shape, &answer), Fit::Case);
    }

    #[test]
    fn what_does_not_fit() {
        let (shape, wire) = sent(7, true);
        let good = answered(&wire);
        for (at, bit) in [
            (2, 0x80),
            (2, 0x08),
            (5, 2),
            (HEADER + 1, 1),
            (shape.name_end + 1, 1),
        ] {
            let mut bad = good.clone();
            bad[at] ^= bit;
            assert_eq!(fits(&wire, shape, &bad), Fit::Alien, "{at}");
        }
        assert_eq!(fits(&wire, shape, &good[..shape.name_end + 3]), Fit::Alien);
    }

    #[test]
    fn the_limit_is_what_the_query_says_but_never_below_512_or_above_what_is_read() {
        for (size, limit) in [(0, 512), (600, 600), (65_535, LARGEST)] {
            let mut query = QUERY.to_vec();
            let end = Shape::of(QUERY).expect("a query").end();
            query[end + 3..end + 5].copy_from_slice(&u16::to_be_bytes(size));
            assert_eq!(Shape::of(&query).expect("a query").limit, limit);
        }
        let end = Shape::of(QUERY).expect("a query").end();
        assert_eq!(Shape::of(&QUERY[..end]).expect("a query").limit, 512);
        assert!(Shape::of(&QUERY[..end - 1]).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let (shape, wire) = sent(1, true);
            fits(&wire, shape, &bytes);
            truncated(&bytes);
            code(&bytes);
            is_response(&bytes);
            if let Some(shape) = Shape::of(&bytes) {
                let mut wire = Vec::new();
                prepare(&bytes, shape, &mut ChaCha12Rng::from_seed([1; 32]), true, &mut wire);
                prop_assert_eq!(wire.len(), bytes.len());
                prop_assert_ne!(fits(&wire, shape, &answered(&wire)), Fit::Case);
            }
        }
    }
}
