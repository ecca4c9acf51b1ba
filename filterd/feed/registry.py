"""The registry of authorities as JSON: a target of the feed's trust root (TUF), see `trust.py`."""

import re
from typing import Any

from filterd.feed.canonical import fields
from filterd.feed.refusal import Fault, Refused
from filterd.model.order import Authority, Effect, Mandate, PublicKey, Registry, Retired

Json = Any
MOST = 2 * 2**20  # bytes
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")  # it is part of a file's name
LEAST_OFFICERS = 1  # a province may be one person; the root decides, and it is there to be seen


def registry_json(registry: Registry) -> dict[str, Json]:
    """Return a registry as it is signed."""
    return {
        "version": registry.version,
        "authorities": [authority_json(each) for each in registry.authorities],
    }


def read_registry(value: Json) -> Registry:
    """Read what `registry_json` writes.

    Raises:
        Refused: MALFORMED.
    """
    parts = fields(value, {"version": int, "authorities": list}, "registry")
    authorities = tuple(read_authority(each) for each in parts["authorities"])
    if len({each.id for each in authorities}) != len(authorities):
        raise Refused(Fault.MALFORMED, "registry: an authority twice")
    return Registry(parts["version"], authorities)


def authority_json(authority: Authority) -> dict[str, Json]:
    """Return one authority as it stands in the registry."""
    mandate = authority.mandate
    return {
        "id": authority.id,
        "name": authority.name,
        "officers": [[k.id, k.keytype, k.scheme, k.public] for k in authority.officers],
        "retired": [
            [r.key.id, r.key.keytype, r.key.scheme, r.key.public, str(r.at)]
            for r in authority.retired
        ],
        "threshold": authority.threshold,
        "not_after": authority.not_after,
        "mandate": {
            "legal_bases": sorted(mandate.legal_bases),
            "categories": sorted(mandate.categories),
            "effects": sorted(mandate.effects),
            "names": sorted(mandate.names),
            "per_order": mandate.per_order,
            "per_hour": mandate.per_hour,
        },
    }


def read_authority(value: Json) -> Authority:
    """Read what `authority_json` writes.

    Raises:
        Refused: MALFORMED.
    """
    parts = fields(
        value,
        {
            "id": str,
            "name": str,
            "officers": list,
            "retired": list,
            "threshold": int,
            "not_after": int,
            "mandate": dict,
        },
        "authority",
    )
    if _ID.fullmatch(parts["id"]) is None:
        raise Refused(Fault.MALFORMED, f"authority {parts['id'][:80]!r}: its id is a-z, 0-9 and -")
    officers = tuple(PublicKey(*_words(each, 4)) for each in parts["officers"])
    retired = tuple(map(_retired, parts["retired"]))
    keys = (*officers, *(each.key for each in retired))
    if len({key.public for key in keys}) != len(keys) or len({key.id for key in keys}) != len(keys):
        raise Refused(Fault.MALFORMED, f"authority {parts['id']!r}: one key for two officers")
    if not LEAST_OFFICERS <= (least := parts["threshold"]) <= len(officers):
        why = f"threshold {least} of {len(officers)} officers cannot be"
        raise Refused(Fault.MALFORMED, f"authority {parts['id']!r}: {why}")
    return Authority(
        id=parts["id"],
        name=parts["name"],
        officers=officers,
        threshold=parts["threshold"],
        mandate=_mandate(parts["mandate"]),
        not_after=parts["not_after"],
        retired=retired,
    )


def _retired(value: Json) -> Retired:
    *key, at = _words(value, 5)
    if not (at.isascii() and at.isdigit() and len(at) <= 12):
        raise Refused(Fault.MALFORMED, "authority: a retired key without a time")
    return Retired(PublicKey(*key), int(at))


def _mandate(value: Json) -> Mandate:
    parts = fields(
        value,
        {
            "legal_bases": list,
            "categories": list,
            "effects": list,
            "names": list,
            "per_order": int,
            "per_hour": int,
        },
        "mandate",
    )
    try:
        effects = frozenset(Effect(each) for each in parts["effects"])
    except ValueError as error:
        raise Refused(Fault.MALFORMED, f"mandate: {error}") from None
    return Mandate(
        legal_bases=frozenset(_words(parts["legal_bases"])),
        categories=frozenset(_words(parts["categories"])),
        effects=effects,
        names=frozenset(_words(parts["names"])),
        per_order=parts["per_order"],
        per_hour=parts["per_hour"],
    )


def _words(value: Json, count: int | None = None) -> tuple[str, ...]:
    good = isinstance(value, list) and all(isinstance(each, str) for each in value)
    if not good or (count is not None and len(value) != count):
        raise Refused(Fault.MALFORMED, "registry: not the words it should have")
    return tuple(value)
