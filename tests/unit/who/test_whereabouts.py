"""What several sources say of the same addresses."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from filterd.model.client_id import is_randomised
from filterd.who.sighting import Rank, Sighting
from filterd.who.whereabouts import MOST_PLACES, whereabouts

MAC, OTHER = "00:00:5e:00:53:07", "00:00:5e:00:53:08"
NOW = 1000.0
SESSION, LEASE, NEIGHBOUR = Rank.SESSION, Rank.LEASE, Rank.NEIGHBOUR


def places(*told: tuple[Rank, Sighting], now: float = NOW) -> dict[str, tuple[str, ...]]:
    keys = frozenset(key for _, each in told for key in each.keys)
    return whereabouts([(r, r.name, [each]) for r, each in told], keys, now).addresses


def test_sources_add_to_each_other_where_they_mean_the_same_device() -> None:
    found = places(
        (NEIGHBOUR, Sighting("192.0.2.7", mac=MAC)),
        (LEASE, Sighting("192.0.2.7", mac=MAC, host="pc7.school.test")),
        (SESSION, Sighting("192.0.2.7", user="alice", classes=("8b",))),
    )
    assert set(found) == {MAC, "host:pc7", "host:pc7.school.test", "user:alice", "class:8b"}
    assert set(found.values()) == {("192.0.2.7",)}


def test_a_session_beats_a_lease_of_another_device() -> None:
    found = places(
        (SESSION, Sighting("192.0.2.7", mac=OTHER, user="alice", since=1)),
        (LEASE, Sighting("192.0.2.7", mac=MAC, host="pc7", since=900)),
    )
    assert found == {"user:alice": ("192.0.2.7",), OTHER: ("192.0.2.7",)}


def test_a_session_that_names_a_device_holds_for_all_its_addresses() -> None:
    found = places(
        (SESSION, Sighting("", mac=MAC, user="alice")),
        (LEASE, Sighting("192.0.2.7", mac=MAC)),
        (NEIGHBOUR, Sighting("2001:db8::7", mac=MAC)),
        (NEIGHBOUR, Sighting("2001:db8::8", mac=OTHER)),
    )
    assert found["user:alice"] == ("192.0.2.7", "2001:db8::7")


def test_the_newest_session_of_a_device_counts() -> None:
    found = places(
        (SESSION, Sighting("", mac=MAC, user="alice", since=10)),
        (SESSION, Sighting("", mac=MAC, user="bob", since=20)),
        (NEIGHBOUR, Sighting("192.0.2.7", mac=MAC)),
    )
    assert found["user:bob"] == ("192.0.2.7",)
    assert "user:alice" not in found


def test_who_takes_a_leased_address_by_hand_is_not_whom_it_was_leased_to() -> None:
    leased = (LEASE, Sighting("192.0.2.7", mac=MAC, since=100))
    assert places(leased, (NEIGHBOUR, Sighting("192.0.2.7", mac=OTHER, since=200))) == {
        OTHER: ("192.0.2.7",)
    }
    # But what the kernel remembers from before the lease is old.
    assert places(leased, (NEIGHBOUR, Sighting("192.0.2.7", mac=OTHER, since=50))) == {
        MAC: ("192.0.2.7",)
    }


def test_a_device_that_only_a_message_names_is_none_where_the_wire_has_another() -> None:
    """A DUID is what its sender writes, and each renewal is newer than the neighbour."""
    claimed = (LEASE, Sighting("2001:db8::7", mac=MAC, host="head", since=200, claimed=True))
    session = (SESSION, Sighting("", mac=MAC, user="head"))
    other = (NEIGHBOUR, Sighting("2001:db8::7", mac=OTHER, since=100))
    assert places(claimed, session, other) == {OTHER: ("2001:db8::7",)}
    # Behind another router there are no neighbours, and its own device is no contradiction.
    own = (NEIGHBOUR, Sighting("2001:db8::7", mac=MAC, since=100))
    for told in ((claimed, session), (claimed, session, own)):
        assert set(places(*told)) == {MAC, "host:head", "user:head"}
    ended = (NEIGHBOUR, Sighting("2001:db8::7", mac=OTHER, since=100, until=NOW))
    assert MAC in places(claimed, ended)


def test_a_lease_of_another_than_the_wire_s_brings_nobody_s_login() -> None:
    newer = (LEASE, Sighting("192.0.2.7", mac=MAC, since=200))
    session = (SESSION, Sighting("", mac=MAC, user="head", classes=("teachers",)))
    other = (NEIGHBOUR, Sighting("192.0.2.7", mac=OTHER, since=100))
    assert places(newer, session, other) == {MAC: ("192.0.2.7",)}
    elsewhere = (NEIGHBOUR, Sighting("192.0.2.8", mac=MAC))
    assert places(newer, session, other, elsewhere)["user:head"] == ("192.0.2.8",)


def test_everything_ends() -> None:
    lease = (LEASE, Sighting("192.0.2.7", mac=MAC, until=NOW + 10))
    session = (SESSION, Sighting("", mac=MAC, user="alice", until=NOW + 5))
    keys = frozenset({MAC, "user:alice"})
    told = [(rank, rank.name, [each]) for rank, each in (lease, session)]
    found = whereabouts(told, keys, NOW)
    assert found.until == NOW + 5
    assert {key: each[0].until for key, each in found.places.items()} == {
        MAC: NOW + 10,
        "user:alice": NOW + 5,
    }
    assert set(places(lease, session, now=NOW + 6)) == {MAC}
    assert places(lease, session, now=NOW + 10) == {}


def test_only_what_is_asked_for_is_told_and_randomised_ones_are_counted() -> None:
    told = [
        (NEIGHBOUR, "neighbours", [Sighting("192.0.2.7", mac="02:00:00:00:00:01")]),
        (LEASE, "kea", [Sighting("192.0.2.8", mac=MAC), Sighting("192.0.2.9", mac=MAC)]),
    ]
    found = whereabouts(told, frozenset(), NOW)
    assert (found.places, found.devices, found.randomised) == ({}, 2, 1)


def test_which_addresses_are_made_up() -> None:
    made_up = ["02:00:00:00:00:01", "de:ad:be:ef:00:01", "0a:00:00:00:00:00"]
    assert all(map(is_randomised, made_up))
    assert not any(map(is_randomised, [MAC, "33:33:00:00:00:01", "ff:ff:ff:ff:ff:ff"]))


def test_one_device_with_very_many_addresses_is_bounded_to_the_newest() -> None:
    told = [Sighting(f"2001:db8::{n:x}", mac=MAC, since=float(n)) for n in range(1, 200)]
    found = whereabouts([(NEIGHBOUR, "n", told)], frozenset({MAC}), NOW)
    assert len(found.places[MAC]) == MOST_PLACES
    assert found.places[MAC][0].address == "2001:db8::c7"


SIGHTINGS = st.builds(
    Sighting,
    st.sampled_from(["", "192.0.2.7", "192.0.2.8", "2001:db8::/64"]),
    mac=st.sampled_from(["", MAC, OTHER]),
    host=st.sampled_from(["", "a", "b"]),
    user=st.sampled_from(["", "alice", "bob"]),
    since=st.integers(0, 5).map(float),
    until=st.sampled_from([NOW - 1, NOW + 1, inf]),
)


@given(st.lists(st.tuples(st.sampled_from(list(Rank)), SIGHTINGS), max_size=12))
def test_an_address_belongs_to_one_device_and_only_while_it_lasts(told) -> None:
    keys = frozenset(key for _, each in told for key in each.keys)
    found = whereabouts([(r, r.name, [each]) for r, each in told], keys, NOW)
    owners: dict[str, set[str]] = {}
    for key, each in found.places.items():
        for place in each:
            assert place.until > NOW
            assert place.address
            if key in {MAC, OTHER}:
                owners.setdefault(place.address, set()).add(key)
    assert all(len(each) == 1 for each in owners.values())
