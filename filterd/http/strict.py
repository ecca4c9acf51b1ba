"""What a request may look like before it is decided, and what an answer's fields are mended to.

mitmproxy checks how a message is framed (lengths, codings, names of fields) and sends on all else
as it came. A server that reads what is odd otherwise than the gate would be asked for something
that nobody decided: `/secret/page` and a NUL is another page for the gate, and the same for a
server written in C. So a request that no browser sends is refused, and nobody has to guess.
"""

import re
from collections.abc import Iterable

_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")  # a token, RFC 9110 section 5.6.2
_VERSIONS = frozenset({b"HTTP/1.0", b"HTTP/1.1"})
# RFC 3986 has none of these in a path. Browsers escape the controls, cut off what is behind `#`,
# and turn `\` into `/` before they ask; servers do one or the other. Bytes above 0x7f may come.
_NOT_IN_PATH = re.compile(rb"[\x00-\x20\x7f#\\]")
_NOT_IN_QUERY = re.compile(rb"[\x00-\x20\x7f#]")
_NOT_IN_VALUE = re.compile(rb"[\r\n\0]")
_FOLD = re.compile(rb"\r?\n[ \t]+")

Fields = Iterable[tuple[bytes, bytes]]


def fault(method: bytes, target: bytes, version: bytes, fields: Fields) -> str | None:
    """Return what is wrong with the head of an HTTP/1 request; None: nothing.

    `target` is path and query (RFC 9112 section 3.2); values of `fields` hold CR LF where lines
    were folded (section 5.2).
    """
    if _METHOD.fullmatch(method) is None:
        return "a method that is none"
    if version not in _VERSIONS:
        return "a version that is not spoken"
    path, _, query = target.partition(b"?")
    if _NOT_IN_PATH.search(path) or _NOT_IN_QUERY.search(query):
        return "bytes that a URL does not have"
    hosts = 0
    for name, value in fields:
        if _NOT_IN_VALUE.search(value):
            return "a line break or NUL in a field"
        hosts += name.lower() == b"host"
    if hosts > 1:
        return "two hosts"
    # RFC 9112 section 3.2: a server would answer for its default site, which nobody decided.
    return "no host" if not hosts and version == b"HTTP/1.1" else None


def mended(fields: Fields) -> tuple[tuple[bytes, bytes], ...] | None:
    """Return an answer's fields with spaces for line breaks and NULs (RFC 9110 section 5.5); None:
    they are right as they are.
    """
    kept = tuple(fields)
    if not any(_NOT_IN_VALUE.search(value) for _, value in kept):
        return None
    return tuple(
        (name, _NOT_IN_VALUE.sub(b" ", _FOLD.sub(b" ", value)).strip()) for name, value in kept
    )
