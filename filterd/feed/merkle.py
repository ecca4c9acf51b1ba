"""A Merkle tree over the segments of the log (RFC 6962 section 2.1).

A node keeps the tree's right edge, a few hashes, and adds each segment it takes; the root it comes
to is compared with the signed one, so no segment can be changed, left out or put elsewhere. Whoever
keeps no segments, such as an auditor, checks a consistency proof instead.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

HASH = 32  # octets


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Edge:
    """A tree of `size` leaves by its right edge: the roots of its whole subtrees, largest first."""

    size: int = 0
    roots: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.roots) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} leaves has {self.size.bit_count()} edges")

    def add(self, leaf: bytes) -> "Edge":
        """Return the tree with one more leaf, given by its hash."""
        roots, size = list(self.roots), self.size
        while size & 1:
            leaf = node_hash(roots.pop(), leaf)
            size >>= 1
        return Edge(self.size + 1, (*roots, leaf))

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        if not self.roots:
            return hashlib.sha256(b"").digest()
        root = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            root = node_hash(left, root)
        return root


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    edge = Edge()
    for leaf in leaves:
        edge = edge.add(leaf)
    return edge.root


def consistency(leaves: Sequence[bytes], before: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of the first `before` leaves is a beginning of this one.

    ValueError: `before` is not from 0 to the number of leaves.
    """
    if not 0 <= before <= len(leaves):
        raise ValueError("not a beginning of this tree")
    if before in {0, len(leaves)}:
        return ()
    return tuple(_subproof(leaves, before, whole=True))


def inclusion(leaves: Sequence[bytes], at: int) -> tuple[bytes, ...]:
    """Return the proof that leaf `at` is in this tree, from below (RFC 6962 section 2.1.1).

    ValueError: there is no such leaf.
    """
    if not 0 <= at < len(leaves):
        raise ValueError("not a leaf of this tree")
    path: list[bytes] = []
    low, high = 0, len(leaves)
    while high - low > 1:
        half = low + (1 << (high - low - 1).bit_length() - 1)
        if at < half:
            path.append(tree_root(leaves[half:high]))
            high = half
        else:
            path.append(tree_root(leaves[low:half]))
            low = half
    return tuple(reversed(path))


def is_included(leaf: bytes, at: int, tree: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Say whether `proof` shows that `leaf`, a leaf's hash, is number `at` of `tree` (size, root).

    As RFC 9162 section 2.1.3.2 has it.
    """
    size, root = tree
    if not 0 <= at < size or any(len(each) != HASH for each in proof):
        return False
    last, found = size - 1, leaf
    for each in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(each, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, each)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(
    before: tuple[int, bytes], after: tuple[int, bytes], proof: Sequence[bytes]
) -> bool:
    """Say whether `proof` shows that tree `before` (size, root) is a beginning of `after`.

    As RFC 9162 section 2.1.4.2 has it.
    """
    (first, old), (second, new) = before, after
    if first > second or any(len(each) != HASH for each in proof):
        return False
    if first in {0, second}:
        return not proof and (first == 0 or old == new)
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, old)
    if not path:
        return False
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    return _climb(path, at, last) == (old, new)


def _climb(path: Sequence[bytes], at: int, last: int) -> tuple[bytes, bytes] | None:
    """Return the roots that a proof leads to, from leaf `at` upwards; None: it is too short or too
    long.
    """
    old = new = path[0]
    for each in path[1:]:
        if last == 0:
            return None
        if at & 1 or at == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, each)
        at, last = at >> 1, last >> 1
    return (old, new) if last == 0 else None


def _subproof(leaves: Sequence[bytes], before: int, *, whole: bool) -> list[bytes]:
    if before == len(leaves):
        return [] if whole else [tree_root(leaves)]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if before <= half:
        proof = _subproof(leaves[:half], before, whole=whole)
        return [*proof, tree_root(leaves[half:])]
    proof = _subproof(leaves[half:], before - half, whole=False)
    return [*proof, tree_root(leaves[:half])]
