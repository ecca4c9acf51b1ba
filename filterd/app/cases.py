"""Cases of the HTTP filter: the daemon keeps them, people look and close them through it."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path

from filterd.app.paths import Paths
from filterd.control.client import NobodyError, RefusedError, call
from filterd.control.messages import Json
from filterd.model.errors import RulesError
from filterd.report.cases import Book, Kept, kept_of, line_of

logger = logging.getLogger(__name__)


def case_folder(paths: Paths) -> Path:
    """Return the hand-over folder, in which the workers of the HTTP filter leave cases."""
    return paths.state / "http"


def take_in(folder: Path, now: float) -> None:
    """Bring the book of cases up to date at `now` (unix seconds); without a folder, do nothing."""
    if not folder.is_dir():
        return
    try:
        Book(folder).look(now)
    except OSError as error:
        logger.warning("cases wait in %s: %s", folder, error.strerror)


def look(paths: Paths) -> tuple[Kept, ...]:
    """Return the cases, newest first; none where the HTTP filter has not run.

    Raises:
        ControlError: a daemon runs, but does not answer.
        RulesError: it cannot read them. OSError: without a daemon, they cannot be read.
    """
    lines = _asked(paths, "case-list", {})
    if lines is None:
        lines = listed(case_folder(paths), time.time())
    return tuple(kept for kept in map(kept_of, lines) if kept is not None)


def close(paths: Paths, reference: str, *, opened_up: bool, answer: str) -> Kept:
    """Close a case with an answer, and return it.

    Raises:
        RulesError: there is no such case, it is closed, or the answer does not fit.
        ControlError, OSError: as above.
    """
    words = {"reference": reference, "opened_up": opened_up, "answer": answer}
    line = _asked(paths, "case-close", words)
    if line is None:
        line = closed(case_folder(paths), words, time.time())
    kept = kept_of(line)
    if kept is None:
        raise RulesError("the answer of filterd does not read; is it of another version?")
    return kept


def listed(folder: Path, now: float) -> list[str]:
    """Return the book's lines, newest first, as the daemon answers them. RulesError."""
    if not folder.is_dir():
        return []
    try:
        return [line_of(each) for each in Book(folder).look(now)]
    except OSError as error:
        raise _failed(folder, error) from error


def closed(folder: Path, words: Mapping[str, object], now: float) -> str:
    """Close the case that a command's words name, and return its line. RulesError."""
    reference, answer, opened_up = (words.get(k) for k in ("reference", "answer", "opened_up"))
    if not (isinstance(reference, str) and isinstance(answer, str) and type(opened_up) is bool):
        raise RulesError("a case is closed by its reference, an answer, and whether it is opened")
    if not folder.is_dir():
        raise RulesError("there are no cases: the HTTP filter has not run here")
    try:
        return line_of(Book(folder).close(reference, now, opened_up=opened_up, answer=answer))
    except OSError as error:
        raise _failed(folder, error) from error


def _asked(paths: Paths, command: str, words: Mapping[str, Json]) -> Json:
    """Return a running daemon's answer; None where none runs."""
    try:
        return call(paths.control, command, words)
    except RefusedError as error:
        raise RulesError(str(error)) from error
    except NobodyError:
        return None


def _failed(folder: Path, error: OSError) -> RulesError:
    return RulesError(f"cases in {folder}: {error.strerror}; type it as root")
