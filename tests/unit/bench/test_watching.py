import pytest

from bench.large.watching import Asked, Fate, read

MS = 1_000_000


def test_in_force_counts_from_the_call_to_the_first_blocked_answer() -> None:
    asked = [Asked(1 * MS, 2 * MS, "a"), Asked(12 * MS, 14 * MS, "b"), Asked(15 * MS, 16 * MS, "b")]
    fate = Fate.of(asked, called=10 * MS, told=20 * MS)
    assert (fate.in_force_ms, fate.told_ms) == (4.0, 10.0)
    assert (fate.let_through, fate.lost, fate.other) == (0, 0, 0)


def test_an_answer_to_a_query_sent_after_the_first_block_was_let_through() -> None:
    asked = [Asked(1, 2, "a"), Asked(11, 14, "b"), Asked(13, 15, "a"), Asked(15, 16, "a")]
    assert Fate.of(asked, called=10, told=30).let_through == 1


def test_an_answer_after_the_daemon_told_was_let_through_even_before_a_block() -> None:
    asked = [Asked(1, 2, "a"), Asked(21, 22, "a"), Asked(25, 26, "b")]
    assert Fate.of(asked, called=10, told=20).let_through == 1


def test_silence_and_other_answers_are_counted() -> None:
    asked = [Asked(1, 2, "a"), Asked(3, 0, "-"), Asked(4, 5, "o"), Asked(11, 12, "b")]
    fate = Fate.of(asked, called=10, told=20)
    assert (fate.lost, fate.other, fate.asked) == (1, 1, 4)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param([Asked(1, 2, "a")], id="never blocked"),
        pytest.param([Asked(1, 2, "a"), Asked(3, 4, "b")], id="blocked before the call"),
        pytest.param([Asked(11, 12, "b")], id="never answered"),
    ],
)
def test_a_name_that_says_nothing_of_the_rule_is_an_error(asked: list[Asked]) -> None:
    with pytest.raises(RuntimeError, match="watched name"):
        Fate.of(asked, called=10, told=20)


def test_the_log_is_read_by_the_time_of_sending(tmp_path) -> None:
    log = tmp_path / "watched.log"
    log.write_text("0 20 30 b\n0 5 0 -\n")
    assert read(log) == [Asked(5, 0, "-"), Asked(20, 30, "b")]
