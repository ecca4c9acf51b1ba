"""Lists of hashed URLs on their way from disk to the file that the HTTP filter opens.

A list is taken whole or not at all, so no line is ever refused: the list is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filterd.core import HashedUrls
from filterd.formats.hashed_urls import FORMAT
from filterd.lists.shelf import Caught, Summary
from filterd.model.group import ListSpec
from filterd.policy.hashed_lists import compile_hashed

COMPILER = 1  # counts up when the same lists would compile to another file


def inspect_hashed(spec: ListSpec, data: bytes, names: Sequence[str]) -> Summary:
    """Read all of a list and try the front pages of `names` against it.

    Raises:
        RulesError: a line that is no entry, or one less than the head says.
    """
    urls = compile_hashed([(spec, data)]).urls
    ((_, entries),) = urls.counts
    return Summary(
        format=FORMAT,
        accepted=entries,
        comments=0,
        likeness=1.0,
        caught=tuple(hit for name in names if (hit := _caught(urls, name)) is not None),
    )


def compile_file(sources: Sequence[tuple[ListSpec, bytes]], target: Path) -> list[dict[str, Any]]:
    """Compile lists into one file and return how many entries each has.

    Raises:
        RulesError: a list that is not whole, too many lists.
        OSError: the file cannot be written.
    """
    rules = compile_hashed(sources)
    rules.urls.save(str(target))
    return [
        {
            "name": sources[place][0].name,
            "format": FORMAT,
            "accepted": entries,
            "comments": 0,
            "refused": (),
        }
        for place, entries in rules.urls.counts
    ]


def _caught(urls: HashedUrls, name: str) -> Caught | None:
    found = urls.matches(f"https://{name}/")
    return Caught(name, found[0][2].hex()) if found else None
