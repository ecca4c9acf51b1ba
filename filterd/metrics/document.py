"""Writes docs/reference/metrics.md from the table: `python -m filterd.metrics.document [--check]`.

Exit status 0: written, or with --check up to date; 1: with --check, the file is out of date.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from filterd.metrics.names import METRICS, OTHER, Label

PAGE = Path("docs/reference/metrics.md")

_HEAD = """# Metrics

Generated from `filterd/metrics/names.py` by `python -m filterd.metrics.document`; edit the table.

`GET /metrics` answers in the Prometheus text format, or in OpenMetrics where the client asks for
it. A page is rendered at most once a second. Every label is bounded: a value that is not listed,
or beyond the number given, is counted as `other`. No label names a client or a queried name.
A counter starts at 0 when filterd starts.

| name | type | labels | what it says |
| --- | --- | --- | --- |
"""

_TAIL = """
## What to ask of them

The cache is one for all doors and threads; its hit ratio, of the questions that came to it:

```promql
sum(rate(filterd_cache_hits_total[5m]))
  / (sum(rate(filterd_cache_hits_total[5m])) + sum(rate(filterd_cache_misses_total[5m])))
```

What a rule blocks and what is no lawful query is in neither. A stale answer is a miss first, that
upstream did not answer in time; the share of misses that ended so:

```promql
sum(rate(filterd_cache_stale_answers_total[5m])) / sum(rate(filterd_cache_misses_total[5m]))
```

The share of all queries that were answered at once, by door:

```promql
1 - sum by (door) (rate(filterd_cache_misses_by_door_total[5m]))
  / sum by (door) (rate(filterd_queries_total[5m]))
```

A cache that is too small evicts what it is asked for again; entries that go, for one that comes:

```promql
sum(rate(filterd_cache_evictions_total[5m])) / sum(rate(filterd_cache_misses_total[5m]))
```

Near 1, with a hit ratio that falls, `cache.size` is too small. Threads that ended (`/readyz` says
it too), and the share of UDP queries that found no room in a socket because threads are too few:

```promql
filterd_threads_wanted - filterd_threads_running > 0
```

```promql
sum(rate(filterd_udp_queries_lost_total[5m]))
  / (sum(rate(filterd_udp_queries_lost_total[5m]))
    + sum(rate(filterd_queries_total{door="udp"}[5m])))
```
"""


def page() -> str:
    """Return the whole page as Markdown."""
    rows = [
        f"| `{metric.name}` | {metric.type.value} | "
        f"{', '.join(f'`{label.name}`' for label in metric.labels)} | {metric.help} |\n"
        for metric in METRICS
    ]
    labels: dict[str, Label] = {}
    for metric in METRICS:
        labels.update({label.name: label for label in metric.labels})
    told = [f"| `{label.name}` | {label.means} | {_values(label)} |\n" for label in labels.values()]
    return "".join(
        [
            _HEAD,
            *rows,
            "\n## Labels\n\n| label | means | values |\n| --- | --- | --- |\n",
            *told,
            _TAIL,
        ]
    )


def _values(label: Label) -> str:
    if label.values:
        return ", ".join((*label.values, OTHER))
    return f"from the configuration, at most {label.most}, {OTHER}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description="Write the reference page of the metrics.")
    parser.add_argument("--check", action="store_true", help="write nothing, say if it differs")
    parser.add_argument("--page", type=Path, default=PAGE, help=f"default: {PAGE}")
    options = parser.parse_args(arguments)
    text = page()
    if not options.check:
        options.page.write_text(text, encoding="utf-8")
        return 0
    if options.page.exists() and options.page.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{options.page} is out of date: run python -m filterd.metrics.document\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
