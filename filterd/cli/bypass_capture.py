"""`filterd bypass capture`: the signals in a capture file, by group. No address is printed."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from filterd.bypass.capture import FactReader
from filterd.bypass.dissect import unwrapper
from filterd.bypass.judging import SETTLE, Judge
from filterd.bypass.pcap import CutShort, read_capture
from filterd.bypass.places import places_of
from filterd.bypass.words import GUILT, SAID, SIGNALS
from filterd.cli.base import Exit, complain, paint
from filterd.cli.progress import Progress
from filterd.cli.table import table
from filterd.config.schema import Config
from filterd.model.group import RuleBook

_EVERY = 4096  # packets between two looks at how far it is


def look_through(args: argparse.Namespace, config: Config, rules: RuleBook) -> int:
    """Read the capture once and say what was found.

    Raises:
        BadCapture: it is none, or damaged. OSError.
    """
    judge, facts = Judge(places_of(config), rules.bypass), FactReader(unwrapper)
    said, about = SAID[args.language], SIGNALS[args.language]
    packets, notes = _read(args.file, judge, facts, said)
    found = judge.findings()
    seconds = round(judge.seconds)
    if args.json:
        signals = [asdict(each) for each in found]
        shown = {"signals": signals, "packets": packets, "seconds": seconds, "notes": notes}
        print(json.dumps(shown, ensure_ascii=False))
        return Exit.PROBLEM if found else Exit.OK
    for note in notes:
        complain(note)
    print(said["read"].format(packets=packets, seconds=seconds))
    if not found:
        print(paint(said["clean"], "green"))
        return Exit.OK
    titles = (said["group"], said["signal"], f">{said['total']}")
    for line in table(titles, [(f.group, about[f.signal].title, str(f.attempts)) for f in found]):
        print(line)
    print(GUILT[args.language])
    return Exit.PROBLEM


def _read(
    path: Path, judge: Judge, facts: FactReader, said: Mapping[str, str]
) -> tuple[int, list[str]]:
    """Have all packets judged; return how many there were, and what their reader should know."""
    packets, notes = 0, list[str]()
    with path.open("rb") as stream, Progress(path.name, path.stat().st_size or None) as bar:
        try:
            for packets, captured in enumerate(read_capture(stream), 1):
                judge.passed(captured.at)
                for fact in facts.read(captured):
                    judge.take(fact)
                if packets % _EVERY == 0 and bar.total:
                    bar.at(stream.tell())
        except CutShort:
            notes.append(said["cut"])
    if not judge.answers:
        notes.append(said["no_dns"])
    elif judge.seconds < SETTLE:
        notes.append(said["short"].format(seconds=int(SETTLE)))
    if judge.full:
        notes.append(said["full"])
    if facts.foreign:
        notes.append(said["foreign"].format(n=facts.foreign))
    if facts.other:
        notes.append(said["other"].format(n=facts.other))
    return packets, notes
