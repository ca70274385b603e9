"""The page's addresses: static files, logging in, previews of takes, and the WebSocket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from convoy.bags import BagError
from convoy.console.access import COOKIE, Access
from convoy.console.catalogue import catalogue
from convoy.console.errors import ConsoleError
from convoy.console.exchange import steady
from convoy.console.hub import Hub

STATIC = Path(__file__).with_name("static")
MAX_BODY_BYTES = 1024
SECURITY = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def make_app(hub: Hub, access: Access) -> ASGIApp:
    """Make the application; static files are open to all who reach it, all else needs a session."""

    def door(connection: HTTPConnection) -> None:
        access.check_session(connection.cookies.get(COOKIE))

    async def index(request: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def session(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY_BYTES:
                return PlainTextResponse("too long", 413)
        try:
            sent = json.loads(body or b"{}")
            token = sent.get("token", "") if isinstance(sent, dict) else ""
            if not token and access.token is not None:
                door(request)
                return JSONResponse({"ok": True})
            value = access.log_in(str(token), steady())
        except ValueError:
            return PlainTextResponse("wanted JSON with a token", 400)
        except ConsoleError as error:
            return JSONResponse({"ok": False, "why": str(error)}, 403)
        response = JSONResponse({"ok": True})
        response.set_cookie(COOKIE, value, httponly=True, samesite="strict", secure=access.secure)
        return response

    async def strip(request: Request) -> Response:
        door(request)
        try:
            file = await asyncio.to_thread(hub.takes.strip, request.path_params["name"])
        except (ConsoleError, BagError) as error:
            return PlainTextResponse(str(error), 404)
        return Response(file, media_type="image/jpeg")

    async def parameters(request: Request) -> Response:
        door(request)
        return JSONResponse(await catalogue())

    async def live(socket: WebSocket) -> None:
        try:
            door(socket)
            access.check_origin(socket.headers.get("origin"), socket.headers.get("host", ""))
        except ConsoleError as error:
            hub.refuse()
            await socket.send_denial_response(PlainTextResponse(str(error), 403))
            return
        await socket.accept()
        await hub.serve(socket)

    def refused(request: Request, error: Exception) -> Response:
        hub.refuse()
        return PlainTextResponse(str(error), 403)

    routes = [
        Route("/", index),
        Route("/session", session, methods=["POST"]),
        Route("/parameters", parameters),
        Route("/takes/{name}/strip.jpg", strip),
        WebSocketRoute("/live", live),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    handlers: Any = {ConsoleError: refused}
    return _Guard(Starlette(routes=routes, exception_handlers=handlers), access)


class _Guard:
    """Looks at the name by which the page was reached, and tells browsers what they must not do with it."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY)
            await send(message)

        try:
            self._access.check_host(Headers(scope=scope).get("host", ""))
        except ConsoleError as error:
            response = PlainTextResponse(str(error), 403)
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, send).send_denial_response(response)
            else:
                await response(scope, receive, send_safely)
            return
        await self._app(scope, receive, send_safely)
