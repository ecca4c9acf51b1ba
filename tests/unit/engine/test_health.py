"""The name that a node answers while it is well."""

import pytest

from filterd.engine.health import NAME, NOT_READY
from tests.support.desk import PLAIN, Desk
from tests.support.dnsclient import data_of, ede_of

STRICT = """\
groups: {g: {age: 6, safe_search: false, allow_only: true}}
default_group: g
cache: {min_ttl: 1h}
block: [internal]
records: ["health.filterd.internal A 192.0.2.1", "*.filterd.internal A 192.0.2.2"]
"""


@pytest.fixture(params=[PLAIN, STRICT], ids=["plain", "strict"])
def desk(request):
    made = Desk(request.param)
    yield made
    made.close()


def test_nobody_is_well_before_it_is_known(desk):
    reply = desk.ask(NAME)
    assert (reply.rcode().name, ede_of(reply)) == ("SERVFAIL", NOT_READY)
    assert not desk.upstream.asked


def test_each_answer_is_of_this_moment(desk):
    for well in (True, False, False, True, False, True):
        desk.engine.is_well = lambda well=well: well
        reply = desk.ask(NAME.upper())
        assert data_of(reply) == (["127.0.0.1"] if well else [])
        assert reply.rcode().name == ("NOERROR" if well else "SERVFAIL")
    assert not desk.upstream.asked


def test_nobody_else_is_to_keep_it():
    desk = Desk(PLAIN)
    desk.engine.is_well = lambda: True
    assert desk.ask(NAME).answer[0].ttl == 0
    desk.close()


def test_other_types_have_what_there_is(desk):
    desk.engine.is_well = lambda: True
    assert data_of(desk.ask(NAME, "AAAA")) == ["::1"]
    empty = desk.ask(NAME, "TXT")
    assert (empty.rcode().name, empty.answer) == ("NOERROR", [])


def test_names_beside_it_are_as_ever():
    desk = Desk(PLAIN)
    desk.engine.is_well = lambda: True
    assert desk.ask("filterd.internal").rcode().name == "NXDOMAIN"
    assert desk.ask(f"x.{NAME}").rcode().name == "NXDOMAIN"
    desk.close()
