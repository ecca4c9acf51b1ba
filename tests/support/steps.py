"""A process that is killed at a step of what it does, and then at the next one, to the end."""

import os
import signal
import time

from sqlalchemy import event

PATIENCE = 20.0  # seconds


def killed_at(step, work):
    """Run `work(reached)` in a child; at the `step`th call of `reached` it is killed with -9.
    Return whether it was; False: it came to its end, and there are no more steps.
    """
    child = os.fork()
    if child == 0:
        left = step

        def reached(*_args, **_more):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        status = 1
        try:
            work(reached)
            status = 0
        finally:
            os._exit(status)
    ended = status_of(child)
    if os.WIFSIGNALED(ended):
        assert os.WTERMSIG(ended) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(ended) == 0, "the child failed of itself"
    return False


def status_of(child):
    """Return how a forked child ended. One that was forked while a thread of ours held a lock may
    wait for it for ever: then it is killed here, a moment as good as any.
    """
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def each_statement(engine, reached):
    """Call `reached` before and after every statement and commit of an engine."""
    event.listen(engine, "before_cursor_execute", reached)
    event.listen(engine, "after_cursor_execute", reached)
    event.listen(engine, "commit", reached)
    event.listen(engine, "checkin", reached)


def each_change(reached):
    """Call `reached` before each change on disk, whoever makes it; for a process that ends soon."""
    for name in ("fsync", "replace", "rename", "unlink", "link", "mkdir"):
        setattr(os, name, _counted(reached, getattr(os, name)))


def _counted(reached, real):
    def call(*given, **named):
        reached()
        return real(*given, **named)

    return call
