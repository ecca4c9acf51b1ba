import random

import pytest

from filterd.report.bands import band_of, bit_of, estimate, widest
from filterd.report.batch import Band

KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("bits", "band"),
    [(0, Band.FEW), (1, Band.FEW), (4, Band.FEW), (5, Band.SOME), (16, Band.SOME), (17, Band.MANY),
     (64, Band.MANY)],
)  # fmt: skip
def test_a_bitmap_gives_a_band(bits, band):
    assert band_of(2**bits - 1) is band


def test_an_estimate_is_near_the_truth():
    rng = random.Random(1)
    for clients in (3, 10, 30, 100):
        found = []
        for _ in range(200):
            bitmap = 0
            for _ in range(clients):
                bitmap |= 1 << rng.randrange(64)
            found.append(estimate(bitmap))
        assert sum(found) / len(found) == pytest.approx(clients, rel=0.1)


def test_bits_of_two_slots_have_nothing_to_do_with_each_other():
    clients = [f"192.0.2.{number}" for number in range(200)]
    same = sum(bit_of(each, 300, KEY) == bit_of(each, 600, KEY) for each in clients)
    assert same < 20
    others = sum(bit_of(each, 300, KEY) == bit_of(each, 300, KEY[::-1]) for each in clients)
    assert others < 20
    assert all(bit_of(each, 300, KEY).bit_count() == 1 for each in clients)


def test_an_ipv6_device_counts_once_whatever_its_address():
    one = bit_of("2001:db8::1", 0, KEY)
    assert one == bit_of("2001:db8::ffff%eth0", 0, KEY)


def test_bands_of_many_slots_are_the_widest():
    assert widest([Band.FEW, Band.MANY, Band.SOME]) is Band.MANY
