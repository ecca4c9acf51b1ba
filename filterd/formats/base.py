"""What a rule format is. A new one is a file here, its test, and a line in `registry.py`.

A format reads one list and says what each line means. It never raises for a bad line: it
returns a `Refusal` with the reason. A line that carries a condition the format does not support
is refused whole, never applied without the condition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from filterd.model.rule import Action, Cancel, Refusal, Rule, Scope


@dataclass(frozen=True, slots=True)
class Options:
    """What the list's configuration says about how to read it."""

    subdomains: bool = False
    wide: bool = False
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A line that needs no thought: `prefix`, a plain name, `suffix`, nothing else.

    The core reads such lines in bulk, some millions a second, and hands every other line to
    `Reader.read`. A shape is only a faster way to what `read` says of the same line (a property
    test holds them together), so dropping all shapes changes no outcome.
    """

    prefix: bytes
    suffix: bytes
    scope: Scope
    action: Action = Action.BLOCK


Item = Rule | Cancel | Refusal


class Reader(Protocol):
    """Reads one list from its first line to its last; may keep state between lines."""

    def read(self, line: int, text: str) -> Sequence[Item]:
        """Return what `text`, the line numbered `line` from 1, means; nothing for a comment."""
        ...

    def finish(self) -> Sequence[Item]:
        """Return what was still open at the end of the file."""
        ...


class Format(Protocol):
    """A rule syntax."""

    name: str
    title: str  # a few words for --help
    comments: tuple[bytes, ...]  # a line that starts so, after blanks, is a comment

    def shapes(self, data: bytes, options: Options) -> tuple[Shape, ...]:
        """Return the shapes that hold in this list; empty where lines depend on each other."""
        ...

    def reader(self, options: Options) -> Reader:
        """Return a reader for a new list."""
        ...

    def likeness(self, sample: Sequence[str]) -> float:
        """Say from 0.0 to 1.0 how much these lines look like this format."""
        ...
