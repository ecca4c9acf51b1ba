"""Ranks of lists of rules about requests: by group, by the hour, and as JSON."""

import json

import pytest

from filterd.config.load import loads
from filterd.config.school import school
from filterd.model.group import ListSpec
from filterd.model.verdict import Step
from filterd.policy.abp_rules import abp_classes
from filterd.policy.plan import outline_of
from filterd.policy.precedence import NOT_APPLICABLE
from filterd.policy.request_standing import standing_in, standing_of, standing_out
from tests.support.handed import BOOK

MONDAY = 1_788_732_000.0  # 2026-09-07 05:00 in Ho Chi Minh City
LISTS = {
    "ads": {"format": "abp-url", "path": "a"},
    "games": {"format": "abp-url", "path": "b", "min_age": 12},
    "order": {"format": "abp-url", "path": "c", "mandatory": True},
}
CONFIG = {
    "timezone": "Asia/Ho_Chi_Minh",
    "default_group": "pupils",
    "lists": LISTS,
    "schedules": {"lessons": {"windows": [{"days": ["mon"], "from": "07:00", "to": "11:00"}]}},
    "groups": {
        "pupils": {"age": 10, "schedules": [{"during": "lessons", "block": ["list:ads"]}]},
        "older": {"age": 15, "lists": ["games"]},
        "staff": {"age": 18, "filtered": False},
    },
}
SPECS = [ListSpec(name, "abp-url", min_age=each.get("min_age"), mandatory="mandatory" in each)
         for name, each in LISTS.items()]  # fmt: skip


def standing():
    outline = outline_of(school(loads(json.dumps(CONFIG)), BOOK), BOOK, MONDAY)
    return standing_of(abp_classes(SPECS), outline.frame)


def steps(group, now):
    """The step of each list's blocks and exceptions, None where it has no say."""
    ranks = standing().row(group, now).ranks
    return [
        None if rank == NOT_APPLICABLE else rank >> 8
        for rank in ranks[0:2] + ranks[3:5] + ranks[6:8]
    ]


def test_each_group_has_its_own_and_an_orders_exceptions_are_nobodys():
    assert steps("pupils", MONDAY) == [Step.LIST, Step.LIST, Step.AGE, Step.LIST, Step.ORDER, None]
    assert steps("older", MONDAY) == [None, None, None, None, Step.ORDER, None]
    assert steps("staff", MONDAY) == [None, None, None, None, Step.ORDER, None]


def test_a_timetable_moves_a_list_at_its_hours_alone():
    hours = [steps("pupils", MONDAY + hour * 3600)[:2] for hour in (0, 2, 5.9, 6, 24 * 7 + 3)]
    lessons = [Step.SCHEDULE, Step.LIST]
    assert hours == [[Step.LIST] * 2, lessons, lessons, [Step.LIST] * 2, lessons]


def test_as_json_it_is_the_same():
    made = standing()
    text = json.dumps(standing_out(made))
    assert standing_in(json.loads(text), len(SPECS) * 3) == made


@pytest.mark.parametrize(
    "spoil",
    [
        lambda said: said["rows"][0].pop(),
        lambda said: said["groups"].update(pupils=[[0, 99]]),
        lambda said: said["groups"].update(pupils=[]),
        lambda said: said.pop("rows"),
    ],
)
def test_what_does_not_fit_is_refused(spoil):
    said = json.loads(json.dumps(standing_out(standing())))
    spoil(said)
    with pytest.raises((ValueError, KeyError)):
        standing_in(said, len(SPECS) * 3)
