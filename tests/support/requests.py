"""Compiled lists of rules about requests, as the lists floor leaves them, without fetching."""

import hashlib
from pathlib import Path

from filterd.core import IndexBuilder
from filterd.formats.hashed_urls import write_hashed
from filterd.formats.hashing import expression_of, hash_urls
from filterd.formats.registry import by_name
from filterd.lists.index_store import Generation, Loaded, RequestPart
from filterd.lists.requests import compile_requests, kind_of
from filterd.model.group import ListSpec
from filterd.policy.lists_index import compile_lists


def loaded(
    folder: Path, *requests: tuple[ListSpec, str], names: tuple[tuple[ListSpec, str], ...] = ()
) -> Loaded:
    """Return what is open once these lists are compiled; the files are in `folder`."""
    builder = IndexBuilder(lines=True)
    made = compile_lists(
        [(spec, text.encode(), by_name(spec.format)) for spec, text in names], builder
    )
    beside, paths, parts = folder / "beside", {}, {}
    for kind in {kind_of(spec): None for spec, _ in requests}:
        texts = [(spec, text.encode()) for spec, text in requests if kind_of(spec) == kind]
        compile_requests(kind, texts, beside)
        digest = hashlib.sha256(beside.read_bytes()).hexdigest()
        path = paths[kind] = beside.rename(folder / f"{kind}-{digest}.rules")
        parts[kind] = RequestPart(path.name, "key", tuple(spec for spec, _ in texts))
    generation = Generation(1, "", 0.0, (), (), requests=parts)
    return Loaded(builder.finish(made.meta), generation, requests=paths)


def hidden(*urls: str) -> str:
    """Return a list of these URLs, hashed; the same each time."""
    made = hash_urls(map(expression_of, urls), bytes(range(16)), 12, 1)
    return "".join(f"{line}\n" for line in write_hashed(made))
