"""What is read of a body while it goes by: the label of a page, the hashes of a file. Sans-io.

A body is held back while a verdict may still come of it: a page until its head was read, a picture
until it is whole. Everything else goes on as it comes, but for the last piece of a file that is
hashed: what is then known to be on a list never becomes whole at the other end.
"""

from collections.abc import Callable
from dataclasses import dataclass

from filterd.http.labels.base import Label
from filterd.http.labels.page import Page
from filterd.http.media.scan import PICTURE, UNTOLD, Scanner
from filterd.http.media.sets import Hit

SMALL_BYTES = 256 * 1024
HEAD_BYTES = 256 * 1024  # on the wire; a head is 64 KiB of its page, packed or not


@dataclass(slots=True)
class Watch:
    """One body. `page` and `scanner`: who reads it; None: nobody. `at_end`: the scanner is given
    all of it at once, which may then be in another thread.
    """

    page: Page | None = None
    scanner: Scanner | None = None
    at_end: bool = False
    partial: bool = False  # part of a page without its head
    give_back: Callable[[], None] | None = None  # the room that a held body takes
    ahead: bool = False  # what `pass_on` is given next was taken already
    length: int | None = None  # of the body, where it is said
    seen: int = 0  # bytes
    hit: Hit | None = None
    _last: bytes = b""

    @property
    def label(self) -> Label | None:
        """The strictest label so far."""
        return None if self.page is None else self.page.label

    @property
    def holds(self) -> bool:
        """Whether nothing of it may go on yet."""
        if self.page is not None and not self.page.done and self.seen < HEAD_BYTES:
            return True
        if self.length is not None and self.length <= SMALL_BYTES:
            return True  # it is here in a moment, and can be answered in its place
        if self.scanner is None:
            return False
        return self.seen <= PICTURE if self.at_end else self.scanner.whole and self.seen <= UNTOLD

    @property
    def waits(self) -> bool:
        """Whether `end` may wait for another process."""
        return self.scanner is not None and (self.at_end or self.scanner.whole)

    def take(self, data: bytes) -> None:
        """Look at the next bytes of the body."""
        self.seen += len(data)
        if self.page is not None:
            self.page.feed(data)
        if self.scanner is not None and not self.at_end:
            self.scanner.feed(data)

    def end(self, body: bytes = b"") -> Hit | None:
        """Return what the lists say of all of it; asked once more, the same. `body` is what was to
        be given `at_end`.
        """
        if self.scanner is not None:
            if self.at_end:
                self.scanner.feed(body)
            self.hit = self.scanner.end()
            self.scanner = None
        self._leave()
        return self.hit

    def drop(self) -> None:
        """Forget what is held, for a body that broke off."""
        if self.scanner is not None:
            self.scanner.drop()
            self.scanner = None
        self._last = b""
        self._leave()

    def _leave(self) -> None:
        if self.give_back is not None:
            self.give_back()
            self.give_back = None

    def pass_on(self, data: bytes) -> bytes:
        """Take the next bytes; return those that may go on now. b"" ends the body.

        The last piece of a file that is on a list comes out as zeros, so that the message keeps its
        length and the file is spoiled.
        """
        if data:
            if not self.ahead:
                self.take(data)
            self.ahead = False
            before = self._last
            if self.scanner is None or self.scanner.silent:
                self._last = b""
                return before + data
            self._last = data
            return before
        last, self._last = self._last, b""
        found = self.end()
        return bytes(len(last)) if found is not None and found.block else last
