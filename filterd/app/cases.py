"""Cases of the HTTP filter, kept by the daemon: taken in, and let go when they are over."""

import logging
from pathlib import Path

from filterd.app.paths import Paths
from filterd.report.cases import Book

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
