"""What was measured: values with their bars, kept in JSON part by part and shown as Markdown."""

import datetime as dt
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from bench.places import README, RESULTS

LAST, PICTURE = RESULTS / "last.json", RESULTS / "last.svg"
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Figure:
    """One value; `most` or `least` is the bar it is held against."""

    name: str
    value: float
    unit: str
    most: float | None = None
    note: str = ""
    least: float | None = None

    @property
    def met(self) -> str:
        """Whether the bar is met, in a word."""
        if self.most is None and self.least is None:
            return ""
        high = self.most is not None and self.value > self.most
        low = self.least is not None and self.value < self.least
        return "NO" if high or low else "yes"

    @property
    def bar(self) -> str:
        """The bar, in words."""
        if self.most is not None:
            return f"≤ {self.most:,g} {self.unit}"
        return f"≥ {self.least:,g} {self.unit}" if self.least is not None else ""

    @property
    def row(self) -> str:
        """The row of a Markdown table."""
        value = f"{self.value:,.3g}" if self.value < 100 else f"{self.value:,.0f}"
        met = f"**{self.met}**" if self.met == "NO" else self.met
        cells = (self.name, f"{value} {self.unit}", self.bar, met, self.note)
        return f"| {' | '.join(cells)} |"


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of a run gave, and when, how and on what."""

    when: str
    command: str
    machine: str
    load: float
    figures: Sequence[Figure]
    tables: Mapping[str, Sequence[str]]
    raw: Mapping[str, Any]

    @classmethod
    def now(
        cls,
        command: str,
        figures: Sequence[Figure],
        tables: Mapping[str, Sequence[str]],
        raw: Mapping[str, Any],
    ) -> Self:
        """Return a part that has just been measured."""
        when = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
        load = round(os.getloadavg()[0], 1)
        return cls(when, command, machine(), load, figures, tables, raw)


@dataclass(frozen=True, slots=True)
class Results:
    """The parts by name."""

    parts: dict[str, Part] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what was kept; nothing where there is no such file, or one of another shape."""
        if not path.exists():
            return cls()
        kept = json.loads(path.read_text(encoding="utf-8")).get("parts", {})
        return cls(
            {
                name: Part(**{**part, "figures": [Figure(**each) for each in part["figures"]]})
                for name, part in kept.items()
            }
        )

    def write(self, path: Path) -> None:
        """Keep them."""
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {"parts": {name: asdict(part) for name, part in self.parts.items()}}
        text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
        part = path.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)


def machine() -> str:
    """Return what is measured on: processor, cores, memory, system."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}"
    )


def page(results: Results, names: Iterable[str]) -> list[str]:
    """Return Markdown: when and on what, all figures with their bars, then the tables."""
    parts = [(name, results.parts[name]) for name in names if name in results.parts]
    text: list[str] = []
    for each in dict.fromkeys(part.machine for _, part in parts):
        here = [part for _, part in parts if part.machine == each]
        runs = dict.fromkeys((part.when[:10], part.command) for part in here)
        done = ", ".join(f"{day} by `{how}`" for day, how in runs)
        loads = [part.load for part in here]
        text.append(f"{each}. {done}. Load average {min(loads):.1f} to {max(loads):.1f}.")
    text += ["", "| what | measured | bar | met | |", "|---|---|---|---|---|"]
    text += [figure.row for _, part in parts for figure in part.figures]
    for _, part in parts:
        for title, table in part.tables.items():
            text += ["", f"{title}:", "", *table]
    return text


def publish(results: Results, begin: str = BEGIN) -> None:
    """Write the README's part that begins with `begin`."""
    about = README.read_text(encoding="utf-8")
    head, _, rest = about.partition(begin)
    _, _, tail = rest.partition(END)
    text = "\n".join(page(results, results.parts))
    README.write_text(f"{head}{begin}\n\n{text}\n\n{END}{tail}", encoding="utf-8")
