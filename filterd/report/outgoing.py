"""Batches that were made and not yet taken by the hub, and the chain that they form.

    out/<sequence>.batch   one or more sealed batches, made in one go; gone when all are taken
    aside/<sequence>       what the hub will never take, with its reason, the newest of them
    chain.json             what comes next: epoch, sequence, digest of the batch before

A batch never changes once it is here. Whatever is cut off where: a batch on disk says which files
of counts went into it, so they are removed then, and the chain goes on after the last of them.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filterd.model.durable import make_directory, write_atomically
from filterd.report.batch import Batch
from filterd.report.frames import frame, read_frames

ASIDE = 100  # kept of those that were refused
FIRST = bytes(32).hex()
Seal = Callable[[Batch], bytes]  # a batch as it is sent, signed
Removed = Callable[[Collection[str]], None]


@dataclass(frozen=True, slots=True)
class Chain:
    """What the next batch begins with. `dropping`: files whose rows are in `dropped` already."""

    epoch: int
    sequence: int = 0
    before: str = FIRST
    dropped: int = 0
    dropping: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """One batch that waits, as it is sent."""

    file: str
    place: int
    sealed: bytes


class Outgoing:
    """The batches in `folder`. `load` before anything else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.chain = Chain(0)
        self.damaged = 0
        self._noted = True  # the chain is on disk as it is here
        self._taken: dict[str, set[int]] = {}

    def load(self, now: int, removed: Removed) -> None:
        """Go on where the last process ended; `removed` is called with names of files of counts
        that are in a batch, or dropped. OSError.
        """
        for name in ("out", "aside"):
            make_directory(self._folder / name)
            for path in (self._folder / name).glob("*.new"):
                path.unlink()
        known = self._read_chain()
        if known is None:
            self._move_on(Chain(now))  # before a batch is made of it
        else:
            self.chain = known
        removed(self.chain.dropping)
        for name in self._names():
            header, batches = self._read(name)
            if not batches:
                self._set_aside(name, (self._folder / "out" / name).read_bytes())
                self.damaged += 1
                self._move_on(replace(self.chain, sequence=self.chain.sequence + 1))
                continue
            removed(header["from"])
            after = int(name.partition(".")[0]) + len(batches)
            if after > self.chain.sequence:
                dropped = max(0, self.chain.dropped - int(header["dropped"]))
                before = hashlib.sha256(batches[-1]).hexdigest()
                self._move_on(replace(self.chain, sequence=after, before=before, dropped=dropped))

    def make(self, batches: Sequence[Batch], seal: Seal, sources: Collection[str]) -> None:
        """Give `batches` their place in the chain, seal them and write them; what they are made of
        is named, so that it is theirs from now on. OSError: nothing has changed.
        """
        chain, sealed = self.chain, []
        header = {"from": sorted(sources), "dropped": chain.dropped}
        for batch in batches:
            placed = replace(
                batch,
                epoch=chain.epoch,
                sequence=chain.sequence,
                before=bytes.fromhex(chain.before),
                dropped=chain.dropped,
            )
            sealed.append(seal(placed))
            before = hashlib.sha256(sealed[-1]).hexdigest()
            chain = replace(chain, sequence=chain.sequence + 1, before=before, dropped=0)
        content = frame(json.dumps(header).encode()) + b"".join(map(frame, sealed))
        name = f"{self.chain.sequence:012}.batch"
        try:
            write_atomically(self._folder / "out" / name, content)
        except OSError:
            (self._folder / "out" / name).unlink(missing_ok=True)
            raise
        # From here it is made, whether or not the next line succeeds: `load` would find it.
        self.chain, self._noted = chain, False
        with suppress(OSError):
            self._move_on(chain)

    def waiting(self) -> list[Made]:
        """Return what was made and not taken, in the order of the chain."""
        return [
            Made(name, place, sealed)
            for name in self._names()
            for place, sealed in enumerate(self._read(name)[1])
            if place not in self._taken.get(name, ())
        ]

    def done(self, made: Made) -> None:
        """It was taken. Killed before the file is gone, it is sent again, which changes nothing.
        OSError.
        """
        if not self._noted:
            self._move_on(self.chain)  # or what is next would begin where this one did
        taken = self._taken.setdefault(made.file, set())
        taken.add(made.place)
        if len(taken) == len(self._read(made.file)[1]):
            (self._folder / "out" / made.file).unlink(missing_ok=True)
            del self._taken[made.file]

    def refuse(self, made: Made, why: str) -> None:
        """The hub will never take it: it goes aside with the reason. OSError."""
        self._set_aside(
            f"{made.file}.{made.place}", why.encode(errors="replace") + b"\n" + made.sealed
        )
        self.done(made)

    def drop(self, names: Collection[str], rows: int) -> None:
        """Say that `names`, with `rows` rows, are to be removed: first this is on disk, then they
        are removed, so that each is counted once. OSError.
        """
        dropped = self.chain.dropped + rows
        self._move_on(replace(self.chain, dropped=dropped, dropping=tuple(names)))

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in (self._folder / "out").iterdir())

    def _names(self) -> list[str]:
        return sorted(path.name for path in (self._folder / "out").glob("*.batch"))

    def _read(self, name: str) -> tuple[dict[str, Any], list[bytes]]:
        frames, _ = read_frames((self._folder / "out" / name).read_bytes())
        return (json.loads(frames[0]), frames[1:]) if frames else ({}, [])

    def _read_chain(self) -> Chain | None:
        try:
            plain = json.loads((self._folder / "chain.json").read_bytes())
            return Chain(**{**plain, "dropping": tuple(plain["dropping"])})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            self.damaged += 1
            return None

    def _move_on(self, chain: Chain) -> None:
        write_atomically(self._folder / "chain.json", json.dumps(asdict(chain)).encode())
        self.chain, self._noted = chain, True

    def _set_aside(self, name: str, content: bytes) -> None:
        folder = self._folder / "aside"
        write_atomically(folder / name, content)
        (self._folder / "out" / name).unlink(missing_ok=True)
        for path in sorted(folder.iterdir())[:-ASIDE]:
            path.unlink()
