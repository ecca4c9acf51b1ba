//! Whatever comes in whatever order: every question ends once, and nothing grows past its bound.

mod forward_support;

use filterd_core::forward::{Fault, MOST_PORTS};
use forward_support::{
    good, lower_case, lying_id, lying_question, oversized, reply, truncated, Net,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Ask(u8),
    Answer(u16, u8),
    Noise(u16, Vec<u8>),
    Refuse(u16, bool),
    Pass(f64),
    LoseCase(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..40u8).prop_map(Step::Ask),
        6 => (any::<u16>(), any::<u8>()).prop_map(|(which, how)| Step::Answer(which, how)),
        1 => (any::<u16>(), prop::collection::vec(any::<u8>(), 0..64))
            .prop_map(|(which, bytes)| Step::Noise(which, bytes)),
        1 => (any::<u16>(), any::<bool>()).prop_map(|(which, closed)| Step::Refuse(which, closed)),
        3 => (0.0..0.7f64).prop_map(Step::Pass),
        1 => (4.0..30.0f64).prop_map(Step::Pass),
        1 => (0..20u8).prop_map(Step::LoseCase),
    ]
}

type Answer = fn(&[u8]) -> Vec<u8>;

const ANSWERS: [Answer; 9] = [
    good,
    good,
    truncated,
    lower_case,
    lying_id,
    lying_question,
    oversized,
    |query| reply(query, 2),
    |query| reply(query, 5),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_question_ends_once(
        servers in 1..=4u8,
        strategy in prop::sample::select(vec!["fastest", "strict", "parallel"]),
        most in 1..200usize,
        fails_to_open in prop::sample::select(vec![0usize, 0, 3, 7]),
        steps in prop::collection::vec(step(), 1..80),
        hand_over in any::<bool>(),
    ) {
        let mut net = Net::with(servers, strategy, most);
        net.fails_to_open = fails_to_open;
        let mut asked = 0;
        for step in steps {
            let pick = |which: u16| {
                let count = net.sent.len();
                (count > 0).then(|| net.sent[usize::from(which) % count].clone())
            };
            match step {
                Step::Ask(count) => for _ in 0..count {
                    net.ask(asked, &format!("n{asked}.example.test"));
                    asked += 1;
                },
                Step::Answer(which, how) => if let Some(sent) = pick(which) {
                    net.answer(&sent, ANSWERS[usize::from(how) % ANSWERS.len()]);
                },
                Step::Noise(which, bytes) => if let Some(sent) = pick(which) {
                    net.receive(sent.port, &bytes);
                },
                Step::Refuse(which, closed) => if let Some(sent) = pick(which) {
                    let fault = if closed { Fault::Refused } else { Fault::Unreachable };
                    net.forward.refused(sent.port, fault, net.now);
                    net.settle();
                },
                Step::Pass(seconds) => net.pass(seconds),
                Step::LoseCase(server) => net.forward.loses_case(server.into(), net.now),
            }
            prop_assert!(net.forward.in_flight() <= most);
            prop_assert!(net.open.len() <= MOST_PORTS / usize::from(servers) * usize::from(servers));
            let ended = net.ends.len() as u64;
            prop_assert_eq!(asked - ended, net.forward.in_flight() as u64);
        }
        if hand_over {
            net.forward.hand_over(net.now);
            net.settle();
            prop_assert!(net.open.is_empty());
        } else {
            net.pass(12.0);
            prop_assert!(net.open.len() <= 8 * usize::from(servers));
        }
        prop_assert_eq!(net.forward.in_flight(), 0);
        prop_assert_eq!(net.forward.next_tick(), None);
        prop_assert!((0..asked).all(|miss| net.end(miss).is_some()));
        net.stale.sort_unstable();
        let told = net.stale.len();
        net.stale.dedup();
        prop_assert_eq!(net.stale.len(), told);
    }
}
