//! Anything in front of a message from a proxy: no panic, a message within what came, and the same
//! said of it however it was cut into pieces.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use filterd_core::proxy::{read, Entry, Proxies, LONGEST};
use libfuzzer_sys::fuzz_target;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

thread_local! {
    static PROXIES: Proxies = Proxies::new(&["192.0.2.1".to_owned()]).expect("a network");
}

fn check(data: &[u8]) {
    let said = read(data);
    let first = (0..=data.len().min(LONGEST + 1))
        .map(|end| read(&data[..end]))
        .find(|said| *said != Ok(None))
        .unwrap_or(Ok(None));
    assert_eq!(first, said);
    PROXIES.with(|proxies| {
        assert_eq!(proxies.enter(OTHER, data, true), Entry::Client(OTHER, 0));
        match proxies.enter(PROXY, data, true) {
            Entry::Client(client, start) => {
                assert!((16..=LONGEST.min(data.len())).contains(&start));
                assert!(!client.is_unspecified() && !client.is_multicast());
            }
            Entry::More => panic!("more of what is whole"),
            Entry::Refused(_) => assert!(!matches!(said, Ok(Some(_)))),
        }
    });
}

fuzz_target!(|data: &[u8]| {
    check(data);
    // A signature is not for chance to find.
    check(&[b"\r\n\r\n\0\r\nQUIT\n", data].concat());
});
