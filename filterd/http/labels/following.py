"""A worker follows what the daemon found in label files: the cache's file, read when it changed.

cache = LabelCache(read_secret(folder / KEY_FILE, os.urandom))
following = Following(cache, folder / FILE)
await asyncio.to_thread(following.look, time.time())     # now and then
"""

import logging
from pathlib import Path

from filterd.http.labels.cache import LabelCache
from filterd.http.labels.keeping import LabelsNotLoaded, load

logger = logging.getLogger(__name__)


class Following:
    """Keeps the label files of `cache` as `path` says; what pages themselves said stays."""

    def __init__(self, cache: LabelCache, path: Path) -> None:
        self._cache = cache
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def look(self, now: float) -> bool:
        """Read the file if it is another one; whether other labels are known now. May wait for the
        disk, and be called from another thread than the one that asks the cache.
        """
        try:
            stat = self._path.stat()
        except OSError:
            return False  # nothing was saved yet, or the disk is away: what is known stays
        seen = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if seen == self._seen:
            return False
        # Read beside and swapped in one step: who asks meanwhile sees the old or the new.
        fresh = self._cache.beside()
        try:
            load(fresh, self._path, now)
        except LabelsNotLoaded as error:
            logger.warning("age labels are not used: %s", error)
            self._seen = seen
            return False
        self._seen, self._cache.files = seen, fresh.files
        return True
