"""Whether clients should be sent to a node at all: what `health.filterd.internal` says."""

from filterd.app.node import DRAINING, Node
from filterd.engine.engine import Doors

_WITHOUT = {
    "udp": "answer UDP ended by itself, some or all clients get no answer",
    "forward": "ask upstream servers ended by itself, names not in the cache get no answer",
}


def unfit(node: Node) -> list[str]:
    """Return why no client should be sent to this node where there are others; nothing: it is fit.

    That it cannot be ready for what is new (a list that fails to refresh, a hub that is away) is no
    reason: it may be the same everywhere, and all nodes would end at once.
    """
    inputs = node.ruling.inputs
    reasons = thread_faults(node.engine.doors())
    if node.draining:
        reasons.append(DRAINING)
    if node.config.lists and (inputs.lists is None or not inputs.lists.generation.inputs):
        reasons.append("lists: none is in force yet")
    if node.config.feed.url is not None and not _enforces_feed(node):
        reasons.append("feed: nothing of it is in force yet")
    return reasons


def _enforces_feed(node: Node) -> bool:
    inputs = node.ruling.inputs
    if inputs.base is not None or inputs.orders:
        return True
    # It may be that nothing is ordered.
    return node.feed is not None and node.feed.enforced is not None


def thread_faults(doors: Doors) -> list[str]:
    """Return what is to be said of threads that have ended without being told to."""
    faults = []
    for name, consequence in _WITHOUT.items():
        wanted, running = doors.wanted[name], doors.running[name]
        if running < wanted:
            faults.append(
                f"threads: {wanted - running} of {wanted} that {consequence}; restart filterd, "
                "and report what its log says of a panic"
            )
    return faults
