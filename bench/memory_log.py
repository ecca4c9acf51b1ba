"""The memory of a process and of what it starts, looked at ten times a second."""

import threading
import time
from types import TracebackType
from typing import Self

from bench.process import descendants, memory

EVERY = 0.1
KINDS = ("rss", "pss", "uss", "anonymous")


class MemoryLog:
    """Looks from `with` to its end; `rows` are monotonic seconds and MiB of each of KINDS."""

    def __init__(self, pid: int, every: float = EVERY) -> None:
        self.rows: list[tuple[float, ...]] = []
        self._pid = pid
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(self._every):
            sizes = [memory(pid) for pid in (self._pid, *descendants(self._pid))]
            sums = [sum(size.get(key, 0.0) for size in sizes) for key in KINDS]
            if sums[0]:
                self.rows.append((time.monotonic(), *sums))

    def summary(self, since: float) -> dict[str, float]:
        """Return the steady state before `since` (monotonic seconds) and the highest after."""
        before = [row for row in self.rows if row[0] < since] or self.rows[:1]
        after = [row for row in self.rows if row[0] >= since] or self.rows[-1:]
        if not after:
            return {}
        found: dict[str, float] = {}
        for at, key in enumerate(KINDS, 1):
            if before:
                found[f"steady_{key}"] = sum(row[at] for row in before) / len(before)
            found[f"peak_{key}"] = max(row[at] for row in after)
            found[f"last_{key}"] = after[-1][at]
        return found
