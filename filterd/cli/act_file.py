"""The file of an order, a revocation or a confirmation on its way between officers."""

from pathlib import Path

from filterd.feed.acts import read_signed
from filterd.feed.canonical import read_object
from filterd.feed.refusal import Refused
from filterd.model.errors import RulesError
from filterd.model.order import SignedAct

MOST = 32 * 2**20  # bytes


def read_act(path: Path) -> SignedAct:
    """Read what `filterd order` writes. RulesError: it cannot be read, or is something else."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RulesError(f"{path}: {error.strerror or error}") from error
    try:
        return read_signed(read_object(data, MOST))
    except Refused as refused:
        raise RulesError(f"{path}: no order, revocation or confirmation ({refused})") from refused
