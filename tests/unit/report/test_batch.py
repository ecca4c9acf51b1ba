import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.report.batch import (
    FIELDS,
    MOST_ROWS,
    SIGNS,
    SIGNS_FORM,
    SITES_FORM,
    SITES_LABELLED,
    SITES_UNLABELLED,
    SPANS,
    Band,
    Batch,
    Bracket,
    Candidate,
    Deed,
    Lane,
    Tallied,
    batch_json,
    read_batch,
)

ROW = Tallied(1_770_000_000, 300, "order:ministry/17", Bracket.PRIMARY, Deed.BLOCK, 7, Band.SOME)
BATCH = Batch("ab" * 32, 1_770_000_000, 3, bytes(32), 1_770_000_300, Lane.COUNTS, (ROW,))
rules = st.sampled_from(["", "own", "order:ministry/2026-1", "category:gambling"])
rows = st.builds(
    lambda slot, span, *rest: Tallied(slot * span, span, *rest),
    st.integers(0, 10_000),
    st.sampled_from(SPANS),
    rules,
    st.sampled_from(Bracket),
    st.sampled_from(Deed),
    st.integers(0, 2**53 - 1),
    st.sampled_from(Band),
)


@given(st.lists(rows, max_size=5))
def test_a_batch_is_read_as_it_was_written(found):
    batch = replace(BATCH, rows=tuple(found))
    assert read_batch(json.loads(json.dumps(batch_json(batch)))) == batch


def test_candidates_too():
    batch = replace(
        BATCH,
        lane=Lane.CANDIDATES,
        rows=(),
        candidates=(Candidate(0, "new.example", 60, Band.MANY),),
    )
    assert read_batch(batch_json(batch)) == batch


SITES_ROW = [1_769_990_400, 86_400, "sites:vn-unlabelled", "all", "pass", 12, "1-4"]


@pytest.mark.parametrize("rule", [SITES_LABELLED, SITES_UNLABELLED])
@pytest.mark.parametrize("count", [0, 12])
def test_sites_of_a_day_are_a_row_with_nothing_but_their_number(rule, count):
    span, *words = SITES_FORM
    row = Tallied(1_769_990_400, span, rule, *words[:2], count, words[2])
    batch = replace(BATCH, rows=(row,))
    assert read_batch(json.loads(json.dumps(batch_json(batch)))) == batch


@pytest.mark.parametrize(
    ("at", "other"),
    [
        (1, 300),
        (2, "sites:vn"),
        (2, "sites:"),
        (2, "sites:vn-labelled/shop.example"),
        (2, "sites:vn-unlabelled "),
        (2, "sites:com-labelled"),
        (3, "6-10"),
        (4, "block"),
        (5, -1),
        (6, "20+"),
    ],
)
def test_sites_in_any_other_form_are_refused(at, other):
    read_batch({**batch_json(BATCH), "rows": [SITES_ROW]})
    row = [*SITES_ROW[:at], other, *SITES_ROW[at + 1 :]]
    with pytest.raises(ValueError, match=r"not (a rule|as sites|a number)"):
        read_batch({**batch_json(BATCH), "rows": [row]})


SIGNS_ROW = [1_769_990_400, 86_400, "bypass:vpn", "6-10", "pass", 12, "1-4"]
SIGNALS = replace(BATCH, lane=Lane.SIGNALS, rows=())


@pytest.mark.parametrize("rule", sorted(SIGNS))
@pytest.mark.parametrize("bracket", Bracket)
def test_signs_of_a_day_are_a_row_with_kind_age_and_number(rule, bracket):
    span, deed, clients = SIGNS_FORM
    row = Tallied(1_769_990_400, span, rule, bracket, deed, 12, clients)
    batch = replace(SIGNALS, rows=(row,))
    assert read_batch(json.loads(json.dumps(batch_json(batch)))) == batch


@pytest.mark.parametrize(
    ("at", "other"),
    [
        (1, 300),
        (1, 3600),
        (2, "bypass:"),
        (2, "bypass:class 3b"),
        (2, "bypass:vpn/192.0.2.1"),
        (2, "bypass:VPN"),
        (3, "class 3b"),
        (4, "block"),
        (5, -1),
        (6, "20+"),
    ],
)
def test_signs_in_any_other_form_are_refused(at, other):
    read_batch({**batch_json(SIGNALS), "rows": [SIGNS_ROW]})
    row = [*SIGNS_ROW[:at], other, *SIGNS_ROW[at + 1 :]]
    with pytest.raises(
        ValueError, match=r"not (a bucket|a rule|as signs|a number|a valid)|valid B"
    ):
        read_batch({**batch_json(SIGNALS), "rows": [row]})


@pytest.mark.parametrize(
    ("lane", "rows"),
    [("counts", [SIGNS_ROW]), ("signals", [SITES_ROW]), ("signals", [SIGNS_ROW, SITES_ROW])],
)
def test_signs_are_in_batches_of_their_own(lane, rows):
    """A hub that does not know them refuses these, and nothing else."""
    with pytest.raises(ValueError, match="of their own"):
        read_batch({**batch_json(BATCH), "lane": lane, "rows": rows})


def test_there_is_no_field_that_could_hold_a_client():
    """Whoever adds one has to say here what it holds."""
    assert [field.name for field in fields(Tallied)] == [
        "bucket",
        "span",
        "rule",
        "bracket",
        "deed",
        "count",
        "clients",
    ]
    assert [field.name for field in fields(Candidate)] == ["day", "domain", "count", "clients"]
    assert {field.name for field in fields(Batch)} == set(FIELDS)


@pytest.mark.parametrize(
    "row",
    [
        [1_770_000_000, 300, "order:ministry/17", "6-10", "block", 7],
        [1_770_000_000, 300, "order:ministry/17", "6-10", "block", 7, "5-19", "192.0.2.1"],
        [1_770_000_001, 300, "own", "6-10", "block", 7, "5-19"],
        [1_770_000_000, 60, "own", "6-10", "block", 7, "5-19"],
        [1_770_000_000, 300, "192.0.2.1", "6-10", "block", 7, "5-19"],
        [1_770_000_000, 300, "category:02:00:5e:10:00:01", "6-10", "block", 7, "5-19"],
        [1_770_000_000, 300, "own", "class 3b", "block", 7, "5-19"],
        [1_770_000_000, 300, "own", "6-10", "look", 7, "5-19"],
        [1_770_000_000, 300, "own", "6-10", "block", -7, "5-19"],
        [1_770_000_000, 300, "own", "6-10", "block", True, "5-19"],
        [1_770_000_000, 300, "own", "6-10", "block", 7, "6"],
        "own",
    ],
)
def test_a_row_of_another_shape_is_refused(row):
    with pytest.raises(ValueError, match=r".+"):
        read_batch({**batch_json(BATCH), "rows": [row]})


def test_a_batch_has_bounds():
    with pytest.raises(ValueError, match="more than"):
        read_batch({**batch_json(BATCH), "rows": batch_json(BATCH)["rows"] * (MOST_ROWS + 1)})


@pytest.mark.parametrize("before", ["", "00", "zz" * 32])
def test_a_chain_that_is_none(before):
    with pytest.raises(ValueError, match=r".+"):
        read_batch({**batch_json(BATCH), "before": before})
