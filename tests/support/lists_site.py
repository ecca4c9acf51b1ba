"""A small site for tests of the lists floor: a store, a fetcher, a compiler in process."""

import asyncio
import json
import random
from functools import partial
from pathlib import Path

from filterd.lists.child import do_job
from filterd.lists.compile import compile_current, inspect_in_child
from filterd.lists.fetch import Fetcher, Limits
from filterd.lists.gate import Guard
from filterd.lists.index_store import IndexStore
from filterd.lists.remote import open_client
from filterd.lists.store import ListStore
from filterd.lists.update import Updater
from filterd.lists.wanted import Wanted
from filterd.model.group import ListSpec

GUARD = Guard(must=("111.example",), top=("search.example",))


def names(count: int, prefix: str = "bad") -> bytes:
    return b"".join(b"||%s%d.example.com^\n" % (prefix.encode(), i) for i in range(count))


async def here(job, progress):
    """What a child does, in this process and through the same JSON, to be quick."""
    told = progress or (lambda *step: None)
    return json.loads(json.dumps(do_job(json.loads(json.dumps(job)), told)))


class Site:
    """A state directory with lists as files, and a clock."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.lists = ListStore(home / "state")
        self.rules = IndexStore(home / "state")
        self.time = 1_000_000.0
        self.run = here

    def publish(self, name: str, data: bytes, form: str = "adblock", **fields) -> Wanted:
        path = self.home / f"{name}.txt"
        path.write_bytes(data)
        sha256 = fields.pop("sha256", None)
        return Wanted(ListSpec(name, form, path=str(path), **fields), sha256=sha256)

    def update(self, *wanted: Wanted, force=()):
        async def run():
            async with open_client() as client:
                fetcher = Fetcher(client, random.Random(1), Limits(tries=1))
                updater = Updater(
                    self.lists,
                    fetcher,
                    lambda: self.time,
                    random.Random(2),
                    guard=GUARD,
                    inspect=partial(inspect_in_child, run=self.run),
                )
                return await updater.update(wanted, force=force)

        return asyncio.run(run())

    def compile(self, *wanted: Wanted, progress=None, run=None):
        specs = [want.spec for want in wanted]
        return asyncio.run(
            compile_current(
                specs, self.lists, self.rules, now=self.time, progress=progress, run=run or self.run
            )
        )

    def blocks(self, name: str) -> bool:
        loaded = self.rules.load()
        assert loaded is not None
        return bool(loaded.index.find(name))
