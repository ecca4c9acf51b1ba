"""What every part of a run is given: the programs, the names, what is wanted; and what it found."""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.daemon import Node
from bench.figures import Figure, Part
from bench.names import MILLION, Names
from bench.native import Programs
from bench.places import BUILD
from bench.rounds import Pace
from bench.saying import say
from bench.standing import upstream


@dataclass(slots=True)
class Bench:
    """A run. `peers` are those to measure beside filterd, None: all that are installed."""

    programs: Programs
    pace: Pace
    peers: Collection[str] | None = None
    lock: Path | None = None
    figures: list[Figure] = field(default_factory=list)
    tables: dict[str, list[str]] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _upstream: int | None = None
    _nodes: dict[int, Node] = field(default_factory=dict)

    def add(self, *figures: Figure) -> None:
        """Keep figures."""
        self.figures += figures

    def take(self, how: str) -> Part:
        """Return what was found since the last time, as one part of the results."""
        part = Part.now(how, self.figures, self.tables, self.raw)
        self.figures, self.tables, self.raw = [], {}, {}
        return part

    def names(self, count: int = MILLION) -> Names:
        """Return the list of so many names."""
        return Names.make(self.programs.names, count)

    @property
    def upstream(self) -> int:
        """The port of the upstream, which runs from the first use to the end of the run."""
        if self._upstream is None:
            self._upstream = self.stack.enter_context(upstream(self.programs))
        return self._upstream

    def forget(self, count: int) -> None:
        """Compile anew at the next use: the node of so many rules has been changed."""
        self._nodes.pop(count, None)

    def node(self, count: int = MILLION) -> Node:
        """Return a node that has compiled the list of so many names."""
        if count not in self._nodes:
            say(f"compiling {count:,} rules for the daemon")
            node = Node.new(BUILD / f"node-{count}", self.names(count).listed, self.upstream)
            node.compile()
            self._nodes[count] = node
        return self._nodes[count]
