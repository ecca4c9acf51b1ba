"""Header fields that requests get for their group: restricted YouTube, safe preference, tenants.

Made of what the daemon hands over (`filterd/policy/http_header_plan.py`), checked again here, for a
value with a line break in it would be a second request. A field is set only on a request that can
be read anyway and only for the names that it is for; what the client sent under the same name goes.
Pure: fields in, fields out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from filterd.http.safe_query import SafeQuery
from filterd.model.errors import FilterdError
from filterd.model.name import parents

VERSION = 1
MOST_RULES = 1_000
MOST_VALUE = 2_048
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")  # printable ASCII (RFC 9110 section 5.5), no edges
_HOST = re.compile(r"[a-z0-9_.-]{1,253}")
# Fields by which messages are framed or routed, or which are somebody's secret.
_NEVER = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade",
     "expect", "cookie", "authorization", "proxy-authorization", "proxy-connection", "keep-alive",
     "forwarded", "x-forwarded-for"}
)  # fmt: skip

Fields = tuple[tuple[bytes, bytes], ...]


class HeaderPlanInvalid(FilterdError, ValueError):
    """A plan that cannot be used; the one before it stays in force."""


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """Fields for requests to some names. `groups` None: every group."""

    names: frozenset[str]
    under: frozenset[str]
    groups: frozenset[str] | None
    fields: tuple[tuple[str, str], ...]
    prefer_safe: bool = False

    def holds(self, group: str) -> bool:
        """Say whether it is for `group`."""
        return self.groups is None or group in self.groups


class RequestHeaders:
    """All rules in force; immutable. Make it with `read_plan`."""

    def __init__(self, rules: Iterable[HeaderRule], queries: Iterable[SafeQuery]) -> None:
        self._exact: dict[str, list[HeaderRule]] = {}
        self._under: dict[str, list[HeaderRule]] = {}
        self._queries: dict[str, list[SafeQuery]] = {}
        for rule in rules:
            for name in rule.names:
                self._exact.setdefault(name, []).append(rule)
            for name in rule.under:
                self._under.setdefault(name, []).append(rule)
        for query in queries:
            for name in query.names:
                self._queries.setdefault(name, []).append(query)

    def speaks_of(self, host: str) -> bool:
        """Say whether there is anything to be said or changed for `host`, for any group."""
        if host in self._exact or host in self._queries:
            return True
        return bool(self._under) and any(each in self._under for each in parents(host))

    def apply(self, fields: Fields, *, group: str, host: str) -> Fields:
        """Return the fields of a request with what the rules set.

        Only for a request that can be read: plain HTTP, or HTTPS that is inspected; never for a
        CONNECT. `host` is the normalised name that the connection goes to, on which Host, SNI and
        `:authority` have been found to agree.
        """
        chosen = [rule for rule in self._for(host) if rule.holds(group)]
        if not chosen:
            return fields
        wanted: dict[bytes, tuple[bytes, bytes]] = {}
        for rule in chosen:
            for name, value in rule.fields:
                wanted[name.lower().encode()] = (name.encode(), value.encode())
        kept = [field for field in fields if field[0].lower() not in wanted]
        if any(rule.prefer_safe for rule in chosen) and not _prefers_safe(kept):
            kept.append((b"Prefer", b"safe"))  # another line beside the client's (RFC 7240, 2)
        return (*kept, *wanted.values())

    def safe_target(self, method: str, target: str, *, group: str, host: str) -> str | None:
        """Return the request target with the parameter of a safe search; None: as it is.

        `target` is the path with its query. Under the same conditions as `apply`.
        """
        if method not in ("GET", "HEAD"):
            return None
        changed: str | None = None
        for query in self._queries.get(host, ()):
            if query.holds(group):
                changed = query.enforced(changed or target) or changed
        return changed

    def _for(self, host: str) -> Iterator[HeaderRule]:
        yield from self._exact.get(host, ())
        if self._under:
            for parent in parents(host):
                yield from self._under.get(parent, ())


NOTHING = RequestHeaders((), ())


def read_plan(document: Any) -> RequestHeaders:
    """Return the rules of a plan as `filterd/policy/http_header_plan.py` writes it.

    Raises:
        HeaderPlanInvalid: anything in it is not of the form; nothing of it is used.
    """
    try:
        if document["version"] != VERSION:
            raise HeaderPlanInvalid(f"header plan of version {document['version']!r}")
        rows, searches = document["headers"], document["search"]
        if len(rows) + len(searches) > MOST_RULES:
            raise HeaderPlanInvalid(f"more than {MOST_RULES} header rules")
        return RequestHeaders([_rule(row) for row in rows], [_query(row) for row in searches])
    except (TypeError, KeyError, AttributeError) as error:
        raise HeaderPlanInvalid(f"header plan without its form: {error}") from error


def _rule(row: Mapping[str, Any]) -> HeaderRule:
    fields = tuple((_name(name), _value(value)) for name, value in row["set"].items())
    return HeaderRule(
        names=_hosts(row["names"]),
        under=_hosts(row["under"]),
        groups=_groups(row["groups"]),
        fields=fields,
        prefer_safe=row.get("prefer_safe") is True,
    )


def _query(row: Mapping[str, Any]) -> SafeQuery:
    for text in (row["parameter"], row["value"]):
        if not re.fullmatch(r"[a-z0-9]{1,32}", text):
            raise HeaderPlanInvalid(f"{text[:40]!r} is no parameter of a search")
    paths = frozenset(_value(path) for path in row["paths"])
    names, groups = _hosts(row["names"]), _groups(row["groups"])
    return SafeQuery(names, paths, row["parameter"], row["value"], groups)


def _name(name: str) -> str:
    if not _NAME.fullmatch(name) or name.lower() in _NEVER:
        raise HeaderPlanInvalid(f"{name[:40]!r} is no header field that may be set")
    return name


def _value(value: str) -> str:
    if len(value) > MOST_VALUE or not _VALUE.fullmatch(value):
        raise HeaderPlanInvalid(f"{value[:40]!r} is no value of a header field")
    return value


def _hosts(names: Iterable[str]) -> frozenset[str]:
    found = frozenset(names)
    for name in found:
        if not _HOST.fullmatch(name):
            raise HeaderPlanInvalid(f"{name[:40]!r} is no name of a host")
    return found


def _groups(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _prefers_safe(fields: Iterable[tuple[bytes, bytes]]) -> bool:
    """RFC 7240 section 2: preferences are a list, each with parameters after `;`."""
    values = (value for name, value in fields if name.lower() == b"prefer")
    each = (part for value in values for part in value.lower().split(b","))
    return any(part.partition(b";")[0].strip() == b"safe" for part in each)
