"""A sink of JSON lines, for a log collector that reads a file or standard output.

It appends and keeps nothing: how long the lines live is the collector's business (logrotate may
move the file away; the next batch makes a new one).
"""

import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from filterd.report.base import SinkError
from filterd.report.privacy import Row


class JsonLinesSink:
    """Appends to the file `path`, made with mode 0600; "-" is standard output."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, rows: Sequence[Row], now: float) -> None:  # noqa: ARG002 -- the sink protocol
        """Append one line a row with a single write."""
        text = "".join(json.dumps(dataclasses.asdict(row)) + "\n" for row in rows)
        try:
            if str(self._path) == "-":
                sys.stdout.write(text)
                sys.stdout.flush()
            else:
                self._append(text.encode())
        except OSError as error:
            raise SinkError(f"report file {self._path}: {error}") from error

    def tidy(self, now: float) -> None:
        """Nothing is due: the reader of the lines keeps or removes them."""

    def close(self) -> None:
        """No file stays open between batches."""

    def _append(self, data: bytes) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            if os.write(handle, data) != len(data):
                os.ftruncate(handle, size)  # a full disk took half a line
                raise OSError("no space left for a whole batch")
        finally:
            os.close(handle)
