"""The parameter by which a search engine is told to be safe, put into a request target.

Every spelling of the parameter goes, and the one that is wanted stands at the end once: engines
differ in which of two they believe.
"""

from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from filterd.core import canonical_url


@dataclass(frozen=True, slots=True)
class SafeQuery:
    """One engine's parameter. `groups` None: every group; `paths` are those of searches."""

    names: frozenset[str]
    paths: frozenset[str]
    parameter: str
    value: str
    groups: frozenset[str] | None = None

    def holds(self, group: str) -> bool:
        """Say whether it is for `group`."""
        return self.groups is None or group in self.groups

    def enforced(self, target: str) -> str | None:
        """Return `target` (path and query) with the parameter; None where nothing is to be done."""
        bare, hash_, fragment = target.partition("#")
        path, _, query = bare.partition("?")
        if _one_spelling(path) not in self.paths:
            return None
        parts = query.split("&") if query else []
        others = [part for part in parts if not self._is_it(part)]
        wanted = f"{self.parameter}={self.value}"
        if [*others, wanted] == parts:
            return None
        return f"{path}?{'&'.join([*others, wanted])}{hash_}{fragment}"

    def _is_it(self, part: str) -> bool:
        name = unquote_plus(part.partition("=")[0])
        return name.strip("\0\t\n\r ").lower() == self.parameter


def _one_spelling(path: str) -> str:
    """Return a path as servers may understand it: escapes undone, no empty or dotted segments."""
    found = canonical_url(f"http://host{path}")
    plain = path if found is None else found[1]
    return unquote(plain).lower().rstrip("/") or "/"
