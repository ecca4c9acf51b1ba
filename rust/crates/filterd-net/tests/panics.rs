//! A fault of the program's own, met by a thread while it answers: that client hears nothing, the
//! fault is counted, the thread goes on.
//!
//! The fault is in a route, which is a closure that only this test hands in; it strikes while the
//! engine's lock on waiting questions is held, which is the worst place for one.

mod support;

use std::time::{Duration, Instant};

use support::{ask, client, question, Node};

const FAULT: &[u8] = b"\x05fault";

#[test]
fn a_thread_survives_its_panics_and_counts_them() {
    let node = Node::start();
    let route = |name: &[u8]| {
        assert!(!name.starts_with(FAULT), "a fault of this test's own");
        false
    };
    node.shared.engine.set_route(Some(Box::new(route)));
    let mut panics = 0;
    for to in &node.addresses {
        for number in 0..10 {
            let socket = client(*to);
            assert_eq!(ask(&socket, "www.pass.test"), Some(vec![192, 0, 2, 1]));
            let faulty = question(1, &format!("fault.n{panics}.test"));
            socket.send(&faulty).expect("sent");
            panics += 1;
            assert_eq!(ask(&socket, "blocked.test"), Some(vec![0; 4]));
            let fresh = format!("n{number}.v{}.test", to.is_ipv6());
            assert_eq!(ask(&socket, &fresh), Some(vec![192, 0, 2, 1]));
        }
    }
    let give_up = Instant::now() + Duration::from_secs(10);
    while node.stat("/panics") < panics {
        assert!(Instant::now() < give_up, "{}", node.stats());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(node.stat("/panics"), panics);
    assert_eq!(node.workers.running(), 3);
}
