"""Instructions a query may cost, sort by sort: counted by callgrind, held against budgets.toml.

    make budgets
    python -m bench.budgets --write       # what was counted becomes the budget

Instructions repeat where times do not: two runs of one build differ by less than a percent, however
busy the machine. They say nothing about waiting for memory, which `make bench` sees. Another
compiler, C library or kind of processor makes other instructions of the same source; so the file
says what it was counted with, and a breach says what is different here.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.places import ROOT

BUDGETS = ROOT / "bench" / "budgets.toml"
PROFILES = ROOT / "build" / "budgets"
TOLERANCE = 0.03
COUNTED = "query_cost::counted"
_TOTALS = re.compile(r"^totals: (\d+)$", re.MULTILINE)
_HEAD = """\
# Instructions a query may cost inside the core: see budgets.py; written by
# `python -m bench.budgets --write`. The commit that raises a number says what was bought with it.
"""


class Unmeasured(Exception):
    """Nothing could be counted; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Instructions a query, and the part by which a count may be above before it is a breach."""

    instructions: float
    tolerance: float = TOLERANCE


@dataclass(frozen=True, slots=True)
class Budgets:
    """The file: budgets by sort, and what they were counted with."""

    by_sort: Mapping[str, Budget]
    counted_with: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> "Budgets":
        """Read the file's text."""
        read: dict[str, Any] = tomllib.loads(text)
        by_sort = {sort: Budget(**budget) for sort, budget in read.get("budget", {}).items()}
        return cls(by_sort, read.get("counted_with", {}))

    def text(self) -> str:
        """Return the file's text."""
        tables = [f"{key} = {json.dumps(value)}\n" for key, value in self.counted_with.items()]
        lines = [_HEAD, "\n[counted_with]\n", *tables]
        for sort, budget in self.by_sort.items():
            lines.append(f"\n[budget.{sort}]\n")
            lines.append(f"instructions = {budget.instructions:.0f}\n")
            lines.append(f"tolerance = {budget.tolerance}\n")
        return "".join(lines)


@dataclass(frozen=True, slots=True)
class Row:
    """One sort: what was counted beside what is allowed. None: the other side has no such sort."""

    sort: str
    counted: float | None
    budget: Budget | None

    @property
    def change(self) -> float | None:
        """The part by which the count differs from the budget."""
        if self.counted is None or self.budget is None:
            return None
        return self.counted / self.budget.instructions - 1

    @property
    def breach(self) -> bool:
        """Whether it is too much, or cannot be compared."""
        return self.budget is None or self.change is None or self.change > self.budget.tolerance

    @property
    def text(self) -> str:
        """The line of the table."""
        counted = "" if self.counted is None else f"{self.counted:,.0f}"
        allowed = "" if self.budget is None else f"{self.budget.instructions:,.0f}"
        change = "" if self.change is None else f"{self.change:+.1%}"
        return f"{self.sort:<12}{counted:>12}{allowed:>12}{change:>10}  {self._remark()}".rstrip()

    def _remark(self) -> str:
        if self.budget is None:
            return "NO BUDGET"
        if self.change is None:
            return "NOT COUNTED"
        if self.breach:
            return "TOO MUCH"
        return "less: lower the budget" if self.change < -self.budget.tolerance else ""


def compare(counted: Mapping[str, float], budgets: Budgets) -> Sequence[Row]:
    """Put what was counted beside what is allowed, in the order of counting."""
    sorts = dict.fromkeys((*counted, *budgets.by_sort))
    return [Row(sort, counted.get(sort), budgets.by_sort.get(sort)) for sort in sorts]


def renewed(counted: Mapping[str, float], old: Budgets, counted_with: Mapping[str, str]) -> Budgets:
    """Return budgets of what was counted; tolerances stay."""
    kept = {sort: budget.tolerance for sort, budget in old.by_sort.items()}
    by_sort = {sort: Budget(each, kept.get(sort, TOLERANCE)) for sort, each in counted.items()}
    return Budgets(by_sort, counted_with)


