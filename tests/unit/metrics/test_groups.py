from filterd.metrics.groups import SLOT, GroupTotals

T = 1_770_000_000 // SLOT * SLOT


def read(totals, now):
    return {(group, verdict): number for group, verdict, number in totals.read(now)}


def test_a_slot_is_told_when_it_is_over_and_not_before():
    totals = GroupTotals()
    totals.add([(T, "3A", "block", 2), (T, "3A", "pass", 5)])
    assert read(totals, T + SLOT - 1) == {}
    assert read(totals, T + SLOT) == {("3A", "block"): 2, ("3A", "pass"): 5}


def test_the_last_rows_of_a_slot_come_late_and_count():
    totals = GroupTotals()
    totals.add([(T, "3A", "block", 2)])
    assert read(totals, T + SLOT)["3A", "block"] == 2
    totals.add([(T, "3A", "block", 3), (T + SLOT, "3A", "block", 40), (T, "3A", "block", 1)])
    assert read(totals, T + SLOT + 30)["3A", "block"] == 6
    assert read(totals, T + 2 * SLOT)["3A", "block"] == 46


def test_what_is_announced_is_shown_as_0():
    totals = GroupTotals()
    totals.announce(["3A"], ["block", "pass"])
    assert read(totals, T) == {("3A", "block"): 0, ("3A", "pass"): 0}


def test_totals_never_go_back_whatever_the_clock_does():
    totals, before = GroupTotals(), 0
    for slot in (T, T + SLOT, T - 10 * SLOT, T + 5 * SLOT, T):
        totals.add([(slot, "3A", "block", 1)])
        now = read(totals, slot + SLOT).get(("3A", "block"), 0)
        assert now >= before
        before = now
    assert read(totals, T + 9 * SLOT)["3A", "block"] == 5
