//! Whom to ask, in which order: a pure function over the servers' health.

use serde::Deserialize;

use super::health::Health;
use super::MOST_SERVERS;

/// Questions between two looks at whether another server has become faster.
const EXPLORE_EVERY: u64 = 64;

/// How several servers share the questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// The shortest average round trip first.
    #[default]
    Fastest,
    /// In the order they are written.
    Strict,
    /// All at once, the first good answer wins.
    Parallel,
}

/// Some servers by number, in an order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Servers {
    length: u8,
    numbers: [u8; MOST_SERVERS],
}

impl Servers {
    pub(super) fn push(&mut self, server: u8) {
        if let Some(place) = self.numbers.get_mut(usize::from(self.length)) {
            *place = server;
            self.length += 1;
        }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.numbers[..usize::from(self.length)]
    }
}

/// `order`: one after the other (all at once when parallel); `beside`: only to learn how they are
/// doing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plan {
    pub(super) order: Servers,
    pub(super) beside: Servers,
}

/// Whom to ask the question number `turn`.
pub(super) fn plan<'a>(
    strategy: Strategy,
    healths: impl Fn(u8) -> &'a Health,
    count: u8,
    turn: u64,
    now: f64,
) -> Plan {
    let mut plan = Plan::default();
    for server in (0..count).filter(|server| healths(*server).up()) {
        plan.order.push(server);
    }
    let up = usize::from(plan.order.length);
    if strategy == Strategy::Fastest && up > 1 {
        let rank = |server: &u8| healths(*server).rank();
        plan.order.numbers[..up].sort_by(|one, other| rank(one).total_cmp(&rank(other)));
        explore(&mut plan, &healths, up, turn);
    }
    for server in (0..count).filter(|server| !healths(*server).up()) {
        plan.order.push(server);
        if up > 0 && healths(server).wants_probe(now) {
            plan.beside.push(server);
        }
    }
    plan
}

/// Servers not measured yet and, now and then, the next one in turn.
fn explore<'a>(plan: &mut Plan, healths: &impl Fn(u8) -> &'a Health, up: usize, turn: u64) {
    let mut others = Servers::default();
    let mut unknown = false;
    for &server in &plan.order.numbers[1..up] {
        let health = healths(server);
        if health.probing {
            continue;
        }
        if health.rtt.is_none() {
            unknown = true;
            plan.beside.push(server);
        }
        others.push(server);
    }
    let others = others.as_slice();
    if !unknown && !others.is_empty() && turn.is_multiple_of(EXPLORE_EVERY) {
        let next = (turn / EXPLORE_EVERY) % others.len() as u64;
        plan.beside.push(others[next as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::{Strategy, *};
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    fn measured(rtts: &[Option<f64>]) -> Vec<Health> {
        let health = |rtt: &Option<f64>| {
            let mut health = Health::new();
            if let Some(rtt) = rtt {
                health.succeeded(*rtt);
            }
            health
        };
        rtts.iter().map(health).collect()
    }

    fn of(strategy: Strategy, healths: &[Health], turn: u64, now: f64) -> (Vec<u8>, Vec<u8>) {
        let at = |server: u8| &healths[usize::from(server)];
        let plan = plan(strategy, at, healths.len() as u8, turn, now);
        let list = |servers: Servers| servers.as_slice().to_vec();
        (list(plan.order), list(plan.beside))
    }

    #[test]
    fn strict_keeps_the_order_and_puts_the_down_last() {
        let mut healths = measured(&[Some(0.3), Some(0.1), Some(0.2)]);
        assert_eq!(of(Strategy::Strict, &healths, 1, 0.0).0, [0, 1, 2]);
        for _ in 0..3 {
            healths[0].failed(0.0);
        }
        assert_eq!(
            of(Strategy::Strict, &healths, 1, 0.5),
            (vec![1, 2, 0], vec![])
        );
        assert_eq!(
            of(Strategy::Strict, &healths, 1, 1.0),
            (vec![1, 2, 0], vec![0])
        );
    }

    #[test]
    fn fastest_sorts_by_round_trip_and_asks_the_unknown_beside() {
        let healths = measured(&[Some(0.3), None, Some(0.1)]);
        assert_eq!(
            of(Strategy::Fastest, &healths, 1, 0.0),
            (vec![2, 0, 1], vec![1])
        );
    }

    #[test]
    fn fastest_looks_at_each_other_server_now_and_then() {
        let healths = measured(&[Some(0.1), Some(0.2), Some(0.3)]);
        let looks = (1..=256).map(|turn| of(Strategy::Fastest, &healths, turn, 0.0).1);
        let looks: Vec<Vec<u8>> = looks.filter(|beside| !beside.is_empty()).collect();
        assert_eq!(looks, [[2], [1], [2], [1]]);
    }

    #[test]
    fn all_down_are_all_asked() {
        let mut healths = measured(&[None, None]);
        for health in &mut healths {
            (0..3).for_each(|_| health.failed(0.0));
        }
        for strategy in [Strategy::Fastest, Strategy::Strict, Strategy::Parallel] {
            assert_eq!(of(strategy, &healths, 64, 9.0), (vec![0, 1], vec![]));
        }
    }

    proptest! {
        #[test]
        fn every_server_stands_in_the_order_once(
            rtts in prop::collection::vec(prop::option::of(0.0..2.0f64), 1..=MOST_SERVERS),
            down in any::<u16>(), turn in any::<u64>(), now in 0.0..9.0f64, which in 0..3usize,
        ) {
            let mut healths = measured(&rtts);
            for (number, health) in healths.iter_mut().enumerate() {
                if down >> number & 1 == 1 {
                    (0..3).for_each(|_| health.failed(0.0));
                }
            }
            let strategy = [Strategy::Fastest, Strategy::Strict, Strategy::Parallel][which];
            let (mut order, beside) = of(strategy, &healths, turn, now);
            prop_assert!(beside.iter().all(|server| *server != order[0]));
            order.sort_unstable();
            prop_assert_eq!(order, (0..rtts.len() as u8).collect::<Vec<_>>());
        }
    }
}
