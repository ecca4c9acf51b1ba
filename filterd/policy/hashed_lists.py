"""Lists of hashed URLs, compiled from what stands in their files."""

from collections.abc import Iterable

from filterd.core import HashedUrls
from filterd.formats.hashed_urls import HashedList, read_hashed
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec
from filterd.policy.hashed_rules import HashedRules, hashed_classes


def compile_hashed(sources: Iterable[tuple[ListSpec, bytes]]) -> HashedRules:
    """Compile lists. RulesError: one that does not read, with its name, the line and what to do."""
    specs, lists = [], []
    for place, (spec, data) in enumerate(sources):
        specs.append(spec)
        made = _read(spec, data)
        lists.append((made.salt, made.width, made.entries, place))
    try:
        return HashedRules(HashedUrls.build(lists), hashed_classes(specs))
    except ValueError as error:
        raise RulesError(str(error)) from None


def _read(spec: ListSpec, data: bytes) -> HashedList:
    try:
        return read_hashed(data)
    except RulesError as error:
        raise RulesError(f"{spec.name}: {error}") from None
