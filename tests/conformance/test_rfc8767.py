"""RFC 8767: stale answers."""

from tests.support.dnsclient import data_of, ede_of

CACHE = """\
groups: {g: {age: 18}}
default_group: g
cache: {stale: {ttl: 1d, answer_ttl: 30s}, prefetch: 0}
"""
LINES = ["www.example.com 60 A 192.0.2.1"]


def expired(desk, config=CACHE, **more):
    one = desk(config, LINES, **more)
    assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]
    one.now += 61
    one.upstream.failure = 22
    return one


def test_4_upstream_is_asked_first_and_a_stale_answer_has_a_ttl_of_30(desk):
    one = expired(desk)
    reply = one.ask("www.example.com")
    assert len(one.upstream.asked) == 2
    assert (data_of(reply), reply.answer[0].ttl) == (["192.0.2.1"], 30)
    assert ede_of(reply) == 3, "RFC 8914 section 4.4"


def test_4_a_fresh_answer_takes_its_place(desk):
    one = expired(desk)
    one.ask("www.example.com")
    one.upstream.failure = None
    one.upstream.lines = ["www.example.com 60 A 192.0.2.2"]
    one.now += 31
    reply = one.ask("www.example.com")
    assert (data_of(reply), ede_of(reply)) == (["192.0.2.2"], None)


def test_4_nothing_is_kept_longer_than_the_window(desk):
    one = expired(desk)
    one.now += 86_400
    reply = one.ask("www.example.com")
    assert (reply.rcode(), data_of(reply)) == (2, [])


def test_5_a_slow_upstream_gets_a_stale_answer_after_the_client_timer(desk):
    one = expired(desk, wait=0.05)
    one.upstream.failure, one.upstream.held = None, True
    reply = one.ask("www.example.com")
    assert (data_of(reply), ede_of(reply)) == (["192.0.2.1"], 3)


def test_4_an_authoritative_no_such_name_is_an_answer(desk):
    one = expired(desk)
    one.upstream.failure = None
    one.upstream.lines = []
    assert one.ask("www.example.com").rcode() == 3


def test_it_can_be_turned_off(desk):
    off = CACHE.replace("ttl: 1d", "ttl: 0")
    assert expired(desk, off).ask("www.example.com").rcode() == 2


def test_a_stale_answer_is_still_judged(desk):
    one = expired(desk)
    one.change(CACHE + "block: [www.example.com]\n")
    assert data_of(one.ask("www.example.com")) == ["0.0.0.0"]
