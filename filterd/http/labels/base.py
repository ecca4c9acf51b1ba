"""The words of age labels: `Label`, and the one rule for putting labels together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from filterd.model.group import ADULT, ALWAYS

MOST_SAID = 64  # characters of a label that are kept for the explanation


@dataclass(frozen=True, slots=True)
class Label:
    """What was read. `min_age` is 0 to 18 years, or ALWAYS (not to be shown to anybody)."""

    min_age: int
    scheme: str  # name of the reader
    said: str = ""  # the site's words, cleaned; still text from outside, escape it where shown

    def __post_init__(self) -> None:
        """Raise ValueError for an age that is none."""
        if not (0 <= self.min_age <= ADULT or self.min_age == ALWAYS):
            raise ValueError(f"{self.min_age} is no age of a label")


@dataclass(frozen=True, slots=True)
class Statement:
    """A reader of labels that are one line of text: of a header field or of a `<meta>`.

    `read` takes the text, 512 characters at most, and returns an age or None; it never raises.
    """

    scheme: str
    headers: frozenset[str]  # field names in lower case
    metas: frozenset[str]  # values of `name` or `http-equiv` in lower case
    read: Callable[[str], int | None]


def stricter(labels: Iterable[Label | None]) -> Label | None:
    """Return the label with the highest age, of equals the first; None where there is none."""
    found: Label | None = None
    for label in labels:
        if label is not None and (found is None or label.min_age > found.min_age):
            found = label
    return found


def raised(min_age: int, label: Label | None) -> int:
    """Return the age in force: `min_age` from the rules, or the label's where that is higher.

    This is the only way in which a label reaches a decision.
    """
    return min_age if label is None else max(min_age, label.min_age)


def cleaned(text: str) -> str:
    """Return `text` as it may stand in a `Label`: one line, printable, short."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[:512]).split())
    return line[:MOST_SAID]