def advice(rows: Iterable[Row], budgets: Budgets, here: Mapping[str, str]) -> Sequence[str]:
    """Return what to do about the breaches; nothing where there is none."""
    breaches = [row.sort for row in rows if row.breach]
    if not breaches:
        return []
    profile = (PROFILES / f"{breaches[0]}.callgrind").relative_to(ROOT)
    what = f"find the cost (callgrind_annotate --inclusive=yes {profile})"
    otherwise = "or raise the budget in the same commit and say there what it buys"
    how = "python -m bench.budgets --write"
    lines = [f"budgets: {', '.join(breaches)}: {what}, {otherwise} ({how})"]
    for key, value in budgets.counted_with.items():
        if here.get(key) != value:
            lines.append(f"budgets: counted with {key} {value}, here it is {here.get(key)}")
    return lines


def count() -> Mapping[str, float]:
    """Build the example, run it under callgrind; return instructions a query by sort.

    Raises:
        Unmeasured: something is missing or failed.
    """
    if shutil.which("valgrind") is None:
        raise Unmeasured("valgrind is not here (apt-get install valgrind)")
    program = _build()
    shutil.rmtree(PROFILES, ignore_errors=True)
    PROFILES.mkdir(parents=True)
    out = PROFILES / "profile"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
    command += [f"--toggle-collect={COUNTED}", f"--dump-after={COUNTED}"]
    command += [program, "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise Unmeasured(f"the example failed under valgrind: {done.stderr.strip()[-600:]}")
    counted = {}
    for number, line in enumerate(done.stdout.splitlines(), start=1):
        sort, queries, _ = line.split()
        dump = out.with_name(f"{out.name}.{number}")
        profile = dump.rename(PROFILES / f"{sort}.callgrind") if dump.exists() else None
        counted[sort] = instructions(profile.read_text() if profile else "") / int(queries)
    out.unlink(missing_ok=True)  # what came after the last one: nothing
    return counted


def instructions(profile: str) -> int:
    """Return the total of a profile.

    Raises:
        Unmeasured: there is none.
    """
    found = _TOTALS.search(profile)
    if found is None or found[1] == "0":
        raise Unmeasured(f"callgrind collected nothing: is the function still {COUNTED}?")
    return int(found[1])


def toolchain() -> Mapping[str, str]:
    """Return what the instructions depend on besides the source."""
    run = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True)
    return {
        "processor": platform.machine(),
        "rustc": run.stdout.split()[1],
        "libc": " ".join(platform.libc_ver()),
    }


def _build() -> str:
    what = ["-p", "filterd-core", "--example", "query_cost"]
    command = ["deploy/build/cargo.sh", "build", "--release", "--locked", *what]
    command.append("--message-format=json-render-diagnostics")
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Unmeasured("the example does not build")
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    programs = [each["executable"] for each in messages if each.get("executable")]
    return str(programs[-1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, compare, print. 0: within the budgets, or outside CI and without valgrind."""
    parser = argparse.ArgumentParser(prog="python -m bench.budgets", description=__doc__)
    parser.add_argument("--write", action="store_true", help="make what was counted the budget")
    parser.add_argument(
        "--required", action="store_true", help="no valgrind is an error (as in CI)"
    )
    wanted = parser.parse_args(arguments)
    text = BUDGETS.read_text(encoding="utf-8") if BUDGETS.exists() else ""
    budgets, here = Budgets.parse(text), toolchain()
    required = wanted.required or wanted.write or "CI" in os.environ
    try:
        counted = count()
    except Unmeasured as fault:
        print(f"budgets: NOT CHECKED: {fault}", file=sys.stderr)
        return 1 if required or shutil.which("valgrind") else 0
    if wanted.write:
        budgets = renewed(counted, budgets, here)
        BUDGETS.write_text(budgets.text(), encoding="utf-8")
    rows = compare(counted, budgets)
    print(f"{'sort':<12}{'a query':>12}{'budget':>12}{'change':>10}", *_texts(rows), sep="\n")
    problems = advice(rows, budgets, here)
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems else 0


def _texts(rows: Iterable[Row]) -> Sequence[str]:
    return [row.text for row in rows]


if __name__ == "__main__":
    sys.exit(main())
