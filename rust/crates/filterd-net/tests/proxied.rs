//! Datagrams of a proxy: the client is whom the header names, the reply goes to the proxy.

mod support;

use std::sync::Arc;

use filterd_core::guard::{Guard, GuardSettings};
use filterd_core::proxy::Proxies;
use support::{query, right, Node, Upstream};

/// Clients of 198.51.100.0/24, and nobody else.
const GUARD: &str = r#"{"access": {"networks": ["198.51.100.0/24"], "others": "refuse"},
    "cookies": {"enabled": false}}"#;
const REFUSED: u8 = 5;

fn header(client: [u8; 4]) -> Vec<u8> {
    let mut wire = b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c".to_vec();
    wire.extend_from_slice(&client);
    wire.extend_from_slice(&[127, 0, 0, 1, 0x30, 0x39, 0, 53]);
    wire
}

fn world() -> (Upstream, Node, Arc<Proxies>) {
    let upstream = Upstream::new(|query, _| vec![right(query)]);
    let proxies = Proxies::new(&["127.0.0.0/8".to_owned()]).expect("a network");
    let proxies = Arc::new(proxies);
    let node = Node::behind_a_proxy(upstream.address, Arc::clone(&proxies));
    let guard = GuardSettings::parse(GUARD).expect("settings");
    let guard = Guard::new(&guard, None).expect("a guard");
    node.shared.engine.set_guard(Arc::new(guard));
    (upstream, node, proxies)
}

fn ask(node: &Node, client: [u8; 4], name: &str) -> support::Heard {
    let wire = [header(client), query(77, name)].concat();
    node.send_wire(77, &wire).heard()
}

#[test]
fn the_client_is_whom_the_header_names_and_the_proxy_hears() {
    let (_upstream, node, proxies) = world();
    // At once, after a question upstream, and from the cache.
    assert_eq!(
        ask(&node, [198, 51, 100, 7], "blocked.example").address(),
        [0; 4]
    );
    assert!(ask(&node, [198, 51, 100, 7], "www.example").is_right());
    assert!(ask(&node, [198, 51, 100, 8], "www.example").is_right());
    assert_eq!(ask(&node, [203, 0, 113, 9], "www.example").code(), REFUSED);
    let counts = proxies.counts();
    assert_eq!((counts.proxied, counts.refused), ([4, 0], [0; 7]));
}

#[test]
fn without_a_header_a_proxy_gets_nothing_and_the_next_one_is_answered() {
    let (_upstream, node, proxies) = world();
    let bare = node.send_wire(1, &query(1, "blocked.example"));
    let cut = node.send_wire(2, &header([198, 51, 100, 7])[..20]);
    let empty = node.send_wire(3, &header([198, 51, 100, 7]));
    assert_eq!(
        ask(&node, [198, 51, 100, 7], "blocked.example").address(),
        [0; 4]
    );
    for silent in [bare, cut, empty] {
        assert!(silent.nothing_came());
    }
    let counts = proxies.counts();
    assert_eq!(
        (counts.proxied, counts.refused),
        ([2, 0], [1, 1, 0, 0, 0, 0, 0])
    );
}
