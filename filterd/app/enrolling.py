"""Enrolment at a hub: a code, used once, ties this node's key to a school's name there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from filterd import __version__
from filterd.app.reporting import ENROLLED, KEY
from filterd.feed.canonical import canonical
from filterd.feed.delivery import Fate, outcome, parcel
from filterd.feed.keys import node_key, public_key
from filterd.model.durable import make_directory, write_atomically
from filterd.model.errors import ControlError, FilterdError

PATIENCE = 30.0
Json = Any


class EnrolmentError(FilterdError):
    """The node is not enrolled; the text says why and what to do."""


class UnreachableError(EnrolmentError, ControlError):
    """The hub does not answer; nothing has happened."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The hub knows this node by `node`, its key's id, as `name`."""

    node: str
    name: str


def wanted(code: str, folder: Path) -> dict[str, Json]:
    """Return what is sent to enrol the node whose feed state is in `folder`, making its key if
    there is none. KeyFileError, OSError.
    """
    make_directory(folder)
    key = public_key(node_key(folder / KEY))
    return {
        "code": code,
        "key": [key.id, key.keytype, key.scheme, key.public],
        "software": f"filterd {__version__}",
    }


def enrol(hub: str, body: dict[str, Json], folder: Path, now: int) -> Enrolled:
    """Send what `wanted` returned to `hub`, and note on disk that it was taken.

    Raises:
        EnrolmentError: it was not.
        UnreachableError: the hub cannot be reached.
        KeyFileError, OSError.
    """
    signer = node_key(folder / KEY)
    made = parcel(f"{hub}/v1/enrol", canonical(body), signer, now)
    try:
        answer = httpx.post(
            made.url,
            content=made.content,
            headers={"Accept-Encoding": "identity", **made.headers},
            timeout=PATIENCE,
        )
    except httpx.HTTPError as error:
        why = str(error) or type(error).__name__
        raise UnreachableError(
            f"{hub} cannot be reached: {why}; try again with the same code"
        ) from error
    headers = {name.lower(): value for name, value in answer.headers.items()}
    done = outcome(answer.status_code, headers, answer.content, now)
    if done.fate is not Fate.TAKEN:
        why = f"the hub says {answer.status_code}" if done.fate is Fate.UNKNOWN_NODE else done.why
        raise EnrolmentError(f"{why}; a code is good once and for some days, ask for a new one")
    enrolled = _read(answer.content, body["key"][0])
    told = {"hub": hub, "node": enrolled.node, "name": enrolled.name, "at": now}
    write_atomically(folder / ENROLLED, canonical(told))
    return enrolled


def _read(content: bytes, key: str) -> Enrolled:
    try:
        told = json.loads(content)
        enrolled = Enrolled(told["node"], told["name"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EnrolmentError(
            "the hub's answer does not read; is that the hub's address?"
        ) from error
    if enrolled.node != key or not isinstance(enrolled.name, str):
        raise EnrolmentError("the hub answered for another node")
    return enrolled
