"""Compiled lists of rules about requests, as the lists floor leaves them, without fetching."""

import hashlib
from pathlib import Path

from filterd.core import IndexBuilder
from filterd.formats.registry import by_name
from filterd.lists.abp import compile_file
from filterd.lists.index_store import AbpPart, Generation, Loaded
from filterd.model.group import ListSpec
from filterd.policy.lists_index import compile_lists


def loaded(
    folder: Path, *abp: tuple[ListSpec, str], names: tuple[tuple[ListSpec, str], ...] = ()
) -> Loaded:
    """Return what is open once these lists are compiled; the file is in `folder`."""
    builder = IndexBuilder(lines=True)
    made = compile_lists(
        [(spec, text.encode(), by_name(spec.format)) for spec, text in names], builder
    )
    beside = folder / "beside"
    compile_file([(spec, text.encode()) for spec, text in abp], beside)
    digest = hashlib.sha256(beside.read_bytes()).hexdigest()
    path = beside.rename(folder / f"abp-{digest}.rules")
    part = AbpPart(path.name, "key", tuple(spec for spec, _ in abp))
    generation = Generation(1, "", 0.0, (), (), abp=part)
    return Loaded(builder.finish(made.meta), generation, abp=path)
