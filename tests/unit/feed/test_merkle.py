import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.merkle import (
    Edge,
    consistency,
    inclusion,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
    tree_root,
)

# RFC 6962 gives no vectors; these are those of its reference log, for the leaves "", 00, 10, 2021…
KNOWN = [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def leaves(n):
    return [leaf_hash(bytes([at])) for at in range(n)]


def plain_root(hashes):
    """The definition of RFC 6962 section 2.1, word by word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    half = 1
    while half * 2 < len(hashes):
        half *= 2
    return node_hash(plain_root(hashes[:half]), plain_root(hashes[half:]))


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_roots_of_the_reference_log(size, root):
    assert tree_root([leaf_hash(each) for each in KNOWN[:size]]).hex() == root


@given(st.integers(0, 70))
def test_the_edge_comes_to_the_root_of_the_definition(n):
    assert tree_root(leaves(n)) == plain_root(leaves(n))


@given(st.integers(0, 70), st.integers(0, 70))
def test_a_proof_holds_for_every_beginning(one, other):
    before, after = sorted((one, other))
    hashes = leaves(after)
    proof = consistency(hashes, before)
    old, new = (before, tree_root(hashes[:before])), (after, tree_root(hashes))
    assert is_consistent(old, new, proof)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 10), st.integers(0, 255))
def test_a_proof_of_another_history_does_not_hold(one, other, at, bit):
    before, after = sorted((one, other))
    hashes = leaves(after)
    proof = list(consistency(hashes, before))
    changed = [leaf_hash(b"another"), *hashes[1:]]
    old, new = (before, tree_root(hashes[:before])), (after, tree_root(hashes))
    assert not is_consistent((before, tree_root(changed[:before])), new, proof)
    assert not is_consistent(old, (after, tree_root(changed)), proof)
    if proof:
        place = at % len(proof)
        proof[place] = bytes([proof[place][0] ^ (1 << bit % 8)]) + proof[place][1:]
        assert not is_consistent(old, new, proof)
        assert not is_consistent(old, new, proof[:-1])
    assert not is_consistent(old, new, [*proof, leaf_hash(b"more")])


def test_an_edge_with_the_wrong_number_of_roots_is_none():
    with pytest.raises(ValueError, match="2 edges"):
        Edge(3, (leaf_hash(b""),))


@given(st.integers(1, 70), st.data())
def test_a_leaf_is_proved_to_be_where_it_is_and_nowhere_else(size, data):
    at = data.draw(st.integers(0, size - 1))
    hashes, proof = leaves(size), inclusion(leaves(size), at)
    tree = (size, tree_root(hashes))
    assert is_included(hashes[at], at, tree, proof)
    other = data.draw(st.integers(-1, size + 1).filter(lambda each: each != at))
    assert not is_included(hashes[at], other, tree, proof)
    assert not is_included(leaf_hash(b"other"), at, tree, proof)
    assert not is_included(hashes[at], at, tree, (*proof, bytes(32)))
    if proof:
        assert not is_included(hashes[at], at, tree, proof[:-1])
        assert not is_included(hashes[at], at, tree, (proof[0][:-1], *proof[1:]))


def test_there_is_no_proof_of_a_leaf_that_is_not_there():
    for at in (-1, 3):
        with pytest.raises(ValueError, match="not a leaf"):
            inclusion(leaves(3), at)
