"""Names that no order blocks: as they are signed, and nothing else."""

import pytest

from filterd.feed.popular import MOST_NAMES, popular_json, read_popular
from filterd.feed.refusal import Fault, Refused


def test_names_come_back_as_they_were_signed():
    names = ("mail.example", "search.example")
    assert read_popular(popular_json(reversed(names))) == names


@pytest.mark.parametrize(
    "names",
    [[1], [""], ["Search.example"], ["a..b"], ["x" * 300], ["n.example"] * (MOST_NAMES + 1)],
)
def test_what_is_no_name_is_refused(names):
    with pytest.raises(Refused) as refused:
        read_popular({"names": names})
    assert refused.value.fault is Fault.MALFORMED


def test_another_field_is_refused():
    with pytest.raises(Refused):
        read_popular({"names": [], "more": 1})
