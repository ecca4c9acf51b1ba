"""The core of what is never decrypted: as it is signed, and nothing else."""

import pytest

from filterd.feed.names import MOST_NAMES
from filterd.feed.never import NeverList, never_json, read_never
from filterd.feed.refusal import Fault, Refused


def test_names_come_back_as_they_were_signed():
    never = NeverList(3, ("bank.example", "clinic.example"))
    assert read_never(never_json(NeverList(3, never.names[::-1]))) == never


@pytest.mark.parametrize(
    "names",
    [[], [1], [""], ["Bank.example"], ["a..b"], ["192.0.2.1"], ["n.example"] * (MOST_NAMES + 1)],
)
def test_what_is_no_list_of_names_is_refused(names):
    with pytest.raises(Refused) as refused:
        read_never({"version": 1, "names": names})
    assert refused.value.fault is Fault.MALFORMED


@pytest.mark.parametrize(
    "value",
    [
        {"names": ["bank.example"]},
        {"version": 0, "names": ["bank.example"]},
        {"version": True, "names": ["bank.example"]},
        {"version": 1, "names": ["bank.example"], "more": 1},
        {"version": 1, "names": "bank.example"},
        [],
    ],
)
def test_another_shape_is_refused(value):
    with pytest.raises(Refused) as refused:
        read_never(value)
    assert refused.value.fault is Fault.MALFORMED
