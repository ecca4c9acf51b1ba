"""The key of the day: it makes a client the same word for one local day and no word after it.

HMAC-SHA-256 over the client under a random key, cut to 64 bits: without the key an address cannot
be found by trying them all. At local midnight the key is overwritten and a new one made, so rows
of two days cannot be linked, by anybody. The key is kept in a file of mode 0600 only so that a
restart at noon does not split the day; without a usable file it lives in memory.
"""

import hashlib
import hmac
import json
import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

logger = logging.getLogger(__name__)

KEY_BYTES = 32
DIGITS = 16  # hexadecimal digits of a pseudonym: 64 bits
_MAX_FILE = 512


class DayKey:
    """Pseudonyms for one local day at a time.

    Args:
        path: the state file, or None to keep the key in memory only.
        timezone: whose midnight counts.
        random_bytes: `n -> n random bytes`, for example `secrets.token_bytes`.
    """

    def __init__(
        self, path: Path | None, timezone: ZoneInfo, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._path = path
        self._timezone = timezone
        self._random = random_bytes
        self._day = ""
        self._key = bytearray()

    def pseudonym(self, client: str, at: float) -> str:
        """Return the word for `client` at Unix time `at`; "" when `at` is not on the key's day,
        as for an event that was still waiting at midnight.
        """
        if not self._key or self._day_of(at) != self._day:
            return ""
        return hmac.digest(bytes(self._key), client.encode(), hashlib.sha256).hex()[:DIGITS]

    def turn(self, now: float) -> None:
        """Destroy the key if its day is over and have one for the day of `now`.

        A clock set back ends the day too: no key outlives the day it was made for.
        """
        today = self._day_of(now)
        if today == self._day:
            return
        self._forget()
        stored = self._load(today)
        self._key = stored or bytearray(self._random(KEY_BYTES))
        self._day = today
        if not stored:
            self._save()

    def destroy(self) -> None:
        """Destroy the key in memory and on disk, as when the level is changed."""
        self._forget()
        self._day = ""
        self._shred()

    def _day_of(self, at: float) -> str:
        return datetime.fromtimestamp(at, self._timezone).date().isoformat()

    def _forget(self) -> None:
        self._key[:] = bytes(len(self._key))
        self._key = bytearray()

    def _load(self, today: str) -> bytearray | None:
        """Return the stored key if it is of `today` and nobody else could read it."""
        if self._path is None:
            return None
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning(
                "key of the day: cannot read %s: %s; a new key is made", self._path, error
            )
            return None
        with os.fdopen(handle, "rb") as file:
            private = os.fstat(file.fileno()).st_mode & 0o077 == 0
            data = file.read(_MAX_FILE)
        try:
            stored = json.loads(data)
            day, key = stored["day"], bytearray.fromhex(stored["key"])
        except (ValueError, KeyError, TypeError):
            logger.warning("key of the day: %s is damaged; a new key is made", self._path)
            return None
        if not private:
            logger.warning("key of the day: others may read %s; a new key is made", self._path)
            return None
        return key if day == today and len(key) == KEY_BYTES else None

    def _save(self) -> None:
        if self._path is None:
            return
        self._shred()
        content = json.dumps({"day": self._day, "key": self._key.hex()}).encode()
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            handle = os.open(self._path, flags, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
        except OSError as error:
            logger.warning(
                "key of the day: cannot write %s: %s; a restart today will start new pseudonyms",
                self._path,
                error,
            )

    def _shred(self) -> None:
        """Overwrite the old key in place, then remove its file. Copy-on-write file systems and
        flash may keep the old bytes; what is promised is that filterd does not.
        """
        if self._path is None:
            return
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return
        except OSError as error:
            logger.warning("key of the day: cannot overwrite %s: %s", self._path, error)
        else:
            self._overwrite(handle)
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("key of the day: cannot remove %s: %s", self._path, error)

    def _overwrite(self, handle: int) -> None:
        try:
            os.write(handle, bytes(_MAX_FILE))
            os.fsync(handle)
        except OSError as error:
            logger.warning("key of the day: cannot overwrite %s: %s", self._path, error)
        finally:
            os.close(handle)
