"""Age labels in the daemon: it fetches label files for all workers and saves what they say; and of
.vn sites that say nothing it counts how many there were on a day.

Sites are fetched as this machine would have them, by our own DNS: as 127.0.0.1, in whatever group
that is. What that group may not reach is not looked at, nor is what is never decrypted, the
school's own names, and hosts without a public address.
"""

import asyncio
import logging
import os
import ssl
import time
from pathlib import Path

from filterd.app.handing_over import FOLDER, never_decrypt
from filterd.app.http_commands import addresses
from filterd.app.label_files import fetch_files, is_public, label_client, trusted
from filterd.app.node import Node
from filterd.app.ruling import Ruling
from filterd.app.site_days import keep_day
from filterd.app.site_labels import SiteLabels
from filterd.http.labels.cache import LabelCache
from filterd.http.labels.keeping import FILE, KEY_FILE, LabelsNotLoaded, load, read_secret, save
from filterd.http.labels.looking import Look
from filterd.http.labels.unlabelled import DayCount
from filterd.model.durable import make_directory
from filterd.model.name import parents
from filterd.policy.own_index import PRIVATE_NAMES

logger = logging.getLogger(__name__)
OURSELVES = "127.0.0.1"
LOOK_SECONDS = 1.0
SAVE_SECONDS = 10.0


def open_labels(node: Node) -> SiteLabels:
    """Return what was known when it was saved last. May wait for the disk.

    Raises:
        OSError, ValueError: the secret of its keys can neither be read nor made.
    """
    folder = node.paths.state / FOLDER
    make_directory(folder)
    cache = LabelCache(read_secret(folder / KEY_FILE, os.urandom))
    try:
        load(cache, folder / FILE, time.time())
    except LabelsNotLoaded as error:
        logger.warning("age labels are looked for anew: %s", error)
    return SiteLabels(cache, Fetchable(node), time.time)


class Fetchable:
    """Says of a host whether its label files may be fetched, by what is in force."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._ruling: Ruling | None = None
        self._not: frozenset[str] = frozenset()

    def __call__(self, host: str) -> bool:
        """Say it of a normalised name."""
        ruling = self._node.ruling
        if ruling is not self._ruling:
            config, never = ruling.inputs.config, never_decrypt(ruling)
            own = (record.name.removeprefix("*.") for record in config.records)
            self._not = frozenset(
                (*never["core"], *never["added"], *own, *PRIVATE_NAMES, *config.upstream.zones)
            )
            self._ruling = ruling
        names = parents(host)
        return len(names) > 1 and self._not.isdisjoint(names)


async def follow_labels(node: Node) -> None:
    """Fetch what is due, save what changed, count by days; does not end."""
    told = node.http_told
    assert told is not None
    if told.sites is None:
        told.sites = await asyncio.to_thread(open_labels, node)
    labels, looking = told.sites, Looks(node, told.sites)
    path, next_save = node.paths.state / FOLDER / FILE, 0.0
    try:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            labels.fetching = node.config.http.labels.fetch
            if labels.fetching:
                await looking.begin()
            if labels.changed and time.monotonic() >= next_save:
                next_save = time.monotonic() + SAVE_SECONDS
                await _save(node, labels, path)
            if (day := labels.turn()) is not None:
                await _keep_day(node, day)
    finally:
        looking.end()


class Looks:
    """The looks that are under way."""

    def __init__(self, node: Node, labels: SiteLabels) -> None:
        self._node = node
        self._labels = labels
        self._tls: ssl.SSLContext | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Begin those that are due."""
        tls = self._tls = self._tls or await self._trusted()
        while tls is not None and (look := self._labels.wanted()) is not None:
            task = asyncio.create_task(self._look(look, tls))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _trusted(self) -> ssl.SSLContext | None:
        """Return what certificates are checked against; None: it cannot be read, which is told."""
        ca, problems = self._node.config.http.upstream_ca, self._node.problems
        try:
            found = await asyncio.to_thread(trusted, None if ca is None else str(ca))
        except OSError as error:
            said = f"no label file is fetched, http.upstream_ca cannot be used: {error}"
            if problems.get("label files") != said:
                logger.error("labels: %s", said)  # noqa: TRY400
            problems["label files"] = said
            return None
        problems.pop("label files", None)
        return found

    def end(self) -> None:
        """End them."""
        for task in self._tasks:
            task.cancel()

    async def _look(self, look: Look, tls: ssl.SSLContext) -> None:
        found = None
        try:
            async with label_client(self._resolve, tls, look.seconds) as client:
                found = await fetch_files(client, look)
        except Exception:
            # What a host sends may bring about a fault that nobody thought of.
            logger.exception("label files: a look ended by a fault of ours")
        finally:
            self._labels.done(look.host, found)

    async def _resolve(self, host: str) -> list[str]:
        said = await addresses(self._node, host, OURSELVES)
        exceptions = self._node.config.rebind.exceptions
        private = not set(exceptions).isdisjoint(parents(host))
        return [each for each in said["addresses"] if private or is_public(each)]


async def _keep_day(node: Node, day: DayCount) -> None:
    if node.config.privacy.level == "none":
        return
    folder = node.paths.state / FOLDER
    try:
        await asyncio.to_thread(keep_day, folder, day, whole=node.started <= day.day)
    except OSError as error:
        logger.error("the number of sites with labels is not kept: %s", error)  # noqa: TRY400


async def _save(node: Node, labels: SiteLabels, path: Path) -> None:
    labels.changed = False
    try:
        await asyncio.to_thread(save, labels.frozen(), path, time.time())
        labels.generation += 1
        node.problems.pop("labels", None)
    except OSError as error:
        labels.changed = True
        node.problems["labels"] = f"age labels cannot be saved: {error}"
        logger.error("labels: %s", error)  # noqa: TRY400
