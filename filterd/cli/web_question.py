"""A question about a URL: what is asked for, and what a browser would say beside it.

`source_url`, `request_type` and `method` say who asks for it and what for. Rules for names and URLs
do not depend on them; they are kept for rules that do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from filterd.formats.urls import read_url
from filterd.model.errors import InvalidName

FIELDS = frozenset({"url", "source_url", "request_type", "method"})
# What the rules of ad blockers tell apart, by the names that they have there.
REQUEST_TYPES = frozenset(
    {"document", "subdocument", "stylesheet", "script", "image", "font", "media", "object"}
    | {"xmlhttprequest", "websocket", "ping", "other"}
)
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}")  # a token, RFC 9110 section 5.6.2


@dataclass(frozen=True, slots=True)
class WebQuestion:
    """`url` and `source_url` in their one spelling: host and path, no scheme. `source_url` is the
    page that asks, None for nobody knows; `request_type` one of REQUEST_TYPES.
    """

    url: str
    source_url: str | None = None
    request_type: str = "document"
    method: str = "GET"


def web_question(question: Mapping[str, Any]) -> WebQuestion:
    """Return the question about a URL in `question`. ValueError says what is wrong with it."""
    kind = _text(question, "request_type") or "document"
    if kind not in REQUEST_TYPES:
        raise ValueError(f"request_type: one of {', '.join(sorted(REQUEST_TYPES))}")
    method = _text(question, "method") or "GET"
    if not _METHOD.fullmatch(method):
        raise ValueError("method: not a method, such as GET")
    source = _text(question, "source_url")
    return WebQuestion(
        url=_spelled("url", _text(question, "url")),
        source_url=None if source is None else _spelled("source_url", source),
        request_type=kind,
        method=method,
    )


def _spelled(field: str, text: str | None) -> str:
    try:
        return "".join(read_url(text or ""))
    except InvalidName as error:
        raise ValueError(f"{field}: {error}") from None


def _text(question: Mapping[str, Any], field: str) -> str | None:
    value = question.get(field)
    if value is not None and (not isinstance(value, str) or not value):
        raise ValueError(f"{field}: a text is needed")
    return value
