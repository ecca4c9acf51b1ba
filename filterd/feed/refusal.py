"""Why something of the feed is refused: one word for metrics and one sentence for a person.

What was in force before stays in force, whatever is refused: the feed fails static.
"""

from enum import StrEnum

from filterd.model.errors import FilterdError


class Fault(StrEnum):
    """What is wrong. The words are labels of a metric and stay as they are."""

    MALFORMED = "malformed"  # does not read, or has fields that nobody knows
    TOO_LARGE = "too-large"  # more than was promised, or than anybody needs
    ROLLBACK = "rollback"  # older than what is here
    FROZEN = "frozen"  # its freshness has run out
    MIXED = "mixed"  # parts that do not belong together
    TAMPERED = "tampered"  # does not have the hash it should have
    REORDERED = "reordered"  # not the number that comes next
    SPLIT_VIEW = "split-view"  # a history that is not the one seen here
    UNSIGNED = "unsigned"  # fewer good signatures than the threshold
    EXPIRED_KEY = "expired-key"
    MISDATED = "misdated"  # signed after it was logged
    UNKNOWN_AUTHORITY = "unknown-authority"
    OUT_OF_SCOPE = "out-of-scope"  # not what this authority may order
    TOO_BROAD = "too-broad"  # a public suffix, a protected name, one that nearly everybody needs
    TOO_LONG = "too-long"  # no end, or one that is too far off
    TOO_MANY = "too-many"  # more patterns than the mandate allows
    DUPLICATE = "duplicate"  # an id that was used
    OMITTED = "omitted"  # an authority counts it, and the log does not have it
    UNCOUNTED = "uncounted"  # it stands in an authority's name, who does not count it
    UNWITNESSED = "unwitnessed"  # fewer witnesses have signed a checkpoint than must
    DIVERGED = "diverged"  # the rules here are not those that were signed


class Refused(FilterdError):
    """Something of the feed is not taken. Nothing has changed."""

    def __init__(self, fault: Fault, why: str) -> None:
        super().__init__(why)
        self.fault = fault
