"""A child process that does one job and whose standard input its parent holds open."""

import os
import threading


def end_with_parent() -> None:
    """End this process, with status 1, when standard input ends: then the parent is gone."""
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    # Not through sys.stdin, whose lock a blocked thread would hold when the interpreter ends.
    while os.read(0, 1):
        pass
    os._exit(1)
