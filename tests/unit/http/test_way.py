"""Where a decided connection may go."""

import asyncio

import pytest

from filterd.http.daemon import UNKNOWN, Answer
from filterd.http.way import BLOCKED, Way, find_way
from filterd.http.words import Act, Verdict, Why

GOOD = Verdict(Act.SPLICE, Why.RULE, "good.example", dial="good.example")
KNOWN = Answer(("192.0.2.7", "192.0.2.8"))


class Said:
    def __init__(self, answer):
        self.answer = answer

    async def find(self, name, client):
        assert (name, client) == ("good.example", "192.0.2.10")
        return self.answer


def way(verdict, host, answer=KNOWN):
    return asyncio.run(find_way(verdict, host, "192.0.2.10", Said(answer)))


@pytest.mark.parametrize(
    ("host", "answer", "expected"),
    [
        ("192.0.2.8", KNOWN, Way()),
        ("198.51.100.1", KNOWN, Way("192.0.2.7")),
        ("good.example", KNOWN, Way("192.0.2.7")),
        ("198.51.100.1", UNKNOWN, Way()),
        ("good.example", UNKNOWN, Way(refusal="our own DNS cannot be asked for good.example")),
        ("good.example", Answer(), Way(refusal="good.example has no address")),
    ],
)
def test_it_leads_to_an_address_of_our_own_dns(host, answer, expected):
    assert way(GOOD, host, answer) == expected


def test_an_address_from_elsewhere_is_told_where_nobody_had_asked_for_the_name():
    news = Answer(KNOWN.addresses, news=True)
    assert way(GOOD, "198.51.100.1", news) == Way("192.0.2.7", elsewhere=True)
    assert way(GOOD, "192.0.2.8", news) == Way()
    assert way(GOOD, "good.example", news) == Way("192.0.2.7")  # an explicit proxy's client
    assert way(GOOD, "198.51.100.1", UNKNOWN) == Way()
    nowhere = way(GOOD, "198.51.100.1", Answer(news=True))
    assert nowhere == Way(refusal="good.example has no address", elsewhere=True)


def test_what_our_dns_blocks_goes_nowhere_and_says_so():
    found = way(GOOD, "good.example", Answer(blocked=True))
    assert found.refusal == BLOCKED
    assert (found.verdict.act, found.verdict.why) == (Act.RESET, Why.ANSWER)


def test_without_a_name_only_what_may_go_by_address_goes():
    nameless = Verdict(Act.SPLICE, Why.NAMELESS, "192.0.2.9")
    assert way(nameless, "192.0.2.9") == Way()
    assert way(Verdict(Act.RESET, Why.RULE, "bad.example"), "192.0.2.9").refusal == BLOCKED
