"""What was measured, as a table for people, JSON for programs and a part of bench/README.md."""

import datetime as dt
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.places import README, RESULTS

BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Figure:
    """One value; `most` is the bar it is held against, None for no bar."""

    name: str
    value: float
    unit: str
    most: float | None = None
    note: str = ""

    @property
    def met(self) -> str:
        """Whether the bar is met, in a word."""
        if self.most is None:
            return ""
        return "yes" if self.value <= self.most else "NO"


def machine() -> str:
    """Return what was measured on: processor, cores, system, and how busy it was."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    load = os.getloadavg()[0]
    return (
        f"{cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load average {load:.1f} at the end"
    )


def rows(figures: Sequence[Figure]) -> list[str]:
    """Return the table in Markdown."""
    lines = ["| what | measured | bar | met | |", "|---|---|---|---|---|"]
    for each in figures:
        bar = "" if each.most is None else f"≤ {each.most:g} {each.unit}"
        value = f"{each.value:,.4g}" if each.value < 1000 else f"{each.value:,.0f}"
        lines.append(f"| {each.name} | {value} {each.unit} | {bar} | {each.met} | {each.note} |")
    return lines


def publish(
    figures: Sequence[Figure], tables: Mapping[str, Sequence[str]], raw: Mapping[str, Any], how: str
) -> str:
    """Write results/last.json and the README's part; return the text of it."""
    when = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    text = [f"{when}, `{how}`, {machine()}.", "", *rows(figures)]
    for title, table in tables.items():
        text += ["", f"{title}:", "", *table]
    RESULTS.mkdir(exist_ok=True)
    kept = {"when": when, "command": how, "machine": machine(), "raw": raw}
    kept["figures"] = [{**asdict(each), "met": each.met} for each in figures]
    (RESULTS / "last.json").write_text(
        json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    page = "\n".join(text)
    about = README.read_text(encoding="utf-8")
    head, _, rest = about.partition(BEGIN)
    _, _, tail = rest.partition(END)
    README.write_text(f"{head}{BEGIN}\n\n{page}\n\n{END}{tail}", encoding="utf-8")
    return page
