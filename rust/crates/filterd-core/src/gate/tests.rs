use super::*;
use std::net::Ipv4Addr;
use std::sync::mpsc::{channel, Receiver, Sender};

/// Somebody of the group.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 20, 0, 1));

/// What a firewall was told: set, opened, closed.
type Told = (String, Vec<(IpAddr, f64)>, Vec<IpAddr>);

struct Fake {
    told: Sender<Told>,
    says: Receiver<Refused>,
}

impl Firewall for Fake {
    fn change(&mut self, changes: &[Change<'_>]) -> Result<(), Refused> {
        for change in changes {
            let empty = if change.empty { ", empty" } else { "" };
            let told = (
                format!("{}{empty}", change.set),
                change.open.to_vec(),
                change.close.to_vec(),
            );
            self.told.send(told).expect("somebody listens");
        }
        self.says.try_recv().map_or(Ok(()), Err)
    }
}

struct World {
    gate: Gate,
    told: Receiver<Told>,
    refuse: Sender<Refused>,
}

fn settings(more: &str) -> GateSettings {
    let text = format!(
        r#"{{"table": "t", "groups": {{"pupils": ["four", "six"]}}, "grace": 600, {more}}}"#
    );
    GateSettings::parse(&text).expect("settings")
}

fn fake() -> (Box<Fake>, Receiver<Told>, Sender<Refused>) {
    let (told, hears) = channel();
    let (refuse, says) = channel();
    (Box::new(Fake { told, says }), hears, refuse)
}

fn world(more: &str) -> World {
    let (firewall, told, refuse) = fake();
    World {
        gate: Gate::new(&settings(more), firewall, None),
        told,
        refuse,
    }
}

impl World {
    /// A reply leaves for somebody; return it as it does.
    fn open(&self, qtype: u16, reply: &[u8], at: f64) -> Vec<u8> {
        self.open_to(CLIENT, qtype, reply, at)
    }

    fn open_to(&self, client: IpAddr, qtype: u16, reply: &[u8], at: f64) -> Vec<u8> {
        let mut reply = reply.to_vec();
        self.gate.open(0, client, qtype, &mut reply, at);
        reply
    }

    fn told(&self) -> Vec<Told> {
        self.told.try_iter().collect()
    }

    fn held(&self) -> usize {
        lock(&self.gate.inside).sets[0].len()
    }

    fn paused(&self) -> bool {
        lock(&self.gate.inside).paused.is_some()
    }

