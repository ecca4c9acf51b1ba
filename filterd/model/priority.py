"""The priority of a process that compiles beside others that answer."""

import os
from contextlib import suppress

NICE = 10  # as nice(1) counts: about a tenth of a processor that is short


def stand_behind() -> None:
    """Have this process run after the others where a processor is short, if it may at all."""
    # A service may be kept from setting priorities (systemd/filterd.service.d/egress.conf): then it
    # compiles as an equal, which is slower for others and no error.
    with suppress(PermissionError):
        os.nice(NICE)
