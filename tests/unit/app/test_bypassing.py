"""What a node counts: blocked names, what workers told, counters; by group, and only where it may."""

import logging

import pytest

from filterd.app.bypassing import LATER, Bypassing, chains_of, wanted
from filterd.bypass.book import FILE, Book
from filterd.bypass.counters import Look
from filterd.bypass.signals import Signal
from filterd.config.load import loads
from filterd.gateway.nft import GatewayError

SCHOOL = """
listen: {udp: ['0.0.0.0:53', '[::]:53'], tcp: ['0.0.0.0:53', '[::]:53']}
default_group: pupils
groups:
  pupils: {age: 9}
  staff: {age: 18, filtered: false, bypass_protection: false}
gateway: {lan: [lan0]}
"""
NAMES = {1: ("bypass", None), 2: ("canary", None), 3: ("lists", "bypass"), 4: ("ads", "ads")}
NOW = 1_767_225_600.0


class World:
    def __init__(self, folder, text=SCHOOL):
        self.config, self.now, self.seen, self.refused = loads(text), NOW, None, 0
        self.counted = Bypassing(
            folder,
            lambda: self.config,
            lambda _made, number: NAMES.get(number),
            self.see,
            lambda: self.now,
        )
        self.book = Book(folder / FILE)

    def see(self):
        if self.refused:
            self.refused += 1
            raise GatewayError("not allowed")
        return self.seen

    def kept(self):
        return {(e.group, e.signal): e.n for e in self.book.hours(NOW - 3600, NOW)}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def row(number, group="pupils", kind="block", n=2, pattern="x.example"):
    return (0, kind, 6, number, group, pattern, n, 1, 0)


def test_blocks_of_names_are_counted_by_what_they_say(world):
    world.counted.take_counts(
        [
            row(1), row(2), row(3, n=5), row(4), row(9), row(-1),
            row(1, "staff"), row(1, kind="allow"), row(3, pattern="torproject.org"),
        ]
    )  # fmt: skip
    world.counted.look()
    assert world.kept() == {
        ("pupils", Signal.DOH): 2, ("pupils", Signal.NAME): 5, ("pupils", Signal.TOR): 2
    }  # fmt: skip


def test_single_queries_are_counted_too_where_they_are_kept(world):
    event = (NOW, "10.0.0.9", "dns.google", 1, "block", 6, 1, "pupils", "dns.google", 0, 3, 1)
    world.counted.take_events([event] * 4)
    world.counted.look()
    assert world.kept() == {("pupils", Signal.DOH): 4}


def test_words_of_workers_that_mean_nothing_are_left_out(world):
    world.counted.take_told(
        {("pupils", "sni"): 6, ("staff", "sni"): 6, ("x", "sni"): 6, ("pupils", "y"): 6}
    )
    world.counted.look()
    assert world.kept() == {("pupils", Signal.SNI): 6}


def test_counters_of_groups_that_may_go_round_are_not_looked_at(world):
    assert set(chains_of(world.config).values()) == {"pupils"}
    world.seen = Look("a/1", {("egress_pupils", "vpn"): 4, ("egress_staff", "dns-refused"): 9})
    world.counted.look()
    assert world.kept() == {("pupils", Signal.VPN): 4}
    told = world.counted.numbers()["signals"]
    assert told.keys() == {"pupils"}, "0 of a group that may go round is no number either"
    assert {word: n for word, n in told["pupils"].items() if n} == {"vpn": 4}
    assert told["pupils"].keys() == set(Signal), "what rises needs a beginning"


def test_a_firewall_that_may_not_be_looked_at_is_said_once_and_the_rest_goes_on(world, caplog):
    world.refused = 1
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            world.counted.take_told({("pupils", "sni"): 1})
            world.counted.look()
            world.now += LATER / 2
    assert 9 <= world.refused - 1 <= 11
    assert len(caplog.records) == 1
    assert "filterd bypass look" in caplog.text
    assert world.kept() == {("pupils", Signal.SNI): 20}


def test_what_cannot_be_written_waits(world, tmp_path):
    (tmp_path / FILE).mkdir()
    world.counted.take_told({("pupils", "sni"): 3})
    world.counted.look()
    (tmp_path / FILE).rmdir()
    world.counted.look()
    assert world.kept() == {("pupils", Signal.SNI): 3}


def test_what_waits_at_the_end_is_kept_without_a_look(world):
    world.refused = 1
    world.counted.take_told({("pupils", "sni"): 3})
    assert world.counted.keep()
    assert world.kept() == {("pupils", Signal.SNI): 3}
    assert world.refused == 1


def test_where_nothing_is_kept_this_is_not_either():
    assert wanted(loads(SCHOOL))
    assert not wanted(loads(SCHOOL + "privacy: {level: none}\n"))
    assert chains_of(loads("{}")) == {}
