"""Lists of URLs, one a line, as feeds of phishing pages have them.

A line covers its path on that host and what is beneath it; with a query, exactly that URL. With
`subdomains` in the list's configuration it covers the path on all hosts below, too. DNS knows no
paths, so such a list is for the HTTP filter and changes no answer.
"""

import re
from collections.abc import Sequence

from filterd.formats.base import Options, Shape
from filterd.formats.lines import LineReader, share
from filterd.formats.names import check_width
from filterd.formats.refusals import Code, Refused
from filterd.formats.urls import read_url
from filterd.model.errors import InvalidName
from filterd.model.rule import Rule, Scope, UrlPattern

_LIKE = re.compile(r"https?://[^\s/]+/\S*", re.IGNORECASE)
_LONGEST_HOST = 228  # characters; the rest of a key of the index is for the path


class UrlList:
    """The urls format."""

    name = "urls"
    title = "one URL a line, with what is beneath it (for the HTTP filter)"
    comments: tuple[bytes, ...] = (b"#", b"!")

    def shapes(self, data: bytes, options: Options) -> tuple[Shape, ...]:
        """Return none: no URL is plain."""
        del data, options
        return ()

    def reader(self, options: Options) -> LineReader:
        """Return a reader for a new list."""
        return LineReader(_parse, options)

    def likeness(self, sample: Sequence[str]) -> float:
        """Return the share of lines with a scheme and a path."""
        return share(sample, lambda text: _LIKE.fullmatch(text) is not None)


def _parse(text: str, options: Options) -> Sequence[Rule]:
    if not text or text.startswith(("#", "!")):
        return ()
    url, _, rest = text.partition(" ")
    if rest.strip() and not rest.strip().startswith("#"):
        raise Refused(Code.BAD_SYNTAX, "expected one URL")
    try:
        host, path = read_url(url)
    except InvalidName as error:
        raise Refused(Code.BAD_NAME, str(error)) from error
    if len(host) > _LONGEST_HOST:
        raise Refused(Code.UNSUPPORTED_PATTERN, f"a host of more than {_LONGEST_HOST} characters")
    if "/" not in url.rpartition("://")[2]:
        raise Refused(Code.BAD_SYNTAX, "a host alone; give it a / to mean all of its pages")
    if not host.startswith("["):
        check_width(host, Scope.SUBTREE if options.subdomains else Scope.EXACT, options)
    return (Rule(UrlPattern(host, path, subtree=options.subdomains)),)
