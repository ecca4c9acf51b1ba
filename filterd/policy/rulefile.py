"""One YAML file of `rules/`, read value by value; each fault is kept with file and line."""

from collections.abc import Collection
from typing import Any

from filterd.config.problem import Path, dotted, unknown
from filterd.config.tree import Tree
from filterd.model.errors import InvalidName
from filterd.model.name import ascii_name


class RuleFile:
    """Reads the values of a tree; what is wrong goes to `problems`, and a harmless value back."""

    def __init__(self, file: str, tree: Tree, problems: list[str]) -> None:
        self._file = file
        self._tree = tree
        self._problems = problems
        for problem in tree.problems:
            self._problems.append(f"{file}: {problem}")

    def wrong(self, path: Path, text: str) -> None:
        """Note what is wrong at `path`."""
        line = self._tree.line(path)
        place = f"{self._file}:{line}" if line else self._file
        self._problems.append(f"{place}: {dotted(path)}: {text}" if path else f"{place}: {text}")

    def value(self, path: Path) -> Any:
        """Return the value at `path`, None where there is none."""
        at = self._tree.value
        for part in path:
            if not isinstance(at, dict) or part not in at:
                return None
            at = at[part]
        return at

    def has(self, path: Path, key: str) -> bool:
        """Whether the mapping at `path` has `key`."""
        at = self.value(path)
        return isinstance(at, dict) and key in at

    def keys(self, path: Path) -> tuple[str, ...]:
        """Return the keys of the mapping at `path`, which must be there."""
        at = self.value(path)
        if isinstance(at, dict):
            return tuple(at)
        self.wrong(path, "must be a mapping")
        return ()

    def only(self, path: Path, *allowed: str) -> None:
        """Refuse keys at `path` other than `allowed`."""
        at = self.value(path)
        for key in at if isinstance(at, dict) else ():
            if key not in allowed:
                self.wrong((*path, key), unknown("key", key, allowed))

    def text(self, path: Path, key: str) -> str:
        """Return the text under `key`, which must be there and not empty."""
        value = self.value((*path, key))
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.wrong((*path, key), "must be text")
        return ""

    def category(self, path: Path, key: str, known: Collection[str]) -> str:
        """Return the category under `key`, one of `known`."""
        value = self.text(path, key)
        if value and value not in known:
            self.wrong((*path, key), unknown("category", value, known))
        return value

    def flag(self, path: Path, key: str) -> bool:
        """Return the truth value under `key`; false where it is left out."""
        value = self.value((*path, key))
        if value is None or isinstance(value, bool):
            return bool(value)
        self.wrong((*path, key), "must be true or false")
        return False

    def name(self, path: Path, key: str) -> str:
        """Return the domain name under `key`."""
        return self._name((*path, key), self.text(path, key))

    def names(self, path: Path, key: str) -> tuple[str, ...]:
        """Return the domain names listed under `key`; none twice."""
        value = self.value((*path, key))
        if not isinstance(value, tuple) or not value:
            self.wrong((*path, key), "must be a list of names")
            return ()
        found: dict[str, None] = {}
        for index, item in enumerate(value):
            place = (*path, key, index)
            name = self._name(place, item)
            if name in found:
                self.wrong(place, f"{name} is given twice")
            found[name] = None
        return tuple(found)

    def _name(self, path: Path, value: Any) -> str:
        try:
            name = ascii_name(value) if isinstance(value, str) else ""
        except InvalidName as error:
            self.wrong(path, str(error))
            return "invalid"
        if not name or name != value:
            self.wrong(path, f"{str(value)[:60]!r} must be a domain name in lower case")
        return name
