"""The label of one answer while it goes by: its header fields first, then the head of its page.

    page = Page(status, fields)
    for chunk in body: page.feed(chunk)      # as it comes off the wire, after chunking is undone
    in_force = page.settle(cache, host, path, now)

Who has to hold a page back for its label keeps at most 64 KiB of it, until `done`.
"""

from collections.abc import Iterable

from filterd.http.labels.base import Label, stricter
from filterd.http.labels.cache import LabelCache
from filterd.http.labels.head import MOST_BYTES, Head, is_page
from filterd.http.labels.statements import read_headers
from filterd.http.labels.unpacking import Unpacked

_OK = 200  # not 204 or 206: what has no head must not make a label forgotten


class Page:
    """Reads one answer. `done`: the body, or the rest of it, will say nothing."""

    def __init__(self, status: int, fields: Iterable[tuple[str, str]]) -> None:
        fields = list(fields)
        self._success = status == _OK
        self._from_fields = read_headers(fields)
        kind, encoding = _last(fields, "content-type"), _last(fields, "content-encoding")
        self._head = Head(kind)
        self._unpacked = Unpacked(encoding, MOST_BYTES)
        self.done = self._unpacked.done or not is_page(kind)

    @property
    def label(self) -> Label | None:
        """The strictest label so far."""
        return stricter((self._from_fields, self._head.label))

    def feed(self, data: bytes) -> Label | None:
        """Take the next bytes of the body; return the strictest label so far."""
        if not self.done:
            self._head.feed(self._unpacked.feed(data))
            self.done = self._head.done or self._unpacked.done
        return self.label

    def settle(self, cache: LabelCache, host: str, path: str, now: float) -> Label | None:
        """Return the label in force for this answer, and let `cache` learn it.

        Only a whole page teaches: an error page, or a part, speaks for itself alone.
        """
        if self._success:
            return cache.learn_page(host, path, self.label, now)
        return stricter((self.label, cache.find(host, path, now)))


def _last(fields: list[tuple[str, str]], name: str) -> str:
    found = [value for each, value in fields if each.lower() == name]
    return found[-1] if found else ""
