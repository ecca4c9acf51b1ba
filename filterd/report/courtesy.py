"""Writing down can wait, answering cannot: threads that keep logs stand back."""

import logging
import os
import threading

logger = logging.getLogger(__name__)
NICE = 10  # above that of the process, as nice(1) counts


def stand_back() -> None:
    """Have the calling thread run after the others where a processor is short. It still gets about
    a tenth of it, since a thread that holds Python's lock must not be starved.
    """
    thread = threading.get_native_id()  # Linux has priorities by thread, setpriority(2)
    try:
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICE)
    except OSError as error:
        logger.debug("a thread of the log keeps its priority: %s", error)