    fn failures(&self, why: &str) -> u64 {
        self.gate.counts()["failures"][why]
            .as_u64()
            .expect("a count")
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A reply of ours to a question for one letter: records of the answer, and further ones.
fn reply(qtype: u16, answers: &[(u16, u32, &[u8])], further: &[(u16, u32, &[u8])]) -> Vec<u8> {
    let mut wire = b"\0\0\x81\x80\0\x01\0\0\0\0\0\0\x01x\0".to_vec();
    wire.extend(qtype.to_be_bytes());
    wire.extend([0, 1]);
    wire[7] = answers.len() as u8;
    wire[11] = further.len() as u8;
    for (rtype, ttl, rdata) in answers.iter().chain(further) {
        wire.extend([0xc0, 12]);
        wire.extend(rtype.to_be_bytes());
        wire.extend([0, 1]);
        wire.extend(ttl.to_be_bytes());
        wire.extend((rdata.len() as u16).to_be_bytes());
        wire.extend(*rdata);
    }
    wire
}

fn four(last: u8, ttl: u32) -> Vec<u8> {
    reply(1, &[(1, ttl, &[192, 0, 2, last])], &[])
}

#[test]
fn an_address_is_opened_for_its_ttl_and_the_grace_and_half_as_long_again() {
    let world = world(r#""least": 60, "most": 100"#);
    world.open(1, &four(1, 300), 1000.0);
    let time = (300.0 + 600.0) * 1.5;
    let wanted = ("four".to_owned(), vec![(ip("192.0.2.1"), time)], vec![]);
    assert_eq!(world.told(), [wanted]);
    assert_eq!(world.gate.counts()["opened"], 1);
}

#[test]
fn an_address_stays_for_the_least_time_however_short_its_ttl() {
    let world = world(r#""least": 2000, "most": 100"#);
    world.open(1, &four(1, 0), 0.0);
    assert_eq!(world.told()[0].1, [(ip("192.0.2.1"), 3000.0)]);
    world.open(1, &four(2, u32::MAX), 0.0);
    let most = (f64::from(LONGEST) + 600.0) * 1.5;
    assert_eq!(world.told()[0].1, [(ip("192.0.2.2"), most)]);
}

#[test]
fn what_stays_long_enough_is_not_told_again_and_what_does_not_is() {
    let world = world(r#""least": 0, "most": 100"#);
    world.open(1, &four(1, 300), 0.0);
    world.told();
    // It stays until 1350; a reply at 450 asks for 900 more.
    for at in [0.0, 100.0, 449.9] {
        world.open(1, &four(1, 300), at);
        assert_eq!(world.told(), [], "at {at}");
    }
    // As from the cache: the TTL that is left gets shorter.
    world.open(1, &four(1, 10), 700.0);
    assert_eq!(world.told(), []);
    world.open(1, &four(1, 300), 450.1);
    assert_eq!(world.told()[0].1, [(ip("192.0.2.1"), 1350.0)]);
}

#[test]
fn both_families_go_in_one_change_and_an_address_only_once() {
    let world = world(r#""least": 0, "most": 100"#);
    let hints =
        b"\0\x01\0\0\x04\0\x04\xc0\0\x02\x09\0\x06\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09";
    let wire = reply(
        65,
        &[(65, 60, hints)],
        &[
            (1, 120, &[192, 0, 2, 9]),
            (
                28,
                60,
                &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
            ),
        ],
    );
    world.open(65, &wire, 0.0);
    let wanted = [
        ("four".to_owned(), vec![(ip("192.0.2.9"), 1080.0)], vec![]),
        ("six".to_owned(), vec![(ip("2001:db8::9"), 990.0)], vec![]),
    ];
    assert_eq!(world.told(), wanted);
    // Glue of another answer is no lead.
    world.open(1, &reply(1, &[], &[(1, 60, &[192, 0, 2, 8])]), 0.0);
    assert_eq!(world.told(), []);
}

#[test]
fn addresses_that_lead_nowhere_are_not_opened() {
    let world = world(r#""least": 0, "most": 100"#);
    for octets in [
        [0, 0, 0, 0],
        [127, 0, 0, 1],
        [224, 0, 0, 1],
        [255; 4],
        [169, 254, 1, 1],
    ] {
        world.open(1, &reply(1, &[(1, 60, &octets)], &[]), 0.0);
    }
    for text in ["::", "::1", "fe80::1", "ff02::1", "::ffff:192.0.2.1"] {
        let IpAddr::V6(address) = ip(text) else {
            panic!("{text}")
        };
        world.open(28, &reply(28, &[(28, 60, &address.octets())], &[]), 0.0);
    }
    assert_eq!(world.told(), []);
}

#[test]
fn a_firewall_that_fails_is_left_alone_for_a_second_and_then_told_what_is_due() {
    let world = world(r#""least": 0, "most": 100"#);
    world.refuse.send(Refused::Absent).expect("it listens");
    world.open(1, &four(1, 60), 0.0);
    assert_eq!(world.told().len(), 1);
    world.open(1, &four(1, 60), 0.5);
    world.open(1, &four(2, 60), 0.9);
    assert_eq!(world.told(), []);
    assert_eq!((world.failures("absent"), world.failures("denied")), (3, 0));
    assert_eq!(world.gate.counts()["open"], 0);
    world.open(1, &four(1, 60), 1.1);
    assert_eq!(world.told()[0].1, [(ip("192.0.2.1"), 990.0)]);
    assert_eq!(world.gate.counts()["opened"], 1);
}

#[test]
fn what_the_firewall_did_not_hear_of_is_not_made_shorter() {
    let world = world(r#""least": 0, "most": 100"#);
    world.refuse.send(Refused::Absent).expect("it listens");
    world.open(1, &four(1, 3600), 0.0);
    world.told();
    world.open(1, &four(1, 20), 2.0);
    let left = (3600.0 + 600.0) * 1.5 - 2.0;
    assert_eq!(world.told()[0].1, [(ip("192.0.2.1"), left)]);
}

#[test]
fn each_reason_is_counted_by_itself() {
    for (why, word) in REASONS {
        let world = world(r#""least": 0, "most": 100"#);
        // Twice, for a full set is emptied first.
        for _ in 0..2 {
            world.refuse.send(why).expect("it listens");
        }
        world.open(1, &four(1, 60), 0.0);
        assert_eq!(world.failures(word), 1, "{word}");
        let all: u64 = REASONS.iter().map(|(_, word)| world.failures(word)).sum();
        assert_eq!(all, 1);
    }
}

#[test]
fn all_that_has_time_left_is_put_there_again_for_that_time() {
    let world = world(r#""least": 0, "most": 2000"#);
    for last in 1..=9 {
        world.open(1, &four(last, u32::from(last) * 100), 0.0);
    }
    world.told();
    // 192.0.2.1 stays until 1050.
    assert_eq!(world.gate.open_again(1050.0), Ok(8));
    let told = world.told();
    assert_eq!(
        told.iter().map(|(set, ..)| set).collect::<Vec<_>>(),
        ["four"]
    );
    let (_, mut open, _) = told[0].clone();
    open.sort_by_key(|one| one.0);
    assert_eq!(open[0], (ip("192.0.2.2"), 1200.0 - 1050.0));
    world.open(1, &four(9, 1), 1051.0);
    assert_eq!(world.told(), [], "it is known to be there");
}

#[test]
fn what_could_not_be_opened_is_when_the_table_is_back() {
    let world = world(r#""least": 0, "most": 100"#);
    world.refuse.send(Refused::Absent).expect("it listens");
    world.open(1, &four(1, 60), 0.0);
    world.told();
    assert_eq!(
        world.gate.open_again(0.1),
        Ok(1),
        "without waiting for the second"
    );
    assert_eq!(world.told()[0].1, [(ip("192.0.2.1"), 990.0 - 0.1)]);
    world.refuse.send(Refused::Denied).expect("it listens");
    assert_eq!(world.gate.open_again(0.2), Err(Refused::Denied));
    assert_eq!(world.failures("denied"), 1);
    world.told();
    world.open(1, &four(1, 60), 2.0);
    assert_eq!(world.told().len(), 1, "it is not known to be there");
}

#[test]
fn a_full_set_gives_up_what_was_asked_for_least_recently() {
    let world = world(r#""least": 0, "most": 100"#);
    for last in 1..=100 {
        // The lower the number, the longer; and each by somebody else.
        let ttl = 1000 - u32::from(last);
        world.open_to(client(last.into()), 1, &four(last, ttl), 0.0);
    }
    // Asked for again: nothing that the firewall has to be told.
    for last in 1..=50 {
        world.open(1, &four(last, 10), 1.0);
    }
    world.told();
    for last in 101..=110 {
        world.open_to(client(last.into()), 1, &four(last, 5000), 2.0);
    }
    let gone = world.told().into_iter().flat_map(|(_, _, gone)| gone);
    let wanted: Vec<IpAddr> = (51..=60u8).map(|last| [192, 0, 2, last].into()).collect();
    assert_eq!(gone.collect::<Vec<_>>(), wanted);
    assert_eq!(world.held(), 100);
    assert_eq!(world.gate.counts()["open"], 100);
    assert_eq!(world.gate.counts()["displaced"], 10);
    // What is over makes room by itself, and is not open any more.
    world.open(1, &four(200, 60), 9000.0);
    assert!(world.told()[0].2.is_empty());
    assert_eq!(world.held(), 1);
    assert_eq!(world.gate.counts()["open"], 1);
    assert_eq!(world.gate.counts()["displaced"], 10);
}

#[test]
fn a_reply_opens_its_first_32_addresses_and_leaves_whole() {
    let world = world(r#""least": 0, "most": 1000"#);
    let octets: Vec<[u8; 4]> = (1..=60).map(|last| [192, 0, 2, last]).collect();
    // The first one twice: what is there already counts once.
    let mut answers: Vec<(u16, u32, &[u8])> = vec![(1, 60, &octets[0])];
    answers.extend(octets.iter().map(|octets| (1, 60, &octets[..])));
    let wire = reply(1, &answers, &[]);
    assert_eq!(world.open(1, &wire, 0.0), wire);
    let told = world.told().remove(0).1;
    let opened: Vec<IpAddr> = told.iter().map(|(address, _)| *address).collect();
    let wanted: Vec<IpAddr> = octets[..32].iter().map(|octets| (*octets).into()).collect();
    assert_eq!(opened, wanted);
}

#[test]
fn no_record_that_leads_there_outlasts_an_hour_and_others_stay_as_they_are() {
    let world = world(r#""least": 0, "most": 100"#);
    let hint = b"\0\x01\0\0\x04\0\x04\xc0\0\x02\x09";
    let alias: (u16, u32, &[u8]) = (5, 86_400, b"\xc0\x0c");
    let records = |service: u32, most: u32| {
        let further = [
            (1, most.min(7200), &[192, 0, 2, 9][..]),
            // An OPT: flags stand where others have the TTL.
            (41, 0x8000_0000, &[][..]),
        ];
        let alias = (alias.0, most.min(alias.1), alias.2);
        reply(65, &[alias, (65, service, hint), (46, 30, &[])], &further)
    };
    let left = world.open(65, &records(86_400, u32::MAX), 0.0);
    assert_eq!(left, records(LONGEST, LONGEST));
    let time = (f64::from(LONGEST) + 600.0) * 1.5;
    assert_eq!(world.told()[0].1, [(ip("192.0.2.9"), time)]);
    // Beside an address nobody follows what is not of the answer.
    let wire = reply(1, &[], &[(1, 86_400, &[192, 0, 2, 9])]);
    assert_eq!(world.open(1, &wire, 0.0), wire);
}

/// A client of its own for each number.
fn client(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    [10, 21, high, low].into()
}

/// A reply with 32 addresses of somebody's own, the `number`th of such.
fn made_up(number: u32) -> Vec<u8> {
    let octets: Vec<[u8; 4]> = (0..32)
        .map(|one| (0x0900_0000 + number * 32 + one).to_be_bytes())
        .collect();
    let answers: Vec<(u16, u32, &[u8])> = octets
        .iter()
        .map(|octets| (1, 86_400, &octets[..]))
        .collect();
    reply(1, &answers, &[])
}

/// What a firewall would have that does as it is told: until when each address is open.
#[derive(Default)]
struct Open(HashMap<IpAddr, f64>);

impl Open {
    fn follow(&mut self, told: Vec<Told>, at: f64) {
        for (_, open, close) in told {
            for address in close {
                self.0.remove(&address);
            }
            for (address, time) in open {
                self.0.insert(address, at + time);
            }
        }
    }

    fn sweep(&mut self, at: f64) {
        self.0.retain(|_, until| *until > at);
    }
}

/// Four hours in steps of ten seconds: names that the school uses, each asked for once in its TTL,
/// while `attack` does what it does at each step. Nobody may find one closed that he was answered.
fn school_day(world: &World, mut attack: impl FnMut(u32)) -> Open {
    let mut open = Open::default();
    let ttl = |name: u16| [60, 300, 3600][usize::from(name % 3)];
    let address = |name: u16| [203, 0, name.to_be_bytes()[0], name.to_be_bytes()[1]];
    for second in (0..4 * 3600).step_by(10) {
        let at = f64::from(second);
        for name in 0..1000 {
            let when = u32::from(name) * 10 % ttl(name);
            if second % ttl(name) == when {
                let wire = reply(1, &[(1, ttl(name), &address(name))], &[]);
                world.open_to(client(name % 30), 1, &wire, at);
            }
        }
        attack(second);
        open.follow(world.told(), at);
        if second % 60 == 0 {
            open.sweep(at);
            for name in (0..1000).filter(|_| second >= 3600) {
                let address = IpAddr::from(address(name));
                assert!(open.0.contains_key(&address), "{address} at {at}");
            }
        }
    }
    open
}

#[test]
fn a_pupil_with_names_of_his_own_holds_a_share_and_closes_nothing() {
    let world = world(r#""least": 1800, "most": 65536"#);
    let pupil = ip("10.20.0.66");
    let open = school_day(&world, |second| {
        // 70,000 addresses in the first minutes of each hour, always the same.
        let step = second % 3600 / 10;
        for number in 10 * step..(10 * step + 10).min(70_000 / 32) {
            world.open_to(pupil, 1, &made_up(number), second.into());
        }
    });
    let his = |address: &&IpAddr| matches!(address, IpAddr::V4(four) if four.octets()[0] == 9);
    assert_eq!(open.0.keys().filter(his).count(), 65_536 / 4);
    assert!(world.failures("share") > 70_000);
}

#[test]
fn pupils_together_fill_a_set_and_what_the_school_asks_for_stays() {
    let world = world(r#""least": 1800, "most": 65536"#);
    let mut number = 0;
    let open = school_day(&world, |second| {
        // Forty clients ask for 35,000 addresses of their own in nine minutes of each hour, which
        // fill the set in two; what is asked for once an hour was asked for later than half of them.
        for _ in 0..if second % 3600 < 540 { 20 } else { 0 } {
            let who = client(1000 + (number % 40) as u16);
            world.open_to(who, 1, &made_up(number), second.into());
            number += 1;
        }
    });
    assert!(number * 32 > 2 * 65_536);
    assert!((64_000..=65_536).contains(&world.held()));
    assert!(open.0.len() <= 65_536);
    assert_eq!(world.failures("share"), 0);
}

#[test]
fn a_share_is_free_again_when_its_time_is_over() {
    let world = world(r#""least": 0, "most": 128"#);
    for number in 0..2 {
        world.open(1, &made_up(number), 0.0);
    }
    assert_eq!((world.held(), world.failures("share")), (32, 32));
    let over = (f64::from(LONGEST) + 600.0) * 1.5;
    world.open(1, &made_up(1), over - 1.5);
    assert_eq!(world.failures("share"), 64);
    world.open(1, &made_up(1), over);
    assert_eq!((world.held(), world.failures("share")), (32, 64));
    // What is there already is nobody's loss, whoever asks.
    world.open_to(client(2), 1, &made_up(1), over);
    world.open(1, &made_up(1), over + 3000.0);
    assert_eq!(world.failures("share"), 64);
}

#[test]
fn a_set_that_the_kernel_calls_full_is_emptied_and_all_that_is_held_opened() {
    let world = world(r#""least": 0, "most": 100"#);
    for last in 1..=5 {
        world.open(1, &four(last, 60), 0.0);
    }
    world.told();
    world.refuse.send(Refused::Full).expect("it listens");
    world.open(1, &four(6, 60), 90.0);
    let [(_, first, _), (set, mut all, closed)] = world.told().try_into().expect("two changes");
    assert_eq!(first, [(ip("192.0.2.6"), 990.0)]);
    assert_eq!((set.as_str(), closed), ("four, empty", vec![]));
    all.sort_by_key(|one| one.0);
    let mut wanted: Vec<_> = (1..=5u8).map(|n| ([192, 0, 2, n].into(), 900.0)).collect();
    wanted.push((ip("192.0.2.6"), 990.0));
    assert_eq!(all, wanted);
    assert_eq!((world.failures("full"), world.paused()), (0, false));
    world.open(1, &four(6, 60), 91.0);
    assert_eq!(world.told(), [], "it is there");
}

#[test]
fn a_set_that_stays_full_is_not_emptied_at_every_answer() {
    let world = world(r#""least": 0, "most": 100"#);
    let full = || world.refuse.send(Refused::Full).expect("it listens");
    full();
    full();
    world.open(1, &four(1, 60), 0.0);
    assert_eq!((world.told().len(), world.failures("full")), (2, 1));
    // While the firewall is left alone, nothing of another set either.
    let IpAddr::V6(six) = ip("2001:db8::9") else {
        panic!("it is one")
    };
    let mut wire = reply(28, &[(28, 60, &six.octets())], &[]);
    world.gate.open(0, CLIENT, 28, &mut wire, 0.5);
    assert_eq!((world.told(), world.failures("full")), (vec![], 2));
    full();
    world.open(1, &four(1, 60), 2.0);
    assert_eq!((world.told().len(), world.failures("full")), (1, 3));
    full();
    world.open(1, &four(1, 60), 61.0);
    assert_eq!((world.told().len(), world.failures("full")), (2, 3));
    // That time it helped; and another time is no sooner than in a minute.
    full();
    assert_eq!(world.gate.open_again(62.0), Err(Refused::Full));
}

#[test]
fn what_is_put_there_again_empties_a_full_set_too() {
    let world = world(r#""least": 0, "most": 100"#);
    world.open(1, &four(1, 60), 0.0);
    world.told();
    world.refuse.send(Refused::Full).expect("it listens");
    assert_eq!(world.gate.open_again(10.0), Ok(1));
    assert_eq!(world.told()[1].0, "four, empty");
}

#[test]
fn another_gate_goes_on_with_what_is_open_where_the_set_is_the_same() {
    let before = world(r#""least": 0, "most": 100"#);
    before.open(1, &four(1, 300), 0.0);
    let (firewall, told, _refuse) = fake();
    let text = r#"{"table": "t", "groups": {"little ones": ["other", "six"], "pupils": ["four", "6"]},
        "grace": 600, "least": 0, "most": 100}"#;
    let settings = GateSettings::parse(text).expect("settings");
    let gate = Gate::new(&settings, firewall, Some(&before.gate));
    let pupils = gate.places["pupils"];
    gate.open(pupils, CLIENT, 1, &mut four(1, 300), 10.0);
    assert!(told.try_recv().is_err(), "it is open");
    gate.open(1 - pupils, CLIENT, 1, &mut four(1, 300), 10.0);
    assert_eq!(told.try_recv().expect("told").0, "other");
    assert_eq!(gate.counts()["opened"], 2);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for more in [r#""least": -1, "most": 1"#, r#""least": 0, "most": 0"#] {
        let text = format!(r#"{{"table": "t", "groups": {{}}, "grace": 1, {more}}}"#);
        assert!(GateSettings::parse(&text).is_err(), "{more}");
    }
    assert!(GateSettings::parse("{}").is_err());
}

#[test]
fn bytes_that_are_no_reply_open_nothing() {
    let world = world(r#""least": 0, "most": 100"#);
    let whole = four(1, 60);
    for end in 0..whole.len() {
        world.open(1, &whole[..end], 0.0);
    }
    assert_eq!(world.told(), []);
}
