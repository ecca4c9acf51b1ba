//! Threads that are told to stop answer what has come in.

#[path = "hammer/node.rs"]
mod node;

use filterd_net::workers::{Post, Workers};
use node::{client, question, Node};

/// More than a batch, and no more than a client's socket keeps replies.
const QUERIES: u16 = 100;

#[test]
fn what_was_received_is_answered_before_a_thread_ends() {
    let mut node = Node::start();
    node.workers.stop();
    let v6 = node.addresses[1];
    let socket = client(v6);
    for id in 0..QUERIES {
        socket
            .send(&question(id, "blocked.test"))
            .expect("it waits in the socket");
    }
    let post = Post {
        socket: 2,
        cpu: None,
    };
    Workers::start(&node.shared, &[post])
        .expect("a thread")
        .stop();
    let mut buffer = [0; 512];
    for id in 0..QUERIES {
        let length = socket.recv(&mut buffer).expect("a reply");
        assert_eq!(buffer[..2], id.to_be_bytes());
        assert_eq!(buffer[length - 4..length], [0; 4]);
    }
}
