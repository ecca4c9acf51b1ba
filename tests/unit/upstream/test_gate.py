import pytest

from filterd.upstream.gate import Gate


def test_lets_so_many_in_and_counts_the_rest():
    gate = Gate(2)
    assert [gate.enter() for _ in range(4)] == [True, True, False, False]
    assert (gate.inside, gate.peak, gate.turned_away) == (2, 2, 2)
    gate.leave()
    assert gate.enter()
    assert not gate.enter()


def test_a_gate_that_lets_nobody_in_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        Gate(0)
