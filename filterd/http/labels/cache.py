"""What is known of the labels of sites, so that a page can be judged before it is asked for.

A site is a *host*, not a registrable domain: a label speaks for the server that it is from. Under
many domains (blogs, schools, pages of a provider) the neighbours are other people's, who would
otherwise be blocked by one of them; browsers and RFC 8615 draw the line at the same place.

A page's own label is for that page, except on the front page ("/"), where it is for the host: that
page is the operator's, others may be a visitor's.

Keys are keyed hashes: neither the memory nor the file is a list of sites that somebody visited.
Hosts that were looked at and have no label are not written to the file at all.
"""

from dataclasses import dataclass
from hashlib import blake2b

from filterd.http.labels.base import Label, stricter
from filterd.http.labels.expiring import Expiring
from filterd.http.labels.site import SiteLabel

DAY = 86_400.0
SITE_SECONDS = 9 * DAY  # a site is looked at again after a week, give or take a day
PAGE_SECONDS = 7 * DAY


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many are kept: about 0.5 KB each."""

    sites: int = 20_000
    pages: int = 50_000


class LabelCache:
    """Labels by host and page. `secret`: 16 to 64 random bytes of this installation.

    `host` is always a normalised name, `path` begins with "/" and has its query; `now` is in
    seconds of the same clock each time.
    """

    def __init__(self, secret: bytes, bounds: Bounds | None = None) -> None:
        self._bounds = bounds = bounds or Bounds()
        self._secret = secret
        self.files: Expiring[tuple[SiteLabel, ...]] = Expiring(bounds.sites)
        self.fronts: Expiring[Label | None] = Expiring(bounds.sites)
        self._pages: Expiring[Label] = Expiring(bounds.pages)

    def beside(self) -> "LabelCache":
        """Return an empty one with the same keys."""
        return LabelCache(self._secret, self._bounds)

    def learn_files(self, host: str, found: tuple[SiteLabel, ...], now: float) -> None:
        """Keep what the label files of a host say, all of them at once; (): it has none."""
        self.files.put(self.key(host), found, now + SITE_SECONDS)

    def learn_page(self, host: str, path: str, label: Label | None, now: float) -> Label | None:
        """Keep the label of a page that was answered with success; return the one in force.

        None: the page has none, whatever it had before.
        """
        key = self.key(host)
        if path in ("", "/"):
            self.fronts.put(key, label, now + PAGE_SECONDS)
        elif label is None:
            self._pages.drop(self.key(host + path))
        else:
            self._pages.put(self.key(host + path), label, now + PAGE_SECONDS)
        front = self.fronts.get(key, now)[1]
        sites = self.files.get(key, now)[1] or ()
        return stricter((front, label, *(site.find_seen(host, path, label) for site in sites)))

    def find(self, host: str, path: str, now: float) -> Label | None:
        """Return the strictest label that is known of an address; None where there is none."""
        key = self.key(host)
        front = self.fronts.get(key, now)[1]
        page = self._pages.get(self.key(host + path), now)[1]
        sites = self.files.get(key, now)[1] or ()
        return stricter((front, page, *(site.find(host, path) for site in sites)))

    def labelled(self, host: str, now: float) -> bool | None:
        """Say whether the host itself has a label, beside those of single pages; None while its
        files were not looked at.
        """
        key = self.key(host)
        known, sites = self.files.get(key, now)
        if sites or self.fronts.get(key, now)[1] is not None:
            return True
        return False if known else None

    def key(self, text: str) -> bytes:
        """Return the key that `text` is kept under."""
        return blake2b(text.encode(), digest_size=16, key=self._secret).digest()
