"""From a request's text to its verdict, by the code and the rules of a worker.

    python -m bench.http.judging FOLDER COUNT

in the environment of the HTTP filter; FOLDER is where the daemon hands rules over. What is timed
is what the add-on has done for each request: facts made of text, what it is for by its fields, and
`Gate.request`. A third of the requests are listed URLs, a third other pages of the same hosts, a
third like those that pages of the web are made of.
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.http.lists import KNOWS_REQUESTS, URLS, listed_url
from bench.http.places import PUPIL
from filterd.http.gate import Gate, GateSettings
from filterd.http.never import Learned
from filterd.http.request_type import request_type, source_url
from filterd.http.rules import Rules
from filterd.http.words import Act, Request

SEED = 20_261_122
_DESTINATIONS = ("script", "image", "style", "empty", "iframe", "font", "document")
_PARTS = (
    "/static/js/app.{n:x}.js?v={k}", "/wp-content/uploads/2026/{k:02d}/photo-{n}.jpg",
    "/api/v2/items?page={k}&size=20&sort=-{n}", "/ads/banner-{n}.gif", "/fonts/inter-{k}.woff2",
    "/tin-tuc/giao-duc-{n}.html", "/track/pixel.gif?uid={n:x}&r={k}", "/lib/jquery-3.{k}.min.js",
    "/embed/{n:x}?autoplay=1", "/collect?v=1&tid=UA-{n}&cid={k}", "/",
)  # fmt: skip


def asked(count: int) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield host, path and header fields, the same each time."""
    rng = random.Random(SEED)
    for number in range(count):
        host, path = listed_url(rng.randrange(URLS - 1000))
        page = f"https://www.school-{rng.randrange(500)}.example/"
        kind = rng.choice(_DESTINATIONS)
        if number % 3 == 1:
            path = f"{path[:-5]}-more.html"
        elif number % 3 == 2:
            host = f"{rng.choice(('www', 'cdn', 'static', 'img3'))}.web-{rng.randrange(5000)}.example"
            path = rng.choice(_PARTS).format(n=rng.randrange(1 << 28), k=rng.randrange(12))
        yield host, path, {"sec-fetch-dest": kind, "referer": page, "accept": "*/*"}


def main(folder: Path, count: int) -> dict[str, Any]:
    """Time each request."""
    rules = Rules(folder)
    rules.look()
    if rules.now is None:
        raise SystemExit(rules.problem)
    gate = Gate(GateSettings(), Learned(), inspecting=True)
    took: list[int] = []
    said: Counter[str] = Counter()
    for warm in (True, False):
        for host, path, headers in asked(count):
            began = time.perf_counter_ns()
            facts = Request(
                PUPIL, "https", host, 443, path, "GET", host, host, host, **_for(host, path, headers)
            )
            verdict = gate.request(rules.now, facts, time.time())
            ended = time.perf_counter_ns()
            if not warm:
                took.append(ended - began)
                blocked = verdict.act is Act.BLOCK
                name = verdict.reason.list if verdict.reason is not None else verdict.why.value
                said[f"blocked by {name}" if blocked else "passed"] += 1
    took.sort()
    return {
        "requests": count,
        "p50_us": took[count // 2] / 1000,
        "p95_us": took[count * 95 // 100] / 1000,
        "verdicts": dict(said.most_common()),
        "with_requests": KNOWS_REQUESTS and getattr(rules.now, "pages", None) is not None,
    }


def _for(host: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    if not KNOWS_REQUESTS:
        return {}
    kind = request_type(headers, path)
    return {"kind": kind, "source": source_url(headers, f"https://{host}/", kind)}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
