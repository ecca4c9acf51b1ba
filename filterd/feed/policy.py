"""What the trust root says beside the authorities: who keeps the log, and how it is to be used."""

from dataclasses import dataclass
from typing import Any

from filterd.feed.canonical import fields
from filterd.feed.follow import LogKey
from filterd.feed.refusal import Fault, Refused
from filterd.model.order import PublicKey

Json = Any
MOST = 64 * 1024  # bytes


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
    log = fields(parts["log"], {"origin": str, "key": list}, "policy: log")
    key = log["key"]
    if len(key) != 4 or not all(isinstance(each, str) for each in key):
        raise Refused(Fault.MALFORMED, "policy: the log's key does not read")
    return Policy(
        version=parts["version"],
        log=LogKey(log["origin"], PublicKey(*key)),
        canaries=parts["canaries"],
        stale_after=parts["stale_after"],
    )
