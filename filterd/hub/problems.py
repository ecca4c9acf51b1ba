"""What is wrong with a request, as RFC 9457 says it: `application/problem+json` with a `detail`
that says what to do next. No page, no trace, nothing of the inside.
"""

import http
import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from filterd.feed.refusal import Fault, Refused
from filterd.hub.database import DatabaseError
from filterd.hub.ingest import UnknownNode
from filterd.hub.stream import StreamError

logger = logging.getLogger(__name__)
MEDIA = "application/problem+json"
_NOWHERE = "nothing is at this address; /openapi.json says what there is"
_STATUS: Mapping[Fault, int] = {
    Fault.TOO_LARGE: 413,
    Fault.TAMPERED: 401,
    Fault.UNSIGNED: 401,
    Fault.DUPLICATE: 409,
}  # of what is refused; all else does not read, or is not warranted: 422

FORESEEN = (
    HTTPException,
    Refused,
    UnknownNode,
    DatabaseError,
    StreamError,
    RequestValidationError,
)


class Problem(HTTPException):
    """Ends a request with `status` and says why. `skew`: by how much the sender's clock is ahead,
    where that is what is wrong.
    """

    skew: int | None = None

    def __init__(self, status: int, detail: str, *, after: float | None = None) -> None:
        headers = {} if after is None else {"Retry-After": str(max(1, round(after)))}
        if status == http.HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="filterd hub"'
        super().__init__(status, detail, headers)


def problem_of(refused: Refused) -> Problem:
    """Return what a refusal is to the sender."""
    return Problem(_STATUS.get(refused.fault, 422), f"{refused.fault.value}: {refused}")


def reply_to(error: Exception) -> JSONResponse:
    """Return the answer to a request that ended so. What is not foreseen tells nothing: it is
    for the log.
    """
    if isinstance(error, HTTPException):
        detail = _NOWHERE if error.detail == "Not Found" else str(error.detail)
        return _reply(error.status_code, detail, error.headers)
    if isinstance(error, Refused):
        return reply_to(problem_of(error))
    if isinstance(error, UnknownNode):
        return reply_to(Problem(401, str(error)))
    if isinstance(error, DatabaseError | StreamError):
        logger.warning("%s", error)
        return reply_to(Problem(503, "the hub cannot keep it now", after=10))
    if isinstance(error, RequestValidationError):
        faults = (
            f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
            for each in error.errors()[:8]
        )
        return _reply(422, "; ".join(faults))
    told = "the hub failed; its log says why. Send it again later"
    return _reply(500, told, {"Retry-After": "30"})


def install(app: FastAPI) -> None:
    """Make `app` answer with problems whatever goes wrong."""

    async def tell(request: Request, error: Exception) -> JSONResponse:
        del request
        return reply_to(error)  # of what is not foreseen, uvicorn logs the trace

    for kind in (*FORESEEN, Exception):
        app.add_exception_handler(kind, tell)


def _reply(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    body = {"type": "about:blank", "title": http.HTTPStatus(status).phrase, "status": status}
    return JSONResponse({**body, "detail": detail}, status, dict(headers or {}), media_type=MEDIA)
