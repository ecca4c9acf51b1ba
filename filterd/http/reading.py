"""What a worker reads of bodies, and what it makes of it: age labels and hashes of files.

Values in, values out; `addon/requests.py` brings them to mitmproxy. Labels reach a decision here
and nowhere else: they raise the age of what would have passed at the age step, and lift nothing.
"""

import asyncio
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from filterd.http.labels.base import Label, raised
from filterd.http.labels.cache import LabelCache
from filterd.http.labels.head import is_page
from filterd.http.labels.page import Page
from filterd.http.media.guard import Media
from filterd.http.media.scan import PICTURE
from filterd.http.rules import InForce
from filterd.http.watching import Watch
from filterd.http.words import Act, Reason, Verdict, Why
from filterd.model.verdict import Kind, Step

Fields = Sequence[tuple[str, str]]
PARTIAL = 206  # RFC 9110 section 15.3.7
READ = "gzip, deflate"  # content codings that can be undone here
_READABLE = frozenset({"gzip", "deflate", "x-gzip", "identity"})
_EVENTS = "text/event-stream"  # each piece is meant to be seen at once


def _nobody(_host: str, _labelled: bool) -> None:  # noqa: FBT001
    """Note nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`labels` None: labels are not read. `media` None: nothing is hashed. `see(host, labelled)`:
    a page of a site was read.
    """

    labels: LabelCache | None = None
    media: Media | None = None
    see: Callable[[str, bool], None] = _nobody

    @property
    def on(self) -> bool:
        """Whether any body is read."""
        return self.labels is not None or self.hashes

    @property
    def hashes(self) -> bool:
        """Whether any body is hashed."""
        return self.media is not None and self.media.on

    def codings(self, accepted: str) -> str:
        """Return an Accept-Encoding by which a server sends what can be read here."""
        words = (each.partition(";")[0].strip().lower() for each in accepted.split(","))
        return accepted if all(each in _READABLE for each in words if each) else READ

    def upload(self, fields: Fields, length: int | None) -> Watch | None:
        """Return the watch over a request's body; None: it is not read."""
        if self.media is None or not self.hashes or length == 0:
            return None
        whole = length is not None and length <= PICTURE and self.media.hold(length)
        kind, coding = _last(fields, "content-type"), _last(fields, "content-encoding")
        scanner = self.media.scanner(kind, coding, length, exact=not whole)
        if not whole or length is None:
            return Watch(scanner=scanner)
        give_back = functools.partial(self.media.release, length)
        return Watch(scanner=scanner, at_end=True, give_back=give_back)

    def answer(self, method: str, status: int, fields: Fields, length: int | None) -> Watch | None:
        """Return the watch over an answer's body; None: it is not read."""
        kind = _last(fields, "content-type")
        watch = Watch(length=length)
        if self.labels is not None and method == "GET":
            # Without its beginning nobody knows what a page says of itself.
            watch.partial = status == PARTIAL and is_page(kind) and not _from_begin(fields)
            page = Page(status, fields)
            if not page.done or page.label is not None:
                watch.page = page
        if self.media is not None and self.hashes and kind.partition(";")[0].strip() != _EVENTS:
            exact = kind.lower().startswith("multipart/")  # parts that wait would hold up everybody
            coding = _last(fields, "content-encoding")
            watch.scanner = self.media.scanner(kind, coding, length, exact=exact)
        read = watch.page is not None or watch.scanner is not None or watch.partial
        return watch if read else None

    def known(
        self,
        rules: InForce | None,
        client: str,
        path: str,
        verdict: Verdict,
        now: float,
    ) -> Verdict | None:
        """Return a block by the label that is known of (host, path) before it is asked for."""
        if self.labels is None or rules is None:
            return None
        label = self.labels.find(verdict.host, path, now)
        return judge(rules, client, verdict.host, verdict, label)

    def settle(self, watch: Watch, asked: tuple[str, str], now: float) -> Label | None:
        """Keep the label of a page that was read; return the one in force."""
        if self.labels is None or watch.page is None:
            return None
        label = watch.page.settle(self.labels, *asked, now)
        self.see(asked[0], label is not None)
        return label

    async def hashed(self, watch: Watch, host: str, body: bytes | None) -> Verdict | None:
        """Have the hashes of a body compared, in another thread where that waits; hand a hit off.
        Return a block, or None. `body`: what was held back, where the scanner was not fed.
        """
        if self.media is None or (watch.scanner is None and watch.hit is None):
            return None
        found = await asyncio.to_thread(watch.end, body or b"") if watch.waits else watch.end()
        if found is None:
            return None
        await asyncio.to_thread(self.media.record, found, host)
        return Verdict(Act.BLOCK, Why.MEDIA, host) if found.block else None


def judge(
    rules: InForce, client: str, host: str, verdict: Verdict, label: Label | None
) -> Verdict | None:
    """Return a block where `label` says more years than the client's group has; None: it passes.

    What a rule of an earlier step allowed is not asked for its age.
    """
    if label is None:
        return None
    reason = verdict.reason
    if reason is not None and reason.kind is Kind.ALLOW and reason.step < Step.AGE:
        return None
    group, wishes = rules.wishes(client)
    if not wishes.filtered or raised(0, label) <= wishes.age:
        return None
    why = Reason(Kind.BLOCK, Step.AGE, group, rule=f"label:{label.scheme}", min_age=label.min_age)
    return Verdict(Act.BLOCK, Why.LABEL, host, why)


def _from_begin(fields: Fields) -> bool:
    """RFC 9110 section 14.4. Several ranges at once are no page."""
    return _last(fields, "content-range").lower().startswith("bytes 0-")


def _last(fields: Iterable[tuple[str, str]], name: str) -> str:
    found = [value for each, value in fields if each.lower() == name]
    return found[-1] if found else ""
