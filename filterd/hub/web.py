"""The hub's web application: the feed, its events, and the interface for nodes and people.

Events do not go through FastAPI: ten thousand of them are held open, and each would cost twice the
memory; nor does what nodes send (`taking.py`). Everything but the feed has an entry in
`/openapi.json`. There is no page that a browser would run.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from filterd import __version__
from filterd.hub import problems, routes_exports, routes_nodes, routes_people, routes_views
from filterd.hub.access import HubOf, sent
from filterd.hub.chores import supervise, tidy
from filterd.hub.folder import Folder
from filterd.hub.limits import App, Bounded, Message, Receive, Send
from filterd.hub.numbers import route_of
from filterd.hub.openapi import PATHS, SCHEMAS
from filterd.hub.state import Hub
from filterd.hub.taking import TAKEN, Taking

EVENTS = "/feed/events"
_SECURE = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)


def build_app(hub: Hub) -> App:
    """Return what uvicorn serves."""
    app = FastAPI(
        title="filterd hub",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=_life,
        description="Receipts and reports of nodes in, orders out. Nodes sign their requests "
        "(RFC 9421, Ed25519, over @method, @path and content-digest); people bring a token.",
    )
    app.state.hub = hub
    problems.install(app)
    for routes in (routes_nodes, routes_people, routes_views, routes_exports):
        app.include_router(routes.router)
    app.add_api_route("/healthz", _healthy, include_in_schema=False)
    app.add_api_route("/readyz", _ready, include_in_schema=False)
    app.mount("/feed", Folder(hub.config.feed, partial(_enrolled, hub)))
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return Front(Bounded(_split(app, Taking(hub)), hub.config.limits), hub)


async def _enrolled(hub: Hub, scope: Message) -> None:
    """Let a node in that has signed. Problem 401, 422, 429."""
    await sent(hub, scope, _nothing)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _split(app: App, taking: App) -> App:
    async def either(scope: Message, receive: Receive, send: Send) -> None:
        is_taken = scope["type"] == "http" and scope["path"] in TAKEN
        await (taking if is_taken else app)(scope, receive, send)

    return either


def not_ready(hub: Hub) -> Sequence[str]:
    """Return why this process should not be asked; () when it may."""
    reasons = []
    if not hub.announcer.newest.note:
        reasons.append("there is no checkpoint in the feed's folder")
    if hub.publisher.problem is not None:
        reasons.append("orders wait, they cannot be published; the log says why")
    return reasons


class Front:
    """Before all else: events to their own place, headers on every answer, and the counting."""

    def __init__(self, app: App, hub: Hub) -> None:
        self._app = app
        self._hub = hub

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        numbers, route = self._hub.numbers, route_of(scope["path"])
        if scope["path"] == EVENTS and scope["method"] == "GET":
            numbers.requests.labels(route, "200").inc()
            await self._hub.announcer(scope, receive, send)
            return
        began = time.perf_counter()
        status = "500"

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
                message["headers"] = _with_security(message.get("headers", ()))
            await send(message)

        try:
            await self._app(scope, receive, tell)
        finally:
            numbers.requests.labels(route, status).inc()
            numbers.seconds.labels(route).observe(time.perf_counter() - began)


def _with_security(headers: Any) -> list[tuple[bytes, bytes]]:
    found = [*headers, *_SECURE]
    if not any(name == b"cache-control" for name, _ in headers):
        found.append((b"cache-control", b"no-store"))
    return found


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    hub: Hub = app.state.hub
    stop = asyncio.Event()
    await hub.announcer.start()
    chores = (hub.publisher.run(), hub.snapshots.run(), supervise(hub), tidy(hub))
    tasks = [asyncio.create_task(each) for each in chores]
    if hub.stream is not None:
        tasks.append(asyncio.create_task(hub.stream.write(hub.database, stop)))
    try:
        yield
    finally:
        stop.set()
        for each in tasks[: len(chores)]:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if hub.stream is not None:
            await hub.stream.close()
        await asyncio.to_thread(hub.close)


async def _healthy() -> Response:
    return Response("ok\n", media_type="text/plain")


async def _ready(hub: HubOf) -> Response:
    reasons = not_ready(hub)
    text = "".join(f"{each}\n" for each in reasons) or "ready\n"
    return Response(text, 503 if reasons else 200, media_type="text/plain")


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        found.setdefault("components", {}).setdefault("schemas", {}).update(SCHEMAS)
        found["paths"].update(PATHS)
        app.openapi_schema = found
    return app.openapi_schema
