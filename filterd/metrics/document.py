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
        [_HEAD, *rows, "\n## Labels\n\n| label | means | values |\n| --- | --- | --- |\n", *told]
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
