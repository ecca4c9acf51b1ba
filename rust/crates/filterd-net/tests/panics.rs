//! A fault of the program's own, met by a thread while it answers: that client hears nothing, the
//! fault is counted, the thread goes on.
//!
//! The fault is in a route, which is a closure that only this test hands in; it strikes while the
//! engine's lock on waiting questions is held, which is the worst place for one.

#[path = "hammer/node.rs"]
mod node;

use std::time::{Duration, Instant};

use filterd_net::workers::{Post, Workers};
use node::{ask, client, question, Node};

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

#[test]
fn who_was_parked_before_a_fault_of_the_same_batch_is_not_forgotten() {
    let mut node = Node::start();
    let route = |name: &[u8]| {
        assert!(!name.starts_with(FAULT), "a fault of this test's own");
        false
    };
    node.shared.engine.set_route(Some(Box::new(route)));
    node.workers.stop();
    let socket = client(node.addresses[1]);
    // Both wait in the socket, so that the thread takes them in one batch.
    let parked = question(1, "parked.pass.test");
    socket.send(&parked).expect("sent");
    socket.send(&question(2, "fault.pass.test")).expect("sent");
    let post = Post {
        socket: 2,
        cpu: None,
    };
    node.workers = Workers::start(&node.shared, &[post]).expect("a thread");
    let mut buffer = [0; 512];
    let give_up = Instant::now() + Duration::from_secs(5);
    let length = loop {
        if let Ok(length) = socket.recv(&mut buffer) {
            break length;
        }
        assert!(Instant::now() < give_up, "nobody was told of the question");
    };
    assert_eq!(buffer[..2], parked[..2]);
    assert_eq!(buffer[length - 4..length], [192, 0, 2, 1]);
}
