from threading import Thread

from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.report.buffer import Buffer


def test_oldest_first_out():
    buffer = Buffer(10)
    buffer.put([1, 2, 3])
    assert buffer.take(2) == [1, 2]
    assert buffer.take(9) == [3]
    assert buffer.take(9) == []


def test_full_drops_the_oldest_and_counts():
    buffer = Buffer(3)
    buffer.put(range(5))
    assert buffer.dropped == 2
    assert buffer.take(9) == [2, 3, 4]


def test_what_is_put_back_is_the_oldest_again():
    buffer = Buffer(3)
    buffer.put([1, 2])
    taken = buffer.take(2)
    buffer.put([3, 4])
    buffer.put_back(taken)
    assert buffer.dropped == 1
    assert buffer.take(9) == [2, 3, 4]


@settings(deadline=None)
@given(st.integers(1, 5), st.lists(st.lists(st.integers(), max_size=4), max_size=8))
def test_it_holds_the_last_of_what_was_put(capacity, batches):
    buffer = Buffer(capacity)
    everything = []
    for batch in batches:
        buffer.put(batch)
        everything += batch
    assert len(buffer) <= capacity
    assert buffer.dropped + len(buffer) == len(everything)
    assert buffer.take(99) == everything[-capacity:]


def test_threads_lose_and_double_nothing():
    buffer = Buffer(1_000_000)
    taken = []
    done = []

    def take():
        while not done or len(buffer):
            taken.extend(buffer.take(7))

    taker = Thread(target=take)
    putters = [Thread(target=lambda: [buffer.put([i]) for i in range(5000)]) for _ in range(3)]
    taker.start()
    for putter in putters:
        putter.start()
    for putter in putters:
        putter.join()
    done.append(True)
    taker.join()
    assert sorted(taken) == sorted(list(range(5000)) * 3)
