"""What kind of thing a request is for, and who asks, guessed from its headers.

Rules for URLs say `$script` or `$third-party`; a browser knows, a proxy reads the signs:

* Fetch Metadata (W3C, `Sec-Fetch-*`) says it outright, but only to https and loopback.
* Else `Upgrade`, `X-Requested-With`, `Accept` (each kind of request has its own in WHATWG Fetch,
  section 2.2 and "main fetch", and in browsers before that), then how the path ends.

A guess that could be a page or a frame says page: rules without a type do not speak about pages, so
a wrong guess blocks less, not more. No module here keeps anything of what it reads.
"""

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import urlsplit


class RequestType(StrEnum):
    """The kinds that rules tell apart."""

    DOCUMENT = "document"
    SUBDOCUMENT = "subdocument"
    SCRIPT = "script"
    STYLESHEET = "stylesheet"
    IMAGE = "image"
    FONT = "font"
    MEDIA = "media"
    OBJECT = "object"
    PING = "ping"
    WEBSOCKET = "websocket"
    XMLHTTPREQUEST = "xmlhttprequest"
    CSP_REPORT = "csp_report"
    OTHER = "other"


_T = RequestType

# https://fetch.spec.whatwg.org/#concept-request-destination; "empty" is told apart below.
_DESTINATIONS: Mapping[str, RequestType] = {
    "document": _T.DOCUMENT,
    "iframe": _T.SUBDOCUMENT,
    "frame": _T.SUBDOCUMENT,
    "fencedframe": _T.SUBDOCUMENT,
    "script": _T.SCRIPT,
    "worker": _T.SCRIPT,
    "sharedworker": _T.SCRIPT,
    "serviceworker": _T.SCRIPT,
    "audioworklet": _T.SCRIPT,
    "paintworklet": _T.SCRIPT,
    "style": _T.STYLESHEET,
    "image": _T.IMAGE,
    "font": _T.FONT,
    "audio": _T.MEDIA,
    "video": _T.MEDIA,
    "track": _T.MEDIA,
    "object": _T.OBJECT,
    "embed": _T.OBJECT,
    "websocket": _T.WEBSOCKET,
}
# The first word of Accept that names a kind. A page's Accept names images too, so order counts.
_ACCEPTED: tuple[tuple[str, RequestType], ...] = (
    ("text/html", _T.DOCUMENT),
    ("application/xhtml+xml", _T.DOCUMENT),
    ("text/css", _T.STYLESHEET),
    ("image/", _T.IMAGE),
    ("video/", _T.MEDIA),
    ("audio/", _T.MEDIA),
    ("font/", _T.FONT),
    ("application/font-", _T.FONT),
    ("text/javascript", _T.SCRIPT),
    ("application/javascript", _T.SCRIPT),
    ("application/json", _T.XMLHTTPREQUEST),
    ("text/event-stream", _T.XMLHTTPREQUEST),
)
_ENDINGS: Mapping[str, RequestType] = {
    ending: kind
    for kind, endings in (
        (_T.SCRIPT, "js mjs"),
        (_T.STYLESHEET, "css"),
        (_T.IMAGE, "apng avif bmp gif ico jpeg jpg jxl png svg webp"),
        (_T.FONT, "eot otf ttf woff woff2"),
        (
            _T.MEDIA,
            "aac flac m3u8 m4a m4s m4v mkv mov mp3 mp4 mpd oga ogg ogv opus ts vtt wav webm",
        ),
        (_T.OBJECT, "jar swf"),
        (_T.XMLHTTPREQUEST, "json"),
        (_T.DOCUMENT, "htm html xhtml"),
    )
    for ending in endings.split()
}


def request_type(headers: Mapping[str, str], url: str) -> RequestType:
    """Guess what a request is for. Names of `headers` are looked up in lower case."""
    mode = _word(headers, "sec-fetch-mode")
    if mode == "websocket" or _word(headers, "upgrade") == "websocket":
        return _T.WEBSOCKET
    if "ping-to" in headers or _word(headers, "content-type") == "text/ping":
        return _T.PING  # <a ping>, WHATWG HTML 4.6.4
    destination = _word(headers, "sec-fetch-dest")
    if destination == "report":
        return _T.CSP_REPORT
    if destination == "empty":
        return _empty(headers, mode)
    if destination:
        return _DESTINATIONS.get(destination, _T.OTHER)
    if _word(headers, "x-requested-with") == "xmlhttprequest":
        return _T.XMLHTTPREQUEST
    return _accepted(headers, url)


def source_url(headers: Mapping[str, str], url: str, kind: RequestType) -> str | None:
    """Return who asks: a URL of which the host counts; None: not known, or nobody (a page).

    A page is nobody's part, whatever link led to it. Where the browser hides the page that asks
    (`Referrer-Policy`) it still says whether that is of the same site; then `url` stands for it.
    """
    if kind is _T.DOCUMENT:
        return None
    for name in ("referer", "origin"):
        given = headers.get(name, "").strip()
        if given.startswith(("http://", "https://")):
            return given
    if _word(headers, "sec-fetch-site") in ("same-origin", "same-site"):
        return url
    return None


def _empty(headers: Mapping[str, str], mode: str) -> RequestType:
    """Tell apart what has no destination: scripts' requests, beacons, and fetching ahead."""
    if _word(headers, "sec-purpose").startswith("prefetch"):
        return _T.OTHER
    if mode == "no-cors" and "content-type" in headers:
        # sendBeacon: a body, no answer wanted; fetch() in that mode looks and is used the same.
        return _T.PING
    return _T.XMLHTTPREQUEST


def _accepted(headers: Mapping[str, str], url: str) -> RequestType:
    for part in headers.get("accept", "").lower().split(","):
        word = part.strip()
        for start, kind in _ACCEPTED:
            if word.startswith(start):
                return kind
    ending = _ENDINGS.get(_ending(url))
    if ending is not None:
        return ending
    # Other requests across origins have a known ending or Accept; those of scripts may have none.
    return _T.XMLHTTPREQUEST if "origin" in headers else _T.OTHER


def _word(headers: Mapping[str, str], name: str) -> str:
    """Return a header's value in lower case, without parameters."""
    return headers.get(name, "").partition(";")[0].strip().lower()


def _ending(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    last = path.rpartition("/")[2]
    return last.rpartition(".")[2].lower() if "." in last else ""
