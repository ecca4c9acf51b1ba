"""Class tables and their JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.model.errors import RulesError
from filterd.model.rule import Action, Condition, Record, Rewrite
from filterd.policy.classes import ClassTable, Origin, RuleClass
from filterd.policy.classes_json import read_meta, write_meta

words = st.text(max_size=8)
numbers = st.frozensets(st.integers(0, 65535), max_size=2)
texts = st.frozensets(words, max_size=2)
conditions = st.builds(Condition, numbers, numbers, texts, texts, texts, texts, texts)
records = st.builds(Record, st.integers(0, 65535), words)
rewrites = st.builds(
    Rewrite, st.integers(0, 15), st.lists(records, max_size=2).map(tuple), st.none() | words
)
classes = st.builds(
    RuleClass,
    origin=st.sampled_from(Origin),
    action=st.sampled_from(Action),
    list=words,
    important=st.booleans(),
    condition=conditions,
    rewrite=st.none() | rewrites,
    dnsrewrite=st.booleans(),
    category=st.none() | words,
    min_age=st.none() | st.integers(0, 255),
    mandatory=st.booleans(),
    allow_list=st.booleans(),
    zone=st.none() | st.integers(0, 65535),
    service=st.none() | words,
    kind=words,
    groups=st.none() | texts,
    expires=st.none() | st.integers(),
    note=words,
)


@given(st.lists(classes, max_size=5))
def test_what_is_written_reads_back(rules):
    table = ClassTable()
    ids = [table.intern(rule) for rule in rules]
    again = read_meta(write_meta(table, {"lists": []}))
    assert [again.classes[class_id] for class_id in ids] == rules


def test_equal_classes_share_an_id():
    table = ClassTable()
    one = table.intern(RuleClass(Origin.LIST, list="l"))
    assert table.intern(RuleClass(Origin.LIST, list="l")) == one
    assert table.intern(RuleClass(Origin.LIST, list="m")) == one + 1
    assert len(table) == 2


@pytest.mark.parametrize(
    "meta",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"version": 1}',
        '{"version": 2, "classes": []}',
        '{"version": 1, "classes": [{}]}',
        '{"version": 1, "classes": [{"origin": "elsewhere"}]}',
        '{"version": 1, "classes": [{"origin": "list", "action": "explode"}]}',
        '{"version": 1, "classes": [{"origin": "list", "stricter": true}]}',
        '{"version": 1, "classes": [{"origin": "list", "condition": {"moon": [1]}}]}',
        '{"version": 1, "classes": [{"origin": "list"}, {"origin": "list"}]}',
    ],
)
def test_what_does_not_read_is_refused_with_what_to_do(meta):
    with pytest.raises(RulesError, match="compile the lists again"):
        read_meta(meta)


def test_defaults_take_no_room():
    table = ClassTable()
    table.intern(RuleClass(Origin.LIST, list="l"))
    assert json.loads(write_meta(table))["classes"] == [{"origin": "list", "list": "l"}]
