"""Scenarios: plain text files that say what a school has set up and what its pupils then get.

    # What it proves, in one line.
    config:
      groups: ...
    list NAME:                      the text of a list that the configuration names
    overrides:                      lines of the overrides file
    upstream:
      www.example.com A 192.0.2.1   records that upstream knows
    queries:
      at 2026-09-07 08:30           on the school's clocks; holds for the lines below it
      127.0.0.3 www.example.com A = pass default 192.0.2.1

A query line is CLIENT NAME TYPE = VERDICT STEP and then what the answer must have: data of records,
an rcode other than NOERROR, `ede=17`, `ttl<=60`, `rule=NAME`, `list=NAME`, `no-data`, `silence`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dns.rcode

from filterd.model.verdict import Step
from tests.support.desk import NOW, Desk
from tests.support.dnsclient import data_of, ede_of

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
STEPS = {step.name.lower().replace("_", "-"): step for step in Step}


@dataclass(frozen=True)
class Query:
    """One line of `queries:`."""

    line: int
    at: float
    client: str
    name: str
    kind: str
    verdict: str
    step: Step
    wanted: tuple[str, ...]


@dataclass
class Scenario:
    """A file that was read."""

    title: str
    sections: dict[str, str] = field(default_factory=dict)
    queries: list[Query] = field(default_factory=list)

    def desk(self) -> Desk:
        """Return the engine that it describes."""
        lists = {n.removeprefix("list "): t for n, t in self.sections.items() if n[:5] == "list "}
        upstream = self.sections.get("upstream", "").splitlines()
        return Desk(
            self.sections["config"],
            [line for line in upstream if line.strip()],
            lists=lists,
            overrides=self.sections.get("overrides", ""),
            now=self.queries[0].at,
        )


def read(path: Path) -> Scenario:
    """Read a scenario; ValueError with the line that makes no sense."""
    first, *lines = path.read_text().splitlines()
    if not first.startswith("# ") or not first.endswith("."):
        raise ValueError(f"{path.name}: the first line is # and a sentence")
    scenario = Scenario(first[2:])
    section = ""
    at = NOW
    for number, line in enumerate(lines, 2):
        if line and not line[0].isspace() and not line.startswith("#"):
            section = line.strip().removesuffix(":")
            scenario.sections[section] = ""
        elif section == "queries":
            words = line.split()
            if words[:1] == ["at"]:
                at = datetime.fromisoformat(" ".join(words[1:])).replace(tzinfo=HANOI).timestamp()
            elif words and not words[0].startswith("#"):
                scenario.queries.append(_query(path, number, at, words))
        elif section:
            scenario.sections[section] += f"{line.removeprefix('  ')}\n"
    if not scenario.queries:
        raise ValueError(f"{path.name}: it asks nothing")
    return scenario


def _query(path: Path, number: int, at: float, words: list[str]) -> Query:
    if len(words) < 7 or words[3] != "=" or words[5] not in STEPS:
        raise ValueError(f"{path.name} line {number} is no query: {' '.join(words)}")
    client, name, kind, _, verdict, step, *wanted = words
    return Query(number, at, client, name, kind, verdict, STEPS[step], tuple(wanted))


def check(query: Query, reply: object, event: object) -> None:
    """Hold what came back against the line."""
    where = f"line {query.line}: {query.client} {query.name} {query.kind}"
    said = (event.kind.value, event.step)
    assert said == (query.verdict, query.step), f"{where}: {said}, {event}"
    if query.wanted == ("silence",):
        assert reply is None, where
        return
    assert reply is not None, f"{where}: silence"
    rcode = dns.rcode.to_text(reply.rcode())
    wanted = set(query.wanted)
    named = {word for word in wanted if word.isupper() and word in dns.rcode.Rcode.__members__}
    assert rcode == (named.pop() if named else "NOERROR"), f"{where}: {rcode}"
    data = data_of(reply)
    for word in query.wanted:
        if word.startswith("ede="):
            assert ede_of(reply) == int(word[4:]), f"{where}: EDE {ede_of(reply)}"
        elif word.startswith("ttl<="):
            ttls = [r.ttl for r in (*reply.answer, *reply.authority)]
            assert ttls, where
            assert max(ttls) <= int(word[5:]), f"{where}: {ttls}"
        elif word.startswith("rule="):
            assert event.rule == word[5:], f"{where}: {event.rule}"
        elif word.startswith("list="):
            assert event.list == word[5:], f"{where}: {event.list}"
        elif word == "no-data":
            assert data == [], f"{where}: {data}"
        elif word not in dns.rcode.Rcode.__members__:
            assert word in data, f"{where}: {data}"
