"""Names that no order may take away from everybody."""

from collections.abc import Collection

from filterd.core import public_suffix
from filterd.feed.warrant import Breadth
from filterd.model.name import parents


def breadth_of(must_not_block: Collection[str], popular: Collection[str] = ()) -> Breadth:
    """Return what is too broad: public suffixes, as lists are held to, what must not be blocked and
    what has such a name under it, and what nearly everybody needs.
    """
    protected = frozenset(must_not_block)
    covering, needed = above(protected), above(popular)

    def is_protected(name: str) -> bool:
        return name in covering or not protected.isdisjoint(parents(name))

    return Breadth(
        public_suffix=lambda name: "." not in name or public_suffix(name),
        protected=is_protected,
        popular=needed.__contains__,
    )


def above(names: Collection[str]) -> frozenset[str]:
    """Return `names` and every name above one of them."""
    return frozenset(over for name in names for over in parents(name))
