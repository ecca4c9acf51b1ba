"""What leaves the core about clients: bits that say about how many, and nothing of whom."""

import math

import pytest

from tests.support.desk import NOW, PLAIN, Desk

KEY = bytes(range(16))
BLOCKING = (
    "lists: {l: {url: 'https://lists.example/l', format: domains}}\n"
    "groups: {g: {age: 18, safe_search: false, lists: [l]}}\n"
    "default_group: g\n"
)
CLIENTS = 8  # the place in a row


@pytest.fixture
def made():
    desks = []

    def make(key=KEY, sample=0, config=PLAIN, **more):
        desk = Desk(config, ["www.example.com A 192.0.2.1"], record="counts", **more)
        desk.engine.set_bands(key, sample)
        desks.append(desk)
        return desk

    yield make
    for desk in desks:
        desk.close()


def rows_of(desk, clients):
    for client in clients:
        assert desk.ask("www.example.com", client=client) is not None
    return desk.engine.counts()


def bits_of(desk, client):
    (row,) = rows_of(desk, [client])
    return row[CLIENTS]


def test_a_row_says_about_how_many_clients_it_is_of(made):
    for count in (1, 3, 30):
        (row,) = rows_of(made(), [f"192.0.2.{n % count + 1}" for n in range(60)])
        about = -64 * math.log(1 - row[CLIENTS].bit_count() / 64)
        assert row[6] == 60
        assert count * 0.5 < about < count * 1.5


def test_rows_of_two_clients_differ_in_nothing_that_tells_their_addresses(made):
    # Both ways round: which bit is whose is the key's to say, and nobody else's.
    one, other = "192.0.2.1", "2001:db8::77"
    desk, of_one, of_other = made(), [], []
    for number in range(40):
        desk.engine.set_bands(bytes([number]) * 16)
        of_one.append(rows_of(desk, [one]))
        of_other.append(rows_of(desk, [other]))
    assert {row[:CLIENTS] for (row,) in of_one} == {row[:CLIENTS] for (row,) in of_other}
    ones, others = ({row[CLIENTS] for (row,) in rows} for rows in (of_one, of_other))
    assert all(bits.bit_count() == 1 for bits in ones | others)
    assert len(ones) > 15 < len(others)
    assert len(ones & others) > 5
    text = repr(of_one + of_other)
    assert one not in text
    assert other not in text


def test_a_client_has_another_bit_in_each_slot_and_the_same_within_one(made):
    desk = made()
    bits = []
    for slot in range(40):
        within = set()
        for second in (0, 299):
            desk.now = NOW + 300 * slot + second
            within.add(bits_of(desk, "192.0.2.1"))
        assert len(within) == 1
        bits += within
    assert len(set(bits)) > 15


def test_without_a_key_there_are_no_bits_and_no_sample(made):
    desk = made(b"")
    assert bits_of(desk, "192.0.2.1") == 0
    assert desk.engine.take_sample() == []
    for key, sample in ((b"", 64), (b"short", 0), (bytes(17), 0)):
        with pytest.raises(ValueError, match="16 bytes"):
            desk.engine.set_bands(key, sample)


def test_a_sample_is_names_and_bits_of_the_day_taken_once(made):
    desk = made(sample=1, config=BLOCKING, lists={"l": "bad.example\n"})
    bits = set()
    for hour in (0, 10):  # the same day, UTC
        desk.now = NOW - NOW % 86_400 + 3600 * hour
        desk.ask("WWW.example.COM", client="192.0.2.1")
        desk.ask("bad.example", client="192.0.2.1")
        names = []
        for name, client, blocked in desk.engine.take_sample():
            names.append((name, blocked))
            bits.add(client)
        assert names == [("www.example.com", False), ("bad.example", True)]
    assert desk.engine.take_sample() == []
    assert len(bits) == 1
    assert bits.pop().bit_count() == 1


def test_samples_that_nobody_takes_are_bounded_and_counted(made):
    desk = made(sample=1, config=BLOCKING, lists={"l": "bad.example\n"})
    query = b"\0\1\1\0\0\1\0\0\0\0\0\0\x03bad\x07example\0\0\1\0\1"
    for number in range(20_000):
        assert isinstance(desk.engine.handle(query, "192.0.2.1", NOW, NOW, 0), bytes)
        if number % 500 == 0:
            desk.engine.stats()
    dropped = desk.engine.stats()["samples_dropped"]
    assert dropped == 20_000 - 16_384
    assert len(desk.engine.take_sample()) == 16_384
