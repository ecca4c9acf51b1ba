import dataclasses
import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterd.model.event import Event
from filterd.model.verdict import Kind, Step
from filterd.report.daykey import DayKey
from filterd.report.privacy import SLOT, Count, Level, Masked, count, keep, mask, public_pattern

BOUNDED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

clients = st.one_of(st.ip_addresses().map(str), st.just("fe80::1"))
names = st.from_regex(r"secret-[a-z]{6}\.(example|test)", fullmatch=True)
optional = st.none() | st.sampled_from(["one", "two"])
events = st.builds(
    Event,
    at=st.floats(0, 4e9),
    client=clients,
    qname=names,
    qtype=st.integers(0, 65535),
    kind=st.sampled_from(Kind),
    step=st.sampled_from(Step),
    list=optional,
    rule=optional,
    category=optional,
    group=st.sampled_from(["grade-3", "staff"]),
    door=st.sampled_from(["udp", "tcp", "dot", "doh"]),
    rcode=st.integers(0, 23),
)


@BOUNDED
@given(
    st.lists(events, max_size=20),
    st.lists(clients, min_size=20, max_size=20),
    st.lists(names, min_size=20, max_size=20),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=20, max_size=20),
)
def test_aggregates_are_the_same_whoever_asked_whatever_at_any_second_of_the_slot(
    given_events, other_clients, other_names, moments
):
    """Nothing of client, name, type, door, rcode or exact time can be in a value that does not
    change with them."""
    others = [
        dataclasses.replace(
            event,
            client=client,
            qname=name,
            qtype=16,
            door="tcp",
            rcode=5,
            at=event.at // SLOT * SLOT + min(moment * SLOT, SLOT - 1),
        )
        for event, client, name, moment in zip(
            given_events, other_clients, other_names, moments, strict=False
        )
    ]
    assert count(others) == count(given_events)


@BOUNDED
@given(st.lists(events, max_size=20))
def test_no_client_or_name_in_the_bytes_of_an_aggregate(given_events):
    # The worst case: the rule that decided names the client.
    given_events = [
        dataclasses.replace(e, rule=r)
        for e in given_events
        for r in (e.client, f"{e.client}/32", e.rule)
        if "/" not in str(r) or ":" not in e.client
    ]
    rows = count(given_events)
    text = json.dumps([dataclasses.asdict(row) for row in rows])
    for event in given_events:
        fields = {value for row in rows for value in dataclasses.astuple(row)}
        assert event.client not in fields
        assert f'"{event.client}' not in text
        assert event.qname not in text
    assert sum(row.n for row in rows) == len(given_events)


def test_the_type_of_an_aggregate_has_no_field_for_a_person_or_a_name():
    assert {field.name for field in dataclasses.fields(Count)} == {
        "slot",
        "group",
        "kind",
        "step",
        "list",
        "category",
        "rule",
        "n",
    }


def test_passes_are_counted_per_group_only(event):
    passes = [
        event(kind=Kind.PASS, step=Step.DEFAULT, rule=None, list=None, category=None),
        event(kind=Kind.PASS, step=Step.MUST_NOT_BLOCK, rule="help.example"),
        event(kind=Kind.PASS, group="staff"),
    ]
    slot = int(passes[0].at) // SLOT * SLOT
    assert count(passes) == [
        Count(slot, "grade-3", Kind.PASS, Step.DEFAULT, None, None, None, 2),
        Count(slot, "staff", Kind.PASS, Step.DEFAULT, None, None, None, 1),
    ]


def test_blocks_keep_the_rule_as_its_list_registered_it(event):
    (row,) = count([event(), event(client="192.0.2.8", qname="other.blocked.example")])
    assert (row.rule, row.list, row.category, row.n) == ("blocked.example", "ads", "adverts", 2)
    assert row.slot % SLOT == 0


@pytest.mark.parametrize(
    "rule",
    ["192.0.2.7", "192.0.2.0/24", "192.0.2.7/24", "2001:db8::/32", "||x.example^$client=10.0.0.1",
     "||x.example^$important,client=10.0.0.1", "32.7.2.0.192.rpz-client-ip"],
)  # fmt: skip
def test_a_rule_that_can_speak_of_a_client_is_not_kept(rule, event):
    assert public_pattern(rule) is None
    assert count([event(rule=rule)])[0].rule is None
    assert keep(Level.PSEUDONYM, [event(rule=rule)], Fixed())[0].rule is None


@pytest.mark.parametrize(
    "rule", ["cafe.example", "fade.cafe", "||1.example^", "/^ad[0-9]+\\./", "1.2.3.4.5"]
)
def test_a_rule_that_only_looks_like_an_address_is_kept(rule):
    assert public_pattern(rule) == rule


@BOUNDED
@given(st.one_of(st.ip_addresses(), st.ip_addresses().map(lambda a: f"{a}/24")).map(str))
def test_no_spelling_of_an_address_is_kept(text):
    assert public_pattern(text) is None
    assert public_pattern(text.upper()) is None


class Fixed:
    def pseudonym(self, client, at):
        return "0123456789abcdef"


def test_levels(event):
    one = event()
    assert keep(Level.NONE, [one]) == []
    assert keep(Level.FULL, [one]) == [one]
    assert isinstance(keep(Level.AGGREGATES, [one])[0], Count)
    assert isinstance(keep(Level.PSEUDONYM, [one], Fixed())[0], Masked)
    with pytest.raises(ValueError, match="pseudonyms"):
        keep(Level.PSEUDONYM, [one])


@BOUNDED
@given(events)
def test_a_masked_row_has_the_client_nowhere(one):
    key = DayKey(None, ZoneInfo("Asia/Ho_Chi_Minh"), lambda n: bytes(range(n)))
    key.turn(one.at)
    row = mask(one, key)
    assert len(row.pseudonym) == 16
    assert one.client not in {str(value) for value in dataclasses.astuple(row)}
