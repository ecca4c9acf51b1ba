"""The registry of authorities as JSON: a target of the feed's trust root (TUF), see `trust.py`."""

from typing import Any

from filterd.feed.canonical import fields
from filterd.feed.refusal import Fault, Refused
from filterd.model.order import Authority, Effect, Mandate, PublicKey, Registry

Json = Any
MOST = 2 * 2**20  # bytes
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
            "threshold": int,
            "not_after": int,
            "mandate": dict,
        },
        "authority",
    )
    officers = tuple(PublicKey(*_words(each, 4)) for each in parts["officers"])
    distinct = {key.public for key in officers}
    if len(distinct) != len(officers) or len({key.id for key in officers}) != len(officers):
        raise Refused(Fault.MALFORMED, f"authority {parts['id']!r}: one key for two officers")
    if not LEAST_OFFICERS <= parts["threshold"] <= len(officers):
        raise Refused(Fault.MALFORMED, f"authority {parts['id']!r}: threshold above its officers")
    return Authority(
        id=parts["id"],
        name=parts["name"],
        officers=officers,
        threshold=parts["threshold"],
        mandate=_mandate(parts["mandate"]),
        not_after=parts["not_after"],
    )


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
