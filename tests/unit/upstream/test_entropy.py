import random

from hypothesis import given
from hypothesis import strategies as st

from filterd.upstream.entropy import BLOCK, Entropy


@given(st.lists(st.integers(1, 2100), max_size=60), st.integers(0, 9))
def test_every_draw_fits_its_bits(sizes, seed):
    entropy = Entropy(random.Random(seed))
    for size in sizes:
        assert 0 <= entropy.getrandbits(size) < 1 << size


def test_no_octet_is_given_twice():
    class Counting(random.Random):
        def getrandbits(self, k):
            # Octets 0, 1, 2, …: each 16 bits of a block are different from all others.
            return int.from_bytes(b"".join(i.to_bytes(2, "big") for i in range(k // 16)), "big")

    entropy = Entropy(Counting())
    seen = [entropy.getrandbits(16) for _ in range(BLOCK // 2)]
    assert seen == list(range(BLOCK // 2))


def test_bits_are_even():
    entropy = Entropy(random.SystemRandom())
    ones = sum(entropy.getrandbits(64).bit_count() for _ in range(2000))
    assert 62_000 < ones < 66_000
