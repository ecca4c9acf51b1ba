"""What the trust root says beside the authorities: who keeps the log, and how it is to be used."""

from dataclasses import dataclass
from typing import Any

from filterd.feed.canonical import fields
from filterd.feed.follow import LogKey
from filterd.feed.refusal import Fault, Refused
from filterd.model.order import DAY, PublicKey

Json = Any
MOST = 64 * 1024  # bytes
MINUTE = 60
_KNOWN: dict[str, type | tuple[type, ...]] = {
    "version": int,
    "log": dict,
    "canaries": str,
    "stale_after": int,
    "rollout": int,
    "canary_life": int,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """`canaries` is the domain of harmless names that are blocked to show that orders are in force.
    A log that says nothing new for `stale_after` seconds is stale. An order that is not urgent
    begins on all nodes within `rollout` seconds, on few at first; 0: on all at once. The canary of
    a segment ends after `canary_life` seconds.
    """

    version: int
    log: LogKey
    canaries: str
    stale_after: int = 7200
    rollout: int = 0
    canary_life: int = 3600


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
        "rollout": policy.rollout,
        "canary_life": policy.canary_life,
    }


def read_policy(value: Json) -> Policy:
    """Read what `policy_json` writes.

    Raises:
        Refused: MALFORMED.
    """
    parts = fields(value, _KNOWN, "policy")
    if not 0 <= parts["rollout"] <= DAY or not MINUTE <= parts["canary_life"] <= DAY:
        raise Refused(Fault.MALFORMED, "policy: a roll-out or a canary takes a day at most")
    log = fields(parts["log"], {"origin": str, "key": list}, "policy: log")
    key = log["key"]
    if len(key) != 4 or not all(isinstance(each, str) for each in key):
        raise Refused(Fault.MALFORMED, "policy: the log's key does not read")
    return Policy(
        version=parts["version"],
        log=LogKey(log["origin"], PublicKey(*key)),
        canaries=parts["canaries"],
        stale_after=parts["stale_after"],
        rollout=parts["rollout"],
        canary_life=parts["canary_life"],
    )
