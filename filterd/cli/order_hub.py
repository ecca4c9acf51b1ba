"""Handing signed acts to a hub, which publishes them: `filterd order publish --hub`."""

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from filterd import __version__
from filterd.feed.acts import signed_json
from filterd.feed.canonical import canonical
from filterd.model.errors import ControlError, RulesError
from filterd.model.order import SignedAct

PATIENCE = 30.0  # seconds
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def submit(acts: Sequence[SignedAct], hub: str, token_file: str) -> list[str]:
    """Hand acts to the hub at `hub` and return a line for each.

    Raises:
        RulesError: the address, the token's file or an act is not good; the text says why.
        ControlError: the hub does not answer.
    """
    base = _address(hub)
    headers = {
        "Authorization": f"Bearer {_token(Path(token_file))}",
        "Content-Type": "application/json",
        "User-Agent": f"filterd/{__version__}",
    }
    with httpx.Client(headers=headers, timeout=PATIENCE) as client:
        return [_submit(client, f"{base}/v1/orders", act) for act in acts]


def _submit(client: httpx.Client, url: str, signed: SignedAct) -> str:
    try:
        answer = client.post(url, content=canonical(signed_json(signed)))
    except httpx.HTTPError as error:
        fault = str(error) or type(error).__name__
        raise ControlError(
            f"{url}: {fault}; does the hub run? The same order may be handed in again"
        ) from error
    try:
        said = answer.json()
    except json.JSONDecodeError:
        said = {}
    if answer.status_code == httpx.codes.OK:
        return "the hub has it already"
    if answer.status_code == httpx.codes.ACCEPTED:
        when = "at once" if said.get("urgent") else "with the next that are gathered"
        return f"taken; it is published {when}"
    why = said.get("detail") if isinstance(said, dict) else None
    if why is None:
        raise RulesError(f"{url}: status {answer.status_code}; is a hub at this address?")
    raise RulesError(f"the hub does not take it: {why}")


def _address(hub: str) -> str:
    try:
        parts = urlsplit(hub)
        there = parts.port != 0 and parts.hostname
    except ValueError as error:
        raise RulesError(f"not the address of a hub: {hub!r}: {error}") from error
    if there and (parts.scheme == "https" or (parts.scheme == "http" and there in _LOCAL)):
        return hub.rstrip("/")
    raise RulesError(
        f"not the address of a hub: {hub!r}: a token goes by https:// only, or to this machine"
    )


def _token(path: Path) -> str:
    try:
        if path.is_file() and path.stat().st_mode & 0o077:
            raise RulesError(f"{path}: others may read the token; chmod 600 {path}")
        words = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise RulesError(f"{path}: {why}") from error
    if len(words) != 1 or not words[0].isascii():
        raise RulesError(f"{path}: the token alone is expected in it")
    return words[0]
