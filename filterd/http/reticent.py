"""A log that holds nothing of what went through: not in the words of an error, and in no traceback.

An error of Python may quote what it was about: the bytes that do not decode, the event that nobody
expected. So of an error only its type and where it happened are written.
"""

import logging
import traceback
from types import TracebackType

FORMAT = "%(levelname)s %(name)s: %(message)s"
_LONGEST = 300  # characters of a message that is not ours


class Reticent(logging.Formatter):
    """The format of a worker's log."""

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and where an error happened below it."""
        if not record.name.startswith("filterd"):
            # Others write what they like, also of connections; its beginning says what is wrong.
            record.msg, record.args = record.getMessage().partition(": ")[0][:_LONGEST], None
        return super().format(record)

    def formatException(  # noqa: N802 - the name that it overrides
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return files and lines of a traceback, and the type of the error."""
        kind, _, where = ei
        lines = [f"  {each.filename}:{each.lineno} {each.name}" for each in _frames(where)]
        return "\n".join([*lines, kind.__name__ if kind else ""])


def write_reticently() -> None:
    """Have everything logged so, on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Reticent())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _frames(where: TracebackType | None) -> traceback.StackSummary:
    return traceback.StackSummary.extract(traceback.walk_tb(where), lookup_lines=False)
