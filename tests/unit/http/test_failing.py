"""What passes where something cannot be asked: each class of sites, each loss."""

import pytest

from filterd.http.failing import Failing, Lost

LEARNING = frozenset({"school.example"})


@pytest.mark.parametrize(
    ("inappropriate", "lost", "name", "passes"),
    [
        (False, Lost.RULES, "other.example", False),
        (True, Lost.RULES, "other.example", False),
        (False, Lost.PAGES, "other.example", False),
        (True, Lost.PAGES, "other.example", True),
        (True, Lost.ORDERS, "other.example", False),
        (True, Lost.RULES, "notschool.example", False),
        *[(False, lost, "www.school.example", True) for lost in Lost],
    ],
)
def test_illegal_closes_inappropriate_as_said_and_learning_never(inappropriate, lost, name, passes):
    assert Failing(LEARNING, inappropriate).passes(lost, name) is passes
