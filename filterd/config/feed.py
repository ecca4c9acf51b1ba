"""`feed`: whose orders this node follows."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field

from filterd.config.section import Section
from filterd.config.text import Text, written
from filterd.config.types import Duration, FilePath


def _read_feed(value: Any) -> str:
    text = written(value).rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https", "file"} or (
        parts.scheme != "file" and not parts.netloc
    ):
        raise ValueError(f"not the address of a feed: {text[:80]!r}; https://… or file:///…")
    return text


FeedUrl = Annotated[
    str,
    Text(_read_feed, str, "https://…, http://… or file:///…", ("https://feed.example/filterd",)),
]


def _read_hub(value: Any) -> str:
    text = _read_feed(value)
    if text.startswith("file:"):
        raise ValueError("a hub is spoken to: https://… or http://…")
    return text


HubUrl = Annotated[
    str, Text(_read_hub, str, "https://… or http://…", ("https://hub.ministry.example",))
]


class FeedConfig(Section):
    """The ministry's feed. What comes is verified from `root` on, so the way it comes by need not
    be trusted: http and a mirror will do.
    """

    url: FeedUrl | None = None
    """Where it is; left out: no feed is followed."""
    root: FilePath | None = None
    """The root metadata that trust begins with, handed over by the authority; needed with `url`."""
    poll: Duration = 60.0
    """How often to look, a fifth sooner or later so that not all nodes look at once; a fifteenth as
    often while the feed pushes its news.
    """
    guard: float = Field(default=0.01, ge=0.0, le=1.0)
    """What orders of one day may newly block: this share of what was asked for here in the last
    days. An order beyond it is held back until its authority confirms it; 0: none is.
    """
    hub: HubUrl | None = None
    """Where receipts and counts go, signed with this node's key once it is enrolled; left out:
    nothing leaves."""
