"""Headers of every answer of ours: not stored, not indexed, no script, and no line broken."""

import re
from http import HTTPStatus

from filterd.http.page.style import HASH

HOME = "filterd.internal"  # .internal is kept for private use; never asked upstream
_URL = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(?::\d{1,5})?(?:/[A-Za-z0-9._~/-]{0,200})?")
_REASONS = {451: "Unavailable For Legal Reasons", 413: "Content Too Large"}

# `sandbox`: the page gets an origin of its own, so that no script of the blocked site, in a window
# beside it, can read the tokens in its forms. Its telephone links may still leave it.
POLICY = (
    f"default-src 'none'; style-src '{HASH}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; sandbox allow-forms allow-top-navigation-to-custom-protocols"
)
FRAMED = "default-src 'none'; base-uri 'none'; form-action 'none'; sandbox"

Headers = tuple[tuple[str, str], ...]
_COMMON: Headers = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex, nofollow"),
)
_PAGE: Headers = (
    ("Content-Security-Policy", POLICY),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_FRAME: Headers = (("Content-Security-Policy", FRAMED),)
# They hold nothing, so everyone may read them: a page that asked for them across sites goes on.
_OPEN: Headers = (
    ("Access-Control-Allow-Origin", "*"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)


def phrase(status: int) -> str:
    """Return the reason phrase."""
    return _REASONS.get(status) or HTTPStatus(status).phrase


def blocked_by(operator: str) -> Headers:
    """Return the Link header that says who implements the block (RFC 7725, section 4)."""
    address = operator if _URL.fullmatch(operator) else f"http://{HOME}/"
    return (("Link", f'<{address}>; rel="blocked-by"'),)


def page(languages: str) -> Headers:
    """Return the headers of a page for people."""
    return (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Language", languages),
        *_COMMON,
        *_PAGE,
    )


def frame(language: str) -> Headers:
    """Return the headers of the line in a frame."""
    return (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Language", language),
        *_COMMON,
        *_FRAME,
    )


def small(content_type: str) -> Headers:
    """Return the headers of a body that says nothing."""
    return (("Content-Type", content_type), *_COMMON, *_OPEN)


def problem(language: str) -> Headers:
    """Return the headers of a problem for a program."""
    return (
        ("Content-Type", "application/problem+json"),
        ("Content-Language", language),
        *_COMMON,
    )
