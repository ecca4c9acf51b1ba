"""What the trust root says beside the authorities: who keeps the log, and how it is to be used."""

import re
from dataclasses import dataclass
from typing import Any

from filterd.feed.canonical import fields
from filterd.feed.follow import LogKey
from filterd.feed.refusal import Fault, Refused
from filterd.feed.witness import Witness
from filterd.model.order import PublicKey

Json = Any
MOST = 64 * 1024  # bytes
_PUBLIC = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Policy:
    """`canaries` is the domain of harmless names that are blocked to show that orders are in force.
    A log that says nothing new for `stale_after` seconds is stale.
    """

    version: int
    log: LogKey
    canaries: str
    stale_after: int = 7200


def policy_json(policy: Policy) -> dict[str, Json]:
    """Return a policy as it is signed."""
    key = policy.log.key
    return {
        "version": policy.version,
        "log": {
            "origin": policy.log.origin,
            "key": [key.id, key.keytype, key.scheme, key.public],
            "witnesses": [
                [each.name, each.key.id, each.key.keytype, each.key.scheme, each.key.public]
                for each in policy.log.witnesses
            ],
            "cosigned": policy.log.cosigned,
        },
        "canaries": policy.canaries,
        "stale_after": policy.stale_after,
    }


def read_policy(value: Json) -> Policy:
    """Read what `policy_json` writes.

    Raises:
        Refused: MALFORMED.
    """
    known = {"version": int, "log": dict, "canaries": str, "stale_after": int}
    parts = fields(value, known, "policy")
    named = {"origin": str, "key": list, "witnesses": list, "cosigned": int}
    log = fields(parts["log"], named, "policy: log")
    witnesses = tuple(
        Witness(each[0], _ed25519(each[1:]))
        for each in (_words(each, 5) for each in log["witnesses"])
    )
    if not 0 <= log["cosigned"] <= len({each.key.public for each in witnesses}):
        raise Refused(Fault.MALFORMED, "policy: it wants more witnesses than it names")
    return Policy(
        version=parts["version"],
        log=LogKey(log["origin"], _ed25519(_words(log["key"], 4)), witnesses, log["cosigned"]),
        canaries=parts["canaries"],
        stale_after=parts["stale_after"],
    )


def _ed25519(words: tuple[str, ...]) -> PublicKey:
    """Checkpoints are signed with Ed25519 only (C2SP), so a card that has none does not do."""
    key = PublicKey(*words)
    if key.scheme != "ed25519" or _PUBLIC.fullmatch(key.public) is None:
        raise Refused(Fault.MALFORMED, "policy: a log and its witnesses sign with Ed25519")
    return key


def _words(value: Json, count: int) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) != count:
        raise Refused(Fault.MALFORMED, "policy: a key that does not read")
    if not all(isinstance(each, str) for each in value):
        raise Refused(Fault.MALFORMED, "policy: a key that does not read")
    return tuple(value)
