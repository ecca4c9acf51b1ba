from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.report.bands import band_of
from filterd.report.batch import Band, Bracket, Deed
from filterd.report.tally import (
    Clients,
    Tally,
    bracket_of,
    coarser,
    merge,
    read_tally,
    tally_json,
    told,
)

ONE = Tally(3600, 300, "own", Bracket.PRIMARY, Deed.BLOCK, 2, 0b101)
tallies = st.builds(
    Tally,
    bucket=st.integers(0, 600).map(lambda each: each * 300),
    span=st.just(300),
    rule=st.sampled_from(["", "own", "category:games", "order:ministry/1"]),
    bracket=st.sampled_from(Bracket),
    deed=st.sampled_from(Deed),
    count=st.integers(1, 1000),
    clients=st.integers(0, 2**64 - 1),
)


@pytest.mark.parametrize(
    ("age", "bracket"),
    [(0, "0-5"), (5, "0-5"), (6, "6-10"), (10, "6-10"), (11, "11-12"), (14, "13-14"),
     (17, "15-17"), (18, "18+"), (99, "18+")],
)  # fmt: skip
def test_an_age_has_a_bracket(age, bracket):
    assert bracket_of(age).value == bracket


def test_what_is_counted_later_in_the_same_bucket_is_added():
    (both,) = merge([ONE, replace(ONE, count=3, clients=0b110)])
    assert (both.count, both.clients) == (5, 0b111)


def test_all_clients_of_a_slot_are_in_the_band_whatever_portion_they_came_in():
    clients = Clients()
    portions = [replace(ONE, clients=0b111 << at) for at in range(0, 60, 3)]
    bands = [clients.banded([each])[0].clients for each in portions]
    assert (bands[0], bands[2], bands[-1]) == (Band.FEW, Band.SOME, Band.MANY)
    (other,) = clients.banded([replace(ONE, bucket=7200)])
    assert other.clients is Band.FEW
    for at in range(10):
        clients.banded([replace(ONE, bucket=10_000 + at)])
    assert clients.banded([ONE])[0].clients is Band.FEW, "an old slot is forgotten"


def test_slots_are_merged_by_the_widest_band():
    many = replace(ONE, bucket=3900, clients=2**20 - 1)
    (hour,) = coarser([ONE, many], 3600)
    assert hour == Tally(3600, 3600, "own", Bracket.PRIMARY, Deed.BLOCK, 4, Band.MANY)
    assert told(hour).clients is Band.MANY


@given(st.lists(tallies, max_size=40))
def test_merging_neither_loses_nor_doubles(some):
    total = sum(each.count for each in some)
    assert sum(each.count for each in merge(some)) == total
    hours = coarser(some, 3600)
    assert sum(each.count for each in hours) == total
    assert sum(each.count for each in coarser(hours, 86_400)) == total
    assert all(each.bucket % 3600 == 0 for each in hours)


@given(tallies)
def test_what_is_spooled_is_read_back(one):
    assert read_tally(tally_json(one)) == replace(one, clients=band_of(one.clients))
    (day,) = coarser([one], 86_400)
    assert read_tally(tally_json(day)) == day
