"""Lists of rules about requests, in ABP syntax or hashed: on their way to the HTTP filter.

None of them is in the index of names, and no DNS answer depends on them. All else is as for other
lists: fetched, judged, kept, rolled back. Those of one kind are compiled into one file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filterd.formats.hashed_urls import FORMAT as HASHED_URLS
from filterd.lists import abp, hashed
from filterd.lists.shelf import Summary
from filterd.model.group import ListSpec
from filterd.policy.abp_rules import FORMAT as ABP_URL
from filterd.policy.request_rules import ABP, HASHED

KINDS = {ABP_URL: ABP, HASHED_URLS: HASHED}  # by format
COMPILERS = {ABP: abp.COMPILER, HASHED: hashed.COMPILER}


def format_of(spec: ListSpec) -> str | None:
    """Return the format of a list of rules about requests, None: it is of names or URLs."""
    name = spec.format.lower()
    return name if name in KINDS else None


def kind_of(spec: ListSpec) -> str | None:
    """Return which kind of rules about requests a list is of; lists of a kind are one file."""
    return KINDS.get(spec.format.lower())


def inspect_requests(spec: ListSpec, data: bytes, names: Sequence[str]) -> Summary:
    """Read all of a list and try the front pages of `names` against it.

    Raises:
        RulesError: it cannot be used.
    """
    inspect = hashed.inspect_hashed if kind_of(spec) == HASHED else abp.inspect_abp
    return inspect(spec, data, names)


def compile_requests(
    kind: str, sources: Sequence[tuple[ListSpec, bytes]], target: Path
) -> list[dict[str, Any]]:
    """Compile lists of one kind into a file and return what became of the lines of each.

    Raises:
        RulesError: more than the matcher takes, or a list that is not whole.
        OSError: the file cannot be written.
    """
    compiled = hashed.compile_file if kind == HASHED else abp.compile_file
    return compiled(sources, target)
