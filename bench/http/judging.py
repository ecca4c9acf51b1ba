"""From a URL's text to its verdict, by the code and the rules of a worker.

    python -m bench.http.judging FOLDER COUNT

in the environment of the HTTP filter; FOLDER is where the daemon hands rules over. `url`: what is
asked of the rules once for each name of a request. `request`: all that the add-on has done for a
request that was decrypted, facts made of text, what it is for by its fields, four names read and
compared, and that. A third are listed URLs, a third other pages of the same hosts, a third like
those that pages of the web are made of.
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.http.lists import URLS, listed_url
from bench.http.places import PUPIL
from filterd.http.gate import Gate, GateSettings
from filterd.http.never import Learned
from filterd.http.request_type import request_type, source_url
from filterd.http.rules import Rules
from filterd.http.words import Act, Reason, Request, Verdict
from filterd.policy.abp_rules import AbpRequest

SEED = 20_261_122
NOW = 1_795_000_000.0  # unix seconds, on a Wednesday
PASSES = 7
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
            host = (
                f"{rng.choice(('www', 'cdn', 'static', 'img3'))}.web-{rng.randrange(5000)}.example"
            )
            path = rng.choice(_PARTS).format(n=rng.randrange(1 << 28), k=rng.randrange(12))
        yield host, path, {"sec-fetch-dest": kind, "referer": page, "accept": "*/*"}


def main(folder: Path, count: int) -> dict[str, Any]:
    """Time each, several times over."""
    rules = Rules(folder)
    rules.look()
    if rules.now is None:
        raise SystemExit(rules.problem)
    now, questions = rules.now, list(asked(count))
    gate = Gate(GateSettings(), Learned(), inspecting=True)
    said: Counter[str] = Counter()

    def request(host: str, path: str, headers: Mapping[str, str]) -> Verdict:
        more = _for(host, path, headers)
        facts = Request(PUPIL, "https", host, 443, path, "GET", host, host, host, **more)
        return gate.request(now, facts, time.time())

    def url(host: str, path: str, more: Mapping[str, Any]) -> Reason:
        return now.judge_url(f"http://{host}{path}", PUPIL, NOW, _sent(host, path, more))

    for question in questions:
        verdict = request(*question)
        name = verdict.reason.list if verdict.reason is not None else verdict.why.value
        said[f"blocked by {name}" if verdict.act is Act.BLOCK else "passed"] += 1
    return {
        "url": _timed(url, [(h, p, _for(h, p, d)) for h, p, d in questions]),
        "request": _timed(request, questions),
        "verdicts": dict(said.most_common()),
        "with_requests": now.pages is not None,
    }


def _timed(
    ask: Callable[[str, str, Mapping[str, Any]], object],
    questions: Sequence[tuple[str, str, Mapping[str, Any]]],
) -> dict[str, float]:
    """Return µs: the medians of passes in the middle and of the least disturbed, and p95."""
    middle, tail = [], []
    for _ in range(PASSES):
        took = []
        for host, path, more in questions:
            began = time.perf_counter_ns()
            ask(host, path, more)
            took.append(time.perf_counter_ns() - began)
        took.sort()
        middle.append(took[len(took) // 2] / 1000)
        tail.append(took[len(took) * 95 // 100] / 1000)
    return {"p50": median(middle), "least": min(middle), "p95": median(tail)}


def _sent(host: str, path: str, more: Mapping[str, Any]) -> AbpRequest:
    """What the gate makes of a request for rules about requests."""
    return AbpRequest(f"https://{host}{path}", more["source"], more["kind"], "GET")


def _for(host: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    kind = request_type(headers, path)
    return {"kind": kind, "source": source_url(headers, f"https://{host}/", kind)}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
