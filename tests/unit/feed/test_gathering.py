import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.canonical import canonical
from filterd.feed.envelope import seal
from filterd.feed.gathering import gathered
from filterd.feed.keys import public_key
from filterd.feed.receipt import (
    MOST_CHECKS,
    MOST_EARLIER,
    Check,
    Earlier,
    Receipt,
    read_receipt,
    sign_receipt,
)
from filterd.feed.refusal import Refused
from tests.support.ministry import signer

KEY = signer()
PUBLIC = public_key(KEY)
AT = 1_770_000_000_000


def receipt(size, **changed):
    times = {"received_at": AT + size, "applied_at": AT + size + 3, "observed_at": AT + size + 7}
    rest = {"root": bytes([size % 256]) * 32, "state": bytes(32), "refused": 0, "software": "test"}
    return Receipt(**{"node": PUBLIC.id, "size": size, **times, **rest, **changed})


def sent(*receipts):
    """What arrives of them, as it is read there."""
    sealed = [sign_receipt(each, KEY) for each in receipts]
    there = json.loads(canonical({"receipts": gathered(sealed, KEY)}))["receipts"]
    return [read_receipt(each, PUBLIC) for each in there]


def test_a_run_is_one_with_the_times_of_the_others():
    (one,) = sent(receipt(3), receipt(4, observed_at=AT + 90), receipt(9))
    assert (one.size, one.root) == (9, bytes([9]) * 32)
    assert one.earlier == (
        Earlier(3, AT + 3, AT + 6, AT + 10),
        Earlier(4, AT + 4, AT + 7, AT + 90),
    )


def test_one_alone_is_sent_as_it_was_signed():
    sealed = sign_receipt(receipt(3), KEY)
    assert gathered([sealed], KEY) == [sealed]


@pytest.mark.parametrize(
    "changed",
    [{"refused": 1}, {"software": "newer"}, {"held": (1,)}, {"earlier": (Earlier(3, 1, 2, 3),)}],
)
def test_what_says_something_else_is_not_gathered(changed):
    before, other, after = sent(receipt(4), receipt(5, **changed), receipt(6))
    assert (before.earlier, other, after.earlier) == ((), receipt(5, **changed), ())


def test_what_is_damaged_goes_by_itself():
    sealed = [sign_receipt(receipt(size), KEY) for size in range(1, 6)]
    sealed[2]["signature"] = "00" * 64
    first, damaged, last = gathered(sealed, KEY)
    assert damaged is sealed[2]
    assert [read_receipt(each, PUBLIC).size for each in (first, last)] == [2, 5]


times = st.integers(0, 2**50)
checks = st.lists(
    st.builds(Check, st.just("expiry"), st.integers(0, 9).map(str), times, times, st.booleans()),
    max_size=9,
)
receipts = st.lists(
    st.builds(
        lambda received, applied, observed, refused, held, made: {
            "received_at": received, "applied_at": applied, "observed_at": observed,
            "refused": refused, "held": held, "checks": tuple(made),
        },
        times, times, times, st.integers(0, 1), st.sampled_from([(), (0,)]), checks,
    ),
    min_size=1,
    max_size=80,
)  # fmt: skip


@given(receipts)
def test_nothing_is_lost_or_made_up(several):
    made = [receipt(size, **each) for size, each in enumerate(several, 1)]
    there = sent(*made)
    assert all(len(each.earlier) <= MOST_EARLIER for each in there)
    assert all(len(each.checks) <= MOST_CHECKS for each in there)
    told = [
        (each.size, each.received_at, each.applied_at, each.observed_at, one.refused, one.held)
        for one in there
        for each in (*one.earlier, one)
    ]
    assert told == [
        (each.size, each.received_at, each.applied_at, each.observed_at, each.refused, each.held)
        for each in made
    ]
    assert [c for one in there for c in one.checks] == [c for one in made for c in one.checks]
    assert len({(one.refused, one.held) for one in there}) == len(
        {(one.refused, one.held) for one in made}
    )


@pytest.mark.parametrize(
    "earlier",
    [
        [[9, 1, 2, 3]], [[10, 1, 2, 3]], [[3, 1, 2, 3], [3, 1, 2, 3]], [[4, 1, 2, 3], [3, 1, 2, 3]],
        [[3, 1, 2]], [[3, 1, 2, "3"]], [[True, 1, 2, 3]], [3], ["x"], [None],
        [[size, 1, 2, 3] for size in range(-60, 8)],
    ],
)  # fmt: skip
def test_earlier_ones_that_cannot_be_are_refused(earlier):
    sealed = sign_receipt(receipt(9), KEY)
    plain = sealed["receipt"] | {"earlier": earlier}
    with pytest.raises(Refused):
        read_receipt(seal("receipt", plain, KEY), PUBLIC)
