"""Budgets: what is a breach, what is said about it, and that the file is read as it is written."""

import pytest

from bench import budgets
from bench.budgets import BUDGETS, Budget, Budgets, Unmeasured

HERE = {"processor": "x86_64", "rustc": "1.90.0"}
HIT = Budgets({"hit": Budget(1000, 0.03)}, HERE)


@pytest.mark.parametrize(
    ("counted", "breach", "remark"),
    [(1000, False, ""), (1029, False, ""), (1031, True, "TOO MUCH"), (960, False, "less: lower")],
)
def test_a_count_above_its_tolerance_is_a_breach(counted, breach, remark):
    (row,) = budgets.compare({"hit": counted}, HIT)
    assert row.breach is breach
    assert remark in row.text
    assert bool(budgets.advice([row], HIT, HERE)) is breach


def test_a_sort_without_a_budget_and_a_budget_without_a_sort_are_breaches():
    rows = budgets.compare({"miss": 5.0}, HIT)
    assert [(row.sort, row.breach) for row in rows] == [("miss", True), ("hit", True)]
    assert "NO BUDGET" in rows[0].text
    assert "NOT COUNTED" in rows[1].text


def test_the_advice_names_the_profile_the_way_out_and_another_compiler():
    rows = budgets.compare({"hit": 2000.0}, HIT)
    first, second = budgets.advice(rows, HIT, {**HERE, "rustc": "1.91.0"})
    assert "build/budgets/hit.callgrind" in first
    assert "raise the budget in the same commit" in first
    assert "rustc 1.90.0, here it is 1.91.0" in second


def test_the_file_is_read_as_it_is_written_and_tolerances_stay():
    old = Budgets({"hit": Budget(1000, 0.05)}, HERE)
    new = budgets.renewed({"hit": 900.4, "miss": 7000.0}, old, HERE)
    assert Budgets.parse(new.text()) == Budgets(
        {"hit": Budget(900, 0.05), "miss": Budget(7000, budgets.TOLERANCE)}, HERE
    )


@pytest.mark.parametrize("profile", ["", "events: Ir\ntotals: 0\n"])
def test_a_profile_of_nothing_is_no_count(profile):
    with pytest.raises(Unmeasured, match="collected nothing"):
        budgets.instructions(profile)


def test_the_total_of_a_profile():
    assert budgets.instructions("summary: 9\nevents: Ir\n\nfn=(1)\n1 5\n\ntotals: 4242\n") == 4242


@pytest.mark.parametrize(
    ("arguments", "ci", "code"), [([], None, 0), (["--required"], None, 1), ([], "true", 1)]
)
def test_without_valgrind_it_says_so_and_fails_where_it_is_required(
    monkeypatch, capsys, arguments, ci, code
):
    monkeypatch.setattr(budgets.shutil, "which", lambda _: None)
    monkeypatch.setattr(budgets, "toolchain", lambda: HERE)
    monkeypatch.delenv("CI", raising=False)
    if ci:
        monkeypatch.setenv("CI", ci)
    assert budgets.main(arguments) == code
    assert "NOT CHECKED: valgrind is not here" in capsys.readouterr().err


def test_the_budgets_that_are_kept():
    kept = Budgets.parse(BUDGETS.read_text(encoding="utf-8"))
    assert list(kept.by_sort) == [
        "parse", "lookup", "hit", "hit-shared", "block", "block-new", "miss",
        "hit-strict", "miss-strict",
    ]  # fmt: skip
    assert all(0 < budget.tolerance <= 0.05 for budget in kept.by_sort.values())
    assert set(kept.counted_with) == {"processor", "rustc", "libc"}
