from bench.figures import Figure, Part, Results, page


def part(figure: Figure) -> Part:
    return Part(
        "2026-11-22 10:00 UTC", "make bench", "a box", 0.1, [figure], {"a table": ["| x |"]}, {}
    )


def test_a_missed_bar_is_shown() -> None:
    missed = Figure("start", 1.4, "s", 1)
    assert (missed.met, missed.bar) == ("NO", "≤ 1 s")
    assert "**NO**" in missed.row


def test_a_rate_is_held_against_what_it_must_reach() -> None:
    assert Figure("misses", 39_000, "/s", least=40_000).met == "NO"
    assert Figure("misses", 41_000, "/s", least=40_000).met == "yes"
    assert Figure("misses", 41_000, "/s").met == ""


def test_results_come_back_as_they_were_kept(tmp_path) -> None:
    results = Results({"start": part(Figure("start", 0.9, "s", 1, "a note"))})
    results.write(tmp_path / "last.json")
    assert Results.read(tmp_path / "last.json") == results


def test_the_page_has_what_was_asked_for() -> None:
    results = Results(
        {"start": part(Figure("start", 0.9, "s", 1)), "other": part(Figure("o", 2, "s"))}
    )
    text = "\n".join(page(results, ["start", "absent"]))
    assert "| start | 0.9 s | ≤ 1 s | yes |" in text
    assert "| x |" in text
    assert "| o |" not in text
