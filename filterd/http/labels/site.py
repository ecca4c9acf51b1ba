"""What a label file says about the pages of one host.

A file speaks for the host that it was fetched from and for no other: what it says of other hosts
is not even looked at, because only addresses of its own host are asked of it.
"""

from dataclasses import dataclass

from filterd.http.labels.base import Label, stricter
from filterd.http.labels.scope import Scope

MOST_PARTS = 64
MOST_FILE = 65_536  # bytes; age.xml itself allows 50 KB


class NotALabel(ValueError):
    """A file that cannot be read as a label; the message says why, in words for its author."""


@dataclass(frozen=True, slots=True)
class Part:
    """The label of some addresses of a host."""

    scope: Scope
    label: Label


@dataclass(frozen=True, slots=True)
class SiteLabel:
    """A label file. `default` holds where no part does; with `pages_say` only on pages that, once
    they are there, have no label of their own.
    """

    default: Label | None = None
    parts: tuple[Part, ...] = ()
    pages_say: bool = False

    def find(self, host: str, path: str) -> Label | None:
        """Return the label of an address of the host that the file is from, before it is asked."""
        found = self._parts(host, path)
        return found if found is not None or self.pages_say else self.default

    def find_seen(self, host: str, path: str, page: Label | None) -> Label | None:
        """Return the label once the page is there; `page` is its own."""
        found = stricter((page, self.find(host, path)))
        return self.default if found is None else found

    def _parts(self, host: str, path: str) -> Label | None:
        return stricter(part.label for part in self.parts if part.scope.covers(host, path))
