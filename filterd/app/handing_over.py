"""What is in force, written down for the HTTP filter: `http/` in the state directory.

Indexes that are files are named by path; the others are written beside. `ruling.json` names all of
it and is replaced last, in one step, so that a reader finds the old hand-over or the new one.
"""

import asyncio
import json
import logging
import secrets
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from filterd.app.http_headers import plan_headers
from filterd.app.node import Node
from filterd.app.ruling import Ruling
from filterd.config.schema import Config
from filterd.core import Index
from filterd.http.rules import FORMAT, RULING
from filterd.model.durable import make_directory, write_atomically
from filterd.model.group import ALWAYS, Category
from filterd.policy.request_rules import CLASSES
from filterd.policy.request_standing import standing_of, standing_out

logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.1
FOLDER = "http"
CARE = frozenset({"self-harm"})  # whoever meets such a block may be in need: help comes first


class HandingOver:
    """Writes rulings into `state`/http. Its methods wait for the disk."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER
        # A daemon that starts counts from 1 again, and what the one before wrote is still in use.
        self._mark = secrets.token_hex(4)
        self._files: dict[int, tuple[Index, Path]] = {}  # by identity; holds the index, so it stays

    def write(self, ruling: Ruling) -> None:
        """Hand `ruling` over.

        Raises:
            OSError: the hand-over before stays.
        """
        make_directory(self._folder)
        self._folder.chmod(0o750)
        files: dict[int, tuple[Index, Path]] = {}
        for layer, index in enumerate(ruling.indexes):
            known = self._files.get(id(index))
            path = known[1] if known is not None else self._file(ruling, index, layer)
            files[id(index)] = (index, path)
        paths = [str(path) for _, path in files.values()]
        text = json.dumps(hand_over(ruling, paths), ensure_ascii=False)
        write_atomically(self._folder / RULING, text.encode())
        before, self._files = self._files, files
        kept = {path for _, path in (*before.values(), *files.values())}
        for old in self._folder.glob("*.index"):
            # A reader may be about to open what the last hand-over named.
            if old not in kept:
                old.unlink(missing_ok=True)

    def _file(self, ruling: Ruling, index: Index, layer: int) -> Path:
        if index.path is not None:
            return Path(index.path)
        path = self._folder / f"{self._mark}-{ruling.snapshot.generation}-{layer}.index"
        index.save(str(path))
        return path


def hand_over(ruling: Ruling, indexes: list[str]) -> dict[str, Any]:
    """Return the content of `ruling.json`."""
    config, book = ruling.inputs.config, ruling.inputs.book
    return {
        "format": FORMAT,
        "generation": ruling.snapshot.generation,
        "indexes": indexes,
        "plan": ruling.plan,
        "groups": _groups(ruling),
        "illegal": sorted(each.name for each in book.categories if each.min_age >= ALWAYS),
        "categories": {each.name: _category(each) for each in book.categories},
        "never_decrypt": never_decrypt(ruling),
        "page": {"language": config.language, **config.http.page.model_dump(exclude={"words"})},
        "headers": plan_headers(config, book),
        "http": {},
        "requests": _requests(ruling),
    }


def never_decrypt(ruling: Ruling) -> dict[str, Any]:
    """Return what is never decrypted: the feed's core where it has one, else the package's, and
    what the school adds. `version`: of the feed's; None: it is the package's.
    """
    inputs = ruling.inputs
    never, added = inputs.never, inputs.config.http.never_decrypt
    if never is None:
        return {"core": inputs.book.never_decrypt, "version": None, "added": added}
    return {"core": never.names, "version": never.version, "added": added}


def _requests(ruling: Ruling) -> dict[str, Any]:
    """Rules about requests: the file of each kind, and how they stand for each group while the plan
    holds.
    """
    lists, said = ruling.inputs.lists, {}
    if lists is None:
        return {}
    for kind, part in lists.generation.requests.items():
        specs = [replace(spec, url=None, path=None) for spec in part.lists]
        said[kind] = {
            "file": str(lists.requests[kind]),
            "lists": [asdict(spec) for spec in specs],
            "standing": standing_out(
                standing_of(CLASSES[kind](specs), ruling.ground.outline.frame)
            ),
        }
    return said


def _category(each: Category) -> dict[str, Any]:
    return {
        "titles": {"en": each.title_en, "vi": each.title_vi},
        "grave": each.grave,
        "care": each.grave or each.name in CARE,
    }


def _groups(ruling: Ruling) -> dict[str, Any]:
    inspect = ruling.inputs.config.http.inspect
    return {
        group.name: {
            "age": group.age,
            "filtered": group.filtered,
            "inspect": group.name in inspect.groups,
            "categories": inspect.categories,
            "explain": group.name in inspect.explain,
        }
        for group in ruling.school.groups
    }


def learning(config: Config, names: tuple[str, ...]) -> list[str]:
    """Return the names that pass where no rules are there."""
    return [*names, *config.allow]


async def hand_over_always(node: Node) -> None:
    """Hand over what is in force whenever it changes; does not end."""
    handing, written = HandingOver(node.paths.state), None
    while True:
        ruling = node.ruling
        if ruling is not written and ruling.inputs.config.http.on:
            try:
                await asyncio.to_thread(handing.write, ruling)
                node.problems.pop("http", None)
            except OSError as error:
                node.problems["http"] = f"rules cannot be handed over: {error}"
                logger.error("http: %s", error)  # noqa: TRY400
                await asyncio.sleep(1.0)
                continue
            written = ruling
        await asyncio.sleep(LOOK_SECONDS)
