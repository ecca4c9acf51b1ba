"""URLs turned into a list of hashes, by who publishes one.

An entry is the first bytes of HMAC-SHA-256 (RFC 2104) with the list's salt over an expression: host
and path in their one spelling (`formats/urls.py`). What of an asked URL is compared with it says
`rust/crates/filterd-index/src/expressions.rs`.
"""

import hmac
from collections.abc import Iterable

from filterd.core import public_suffix
from filterd.formats.hashed_urls import (
    NARROWEST,
    SALT,
    WIDEST,
    HashedList,
    check_rare,
    width_needed,
)
from filterd.formats.urls import read_url
from filterd.model.errors import InvalidName, RulesError

NEW_SALT = 32  # bytes of a salt that is made here


def hash_urls(expressions: Iterable[str], salt: bytes, width: int, epoch: int) -> HashedList:
    """Return the list of `expressions` (`expression_of`), sorted, so that their order is gone.

    Raises:
        RulesError: a width or a salt out of bounds, more entries than the width is good for.
    """
    if not NARROWEST <= width <= WIDEST:
        raise RulesError(width_needed(width))
    if not SALT[0] <= len(salt) <= SALT[1]:
        raise RulesError(f"a salt has {SALT[0]} to {SALT[1]} bytes, not {len(salt)}")
    made = {hmac.digest(salt, each.encode(), "sha256")[:width] for each in expressions}
    check_rare(len(made), width)
    return HashedList(salt, width, epoch, b"".join(sorted(made)))


def expression_of(text: str) -> str:
    """Return what stands for the URL `text` in a list: host and path, in their one spelling.

    Raises:
        InvalidName: it names no page, or what no list may: all pages below a public suffix.
    """
    host, path = read_url(text)
    if "/" not in text.rpartition("://")[2]:
        raise InvalidName("a host alone; give it a / to mean all of its pages")
    if not host.startswith("[") and public_suffix(host):
        raise InvalidName(f"{host!r} is a public suffix or a single label, not a site")
    return host + path
