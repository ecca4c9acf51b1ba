import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.cli.table import WIDEST, Cell, length, percent, table


def test_columns_are_held_left_or_right_and_empty_ones_left_out():
    rows = [("a", "", "7"), ("long name", "", Cell("1,000", "red"))]
    assert table(("name", "none", ">number"), rows) == [
        "name       number",
        "a               7",
        "long name   1,000",
    ]


def test_vietnamese_is_as_wide_as_it_looks():
    composed = "Trường Tiểu học"
    decomposed = unicodedata.normalize("NFD", composed)
    assert len(decomposed) > len(composed)
    lines = table(("school", "x"), [(composed, "1"), (decomposed, "2")])
    assert lines[1].index("1") == lines[2].index("2")


def test_what_could_steer_a_terminal_is_written_out():
    (_, line) = table(("name",), [("\x1b[2Jevil",)])
    assert line == "\\x1b[2Jevil"


@given(st.lists(st.tuples(st.text(max_size=80), st.text(max_size=80)), min_size=1, max_size=5))
def test_a_cell_is_never_too_wide_and_a_row_is_one_line(rows):
    for line in table(("one", "two"), rows):
        assert len(line.splitlines()) <= 1
        columns = sum(1 + (unicodedata.east_asian_width(each) in "WF") for each in line)
        assert columns - sum(map(bool, map(unicodedata.combining, line))) <= 2 * WIDEST + 2
        assert len(line) <= 4 * WIDEST + 2


@pytest.mark.parametrize("text", ["名" * 60, "a" + "\u0301\u0302" * 200, "x" * 45])
def test_a_long_cell_is_cut_by_what_it_takes_on_a_terminal(text):
    (_, line) = table(("name",), [(text,)])
    assert line.endswith("…")
    assert len(line) <= 2 * WIDEST
    (_, line) = table(("name",), [("名" * 22,)])
    assert line == "名" * 22


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, ""), (0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (119_000, "119.0 s"),
        (120_000, "2.0 min"), (7_200_000, "2.0 h"), (172_800_000, "2.0 d"), (-600_000, "-10.0 min"),
    ],
)  # fmt: skip
def test_lengths(milliseconds, text):
    assert length(milliseconds) == text


@pytest.mark.parametrize(
    ("share", "text"), [(None, ""), (1, "100 %"), (0.99999, "99.9 %"), (0, "0.0 %")]
)
def test_a_hundred_percent_is_all_of_them(share, text):
    assert percent(share) == text
