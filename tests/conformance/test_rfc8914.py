"""RFC 8914: extended errors."""

import dns.edns
import pytest

from tests.support.dnsclient import ede_of, ede_text

CONFIG = """\
language: en
default_group: g
groups: {g: {age: 10, safe_search: false}}
block: [own.example.com]
lists:
  ads: {format: domains, path: ads}
  games: {format: domains, path: games, category: games}
  order: {format: domains, path: order, mandatory: true}
"""
LISTS = {"ads": "ads.example.com\n", "games": "play.example.com\n", "order": "wrong.example.com\n"}


@pytest.fixture
def one(desk):
    return desk(CONFIG, ["www.example.com A 192.0.2.1"], lists=LISTS)


def test_4_16_blocked_by_the_operators_list(one):
    reply = one.ask("ads.example.com")
    assert (ede_of(reply), ede_text(reply)) == (15, "blocked by list: ads")


def test_4_17_censored_by_an_order(one):
    reply = one.ask("wrong.example.com")
    assert (ede_of(reply), ede_text(reply)) == (16, "blocked by order: order")


@pytest.mark.parametrize("name", ["own.example.com", "play.example.com"])
def test_4_18_filtered_by_what_the_school_asked_for(one, name):
    assert ede_of(one.ask(name)) == 17


def test_2_text_is_utf8_without_a_null_at_its_end(desk):
    one = desk(CONFIG.replace("language: en", "language: vi"), lists=LISTS)
    text = ede_text(one.ask("own.example.com"))
    assert text == "nhà trường chặn"
    assert not text.endswith("\0")


def test_3_none_without_edns_and_none_where_nothing_is_wrong(one):
    assert ede_of(one.ask("www.example.com")) is None
    reply = one.ask("ads.example.com", use_edns=None)
    assert reply.edns == -1


@pytest.mark.parametrize("failure", [22, 23])
def test_4_23_and_4_24_upstream_failed(one, failure):
    one.upstream.failure = failure
    reply = one.ask("gone.example.com")
    assert (reply.rcode(), ede_of(reply)) == (2, failure)


def test_2_the_text_is_left_out_whole_where_there_is_no_room(one):
    labels = ".".join(["x" * 63] * 3 + ["y" * 40])
    reply = one.ask(f"{labels}.ads.example.com"[-250:], payload=512)
    assert len(reply.to_wire()) <= 512
    options = [o for o in reply.options if o.otype == dns.edns.OptionType.EDE]
    assert all(o.text is None or o.text.startswith("blocked") for o in options)
