"""`GET /feed/<path>`: the feed's files as they lie in its folder; nginx may serve the same.

Segments and whatever has its digest in its name never change and may be kept for ever; all else is
asked for again each time, with an ETag so that the answer is short. Only what a feed is made of is
served: a key or a database that somebody has laid beside it is nobody's business. Sets of hashes
are for nodes that are enrolled, and for nobody else.
"""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOR_EVER = re.compile(r"log/.*\.zst|.*/?[0-9a-f]{64}\.[^/]+|.*/?[0-9]+\.[a-z-]+\.json")
_HIDDEN = re.compile(r"(^|/)\.|\.(new|lock|tmp)$")
_PARTS = re.compile(
    r"checkpoint|log(/[0-9]{3}){2}/[0-9]{3,}\.zst|snapshot\.json|snapshot/[0-9]+/([0-9]+|leaves)"
    r"|trust/[0-9a-z.-]+\.json|targets/([0-9a-z.-]+/)*[0-9a-z.-]+\.json"
)

_FOR_NODES = re.compile(r"targets/media/[0-9a-f]{64}\.[a-z0-9-]+\.set")


class Folder(StaticFiles):
    """The parts of the feed below `folder`, less what is being written. `check` raises unless who
    asks may have what is for nodes alone; without it, nobody may.
    """

    def __init__(
        self, folder: Path, check: Callable[[Scope], Awaitable[None]] | None = None
    ) -> None:
        super().__init__(directory=folder, check_dir=False)
        self._check = check

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file. HTTPException: there is none."""
        if self._check is not None and _FOR_NODES.fullmatch(path):
            await self._check(scope)
            response = await super().get_response(path, scope)
            response.headers["Cache-Control"] = "private, no-store"
            return response
        if _HIDDEN.search(path) or _PARTS.fullmatch(path) is None:
            raise HTTPException(404, "no such file in this feed")
        response = await super().get_response(path, scope)
        for_ever = response.status_code == 200 and _FOR_EVER.fullmatch(path)
        kept = "public, max-age=31536000, immutable" if for_ever else "no-cache"
        response.headers["Cache-Control"] = kept
        return response
