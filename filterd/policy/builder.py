"""The part of the core's IndexBuilder that policy writes to, so that tests can stand in for it."""

from collections.abc import Sequence
from typing import Protocol


class SkimResult(Protocol):
    """What `skim` did with a list."""

    @property
    def accepted(self) -> int:
        """Lines taken as rules."""
        ...

    @property
    def comments(self) -> int:
        """Comment and blank lines."""
        ...

    @property
    def leftovers(self) -> list[tuple[int, str]]:
        """Line number from 1 and text of every line that needs a reader."""
        ...


class Builder(Protocol):
    """Collects patterns by class id; `filterd.core.IndexBuilder` is one."""

    def skim(
        self,
        data: bytes,
        shapes: Sequence[tuple[bytes, bytes, int, int]],
        comments: Sequence[bytes],
        *,
        wide: bool = False,
        before: int = 0,
    ) -> SkimResult:
        """Take every line that is exactly prefix, plain name, suffix of one shape; `before` lines
        of the list came before `data`.
        """
        ...

    def add_name(self, name: str, scope: int, class_id: int, line: int = 0) -> None:
        """Add a name pattern."""
        ...

    def add_url(
        self,
        host: str,
        path: str,
        subtree: bool,  # noqa: FBT001  the core's own signature
        class_id: int,
        line: int = 0,
    ) -> None:
        """Add `path`, from its "/" on, and what is beneath; ValueError for what is no URL."""
        ...

    def add_regex(self, regex: str, class_id: int, line: int = 0) -> None:
        """Add a regular expression; ValueError for one that cannot run."""
        ...

    def add_network(self, network: str, trigger: int, class_id: int, line: int = 0) -> None:
        """Add a network; ValueError for text that is none."""
        ...

    def remove_name(self, name: str, scope: int, class_id: int) -> None:
        """Forget a name added before or later."""
        ...
