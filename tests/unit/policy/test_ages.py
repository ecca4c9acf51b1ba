"""Which age counts for a class."""

from dataclasses import replace

import pytest

from filterd.model.group import ALWAYS, Group, School
from filterd.policy.ages import NEVER, category_ages, effective_min_age, too_young
from filterd.policy.classes import Origin, RuleClass
from tests.support.policy_world import BOOK

AGES = {"adult": 18, "games": 12, "illegal": ALWAYS}
SCHOOL = School((Group("g", 10),), "g")


@pytest.mark.parametrize(
    ("category", "min_age", "own", "expected"),
    [
        (None, None, {}, None),
        ("unheard-of", None, {}, None),
        (None, 16, {}, 16),
        ("games", None, {}, 12),
        ("games", 9, {}, 9),
        ("games", 16, {}, 16),
        ("games", 16, {"games": 14}, 14),
        ("games", None, {"games": None}, NEVER),
        ("games", None, {"adult": 3}, 12),
        ("illegal", None, {"illegal": None}, ALWAYS),
        ("illegal", 3, {"illegal": 3}, ALWAYS),
        ("games", ALWAYS, {"games": None}, ALWAYS),
    ],
)
def test_the_age_in_force(category, min_age, own, expected):
    rule = RuleClass(Origin.LIST, category=category, min_age=min_age)
    assert effective_min_age(rule, AGES, own) == expected


def test_a_school_changes_ages_but_not_what_is_illegal():
    school = replace(SCHOOL, category_ages=(("games", 16), ("illegal", 3), ("own", 5)))
    assert category_ages(BOOK, school) == {"adult": 18, "games": 16, "illegal": ALWAYS, "own": 5}


def test_the_age_itself_is_old_enough():
    assert too_young(Group("g", 11), 12)
    assert not too_young(Group("g", 12), 12)
    assert not too_young(Group("g", 3), NEVER)
    assert too_young(Group("staff", 18), ALWAYS)
