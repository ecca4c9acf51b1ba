"""Header sets as Chromium and Firefox send them, and what they are for.

Accept values: MDN, "List of default Accept values"; those of Chromium are seen live in
`test_request_type_chromium.py`.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.request_type import RequestType, request_type, source_url

T = RequestType
PAGE = "https://school.example/lesson"
CHROMIUM_PAGE = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;"
    "q=0.8,application/signed-exchange;v=b3;q=0.7"
)
FIREFOX_PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CHROMIUM_IMAGE = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
FIREFOX_IMAGE = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
FIREFOX_VIDEO = "video/webm,video/ogg,video/*;q=0.9,application/ogg;q=0.7,audio/*;q=0.6,*/*;q=0.5"
FIREFOX_FONT = "application/font-woff2;q=1.0,application/font-woff;q=0.9,*/*;q=0.8"


def fetched(dest: str, mode: str, site: str = "cross-site", **more: str) -> dict[str, str]:
    headers = {"accept": "*/*", "sec-fetch-dest": dest, "sec-fetch-mode": mode}
    return headers | {"sec-fetch-site": site} | {k.replace("_", "-"): v for k, v in more.items()}


SECURE = [
    (
        fetched("document", "navigate", "none", accept=CHROMIUM_PAGE, sec_fetch_user="?1"),
        T.DOCUMENT,
    ),
    (fetched("document", "navigate", "cross-site", accept=FIREFOX_PAGE), T.DOCUMENT),
    (fetched("iframe", "navigate", accept=CHROMIUM_PAGE), T.SUBDOCUMENT),
    (fetched("iframe", "navigate", accept=FIREFOX_PAGE), T.SUBDOCUMENT),
    (fetched("script", "no-cors"), T.SCRIPT),
    (fetched("script", "cors", origin="https://school.example"), T.SCRIPT),
    (fetched("worker", "same-origin", "same-origin"), T.SCRIPT),
    (fetched("serviceworker", "same-origin", "same-origin", service_worker="script"), T.SCRIPT),
    (fetched("style", "no-cors", accept="text/css,*/*;q=0.1"), T.STYLESHEET),
    (fetched("image", "no-cors", accept=CHROMIUM_IMAGE), T.IMAGE),
    (fetched("image", "no-cors", accept=FIREFOX_IMAGE), T.IMAGE),
    (fetched("font", "cors", origin="https://school.example"), T.FONT),
    (fetched("font", "cors", accept=FIREFOX_FONT), T.FONT),
    (fetched("video", "no-cors", range="bytes=0-"), T.MEDIA),
    (fetched("audio", "no-cors", accept=FIREFOX_VIDEO), T.MEDIA),
    (fetched("track", "same-origin"), T.MEDIA),
    (fetched("object", "navigate", accept=CHROMIUM_PAGE), T.OBJECT),
    (fetched("embed", "no-cors"), T.OBJECT),
    (fetched("empty", "cors", origin="https://school.example"), T.XMLHTTPREQUEST),
    (fetched("empty", "same-origin", "same-origin", accept="text/event-stream"), T.XMLHTTPREQUEST),
    (
        fetched("empty", "cors", "same-origin", content_type="application/json"),
        T.XMLHTTPREQUEST,
    ),
    (fetched("empty", "no-cors", content_type="text/plain;charset=UTF-8"), T.PING),
    (fetched("empty", "no-cors", content_type="text/ping", ping_to="https://a.test/"), T.PING),
    (fetched("empty", "no-cors", sec_purpose="prefetch"), T.OTHER),
    (fetched("empty", "no-cors", sec_purpose="prefetch;prerender"), T.OTHER),
    (fetched("report", "no-cors", content_type="application/csp-report"), T.CSP_REPORT),
    (fetched("manifest", "cors"), T.OTHER),
    (fetched("something-new", "cors"), T.OTHER),
    (fetched("empty", "websocket", upgrade="websocket"), T.WEBSOCKET),
    (fetched("websocket", "websocket"), T.WEBSOCKET),
]

PLAIN = [  # http to another machine: browsers send no Fetch Metadata
    ({"accept": CHROMIUM_PAGE, "upgrade-insecure-requests": "1"}, "/", T.DOCUMENT),
    ({"accept": FIREFOX_PAGE, "upgrade-insecure-requests": "1"}, "/a.php", T.DOCUMENT),
    ({"accept": "text/css,*/*;q=0.1"}, "/style", T.STYLESHEET),
    ({"accept": CHROMIUM_IMAGE}, "/pixel?id=1", T.IMAGE),
    ({"accept": FIREFOX_IMAGE}, "/pixel.php", T.IMAGE),
    ({"accept": "image/webp,*/*"}, "/pixel", T.IMAGE),
    ({"accept": FIREFOX_VIDEO}, "/film", T.MEDIA),
    ({"accept": FIREFOX_FONT, "origin": "http://school.example"}, "/font", T.FONT),
    ({"accept": "*/*"}, "/js/ad.js?v=1.css", T.SCRIPT),
    ({"accept": "*/*", "origin": "http://school.example"}, "/f.woff2", T.FONT),
    ({"accept": "*/*", "range": "bytes=0-"}, "/FILM.MP4", T.MEDIA),
    ({"accept": "*/*", "origin": "http://school.example"}, "/api/v1", T.XMLHTTPREQUEST),
    ({"accept": "*/*", "x-requested-with": "XMLHttpRequest"}, "/a.js", T.XMLHTTPREQUEST),
    ({"accept": "*/*", "x-requested-with": "com.example.app"}, "/a.js", T.SCRIPT),
    ({"accept": "application/json, text/plain, */*"}, "/api", T.XMLHTTPREQUEST),
    ({"accept": "text/event-stream"}, "/feed", T.XMLHTTPREQUEST),
    ({"upgrade": "WebSocket", "connection": "Upgrade"}, "/socket", T.WEBSOCKET),
    ({"accept": "*/*"}, "/unknown", T.OTHER),
    ({}, "/", T.OTHER),
    ({}, "/a.b/c", T.OTHER),
]


@pytest.mark.parametrize(("headers", "kind"), SECURE)
def test_fetch_metadata_says_it(headers: dict[str, str], kind: RequestType) -> None:
    assert request_type(headers, "https://other.example/misleading.css") is kind


@pytest.mark.parametrize(("headers", "path", "kind"), PLAIN)
def test_other_signs_are_read_without_it(
    headers: dict[str, str], path: str, kind: RequestType
) -> None:
    assert request_type(headers, f"http://other.example{path}") is kind


@pytest.mark.parametrize(
    ("headers", "kind", "asks"),
    [
        ({"referer": PAGE, "sec-fetch-site": "cross-site"}, T.SCRIPT, PAGE),
        ({"referer": PAGE, "sec-fetch-site": "cross-site"}, T.DOCUMENT, None),
        ({"referer": PAGE}, T.SUBDOCUMENT, PAGE),
        ({"origin": "https://school.example"}, T.FONT, "https://school.example"),
        ({"origin": "null", "sec-fetch-site": "cross-site"}, T.FONT, None),
        ({"sec-fetch-site": "same-origin"}, T.SCRIPT, "https://a.example/x"),
        ({"sec-fetch-site": "same-site"}, T.SCRIPT, "https://a.example/x"),
        ({"sec-fetch-site": "none"}, T.IMAGE, None),
        ({"referer": "about:client"}, T.IMAGE, None),
        ({}, T.SCRIPT, None),
    ],
)
def test_who_asks(headers: dict[str, str], kind: RequestType, asks: str | None) -> None:
    assert source_url(headers, "https://a.example/x", kind) == asks


NAMES = ["accept", "origin", "referer", "sec-fetch-dest", "sec-fetch-mode", "upgrade"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=40)), st.text(max_size=60))
def test_any_headers_are_answered(headers: dict[str, str], url: str) -> None:
    kind = request_type(headers, url)
    assert isinstance(kind, RequestType)
    asks = source_url(headers, url, kind)
    assert asks is None or asks.startswith("http") or asks == url
