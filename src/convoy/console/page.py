"""One page that is open: what waits to be sent to it, and what comes from it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from convoy.console.control import Allowance, Commands
from convoy.console.errors import ConsoleError
from convoy.console.exchange import Exchange, Picture, Slot, steady
from convoy.console.protocol import Kind, Request, Seen, frame, parse

IN_FLIGHT = 2
"""Pictures that are under way to a page; it says when it has shown one. A slow page gets fewer, not older ones."""
OVERDRAWN = 500
"""Messages beyond the allowance, after which the page is disconnected."""
POLICY_VIOLATION, TRY_LATER = 1008, 1013


class Page:
    """A WebSocket with what it waits for: of each type of message the newest, so that memory is bounded.

    Args:
        handle: is called with each good message.
        refuse: is called for each that is dropped.
    """

    def __init__(
        self, number: int, socket: WebSocket, exchange: Exchange, handle: Callable[[Page, Request], None],
        refuse: Callable[[], None],
    ) -> None:  # fmt: skip
        self.number = number
        self.commands = Commands()
        self.overlays: frozenset[str] = frozenset()
        self._socket, self._exchange, self._handle, self._refuse = socket, exchange, handle, refuse
        self._allowance = Allowance()
        self._waiting: dict[str, dict[str, Any]] = {}
        self._wake = asyncio.Event()
        self._shown: dict[Kind, int] = {}
        self._under_way: list[int] = []

    def put(self, message: dict[str, Any]) -> None:
        """Send a message, unless a newer one of its type comes before it is sent."""
        self._waiting[message["type"]] = message
        self._wake.set()

    def wake(self) -> None:
        """Look whether there is a new picture."""
        self._wake.set()

    def refuse(self, why: str, what: str = "message") -> None:
        """Tell the page, and count, that something of it was dropped."""
        self._refuse()
        self.put({"type": "refused", "what": what, "why": why})

    async def run(self) -> None:
        """Serve until the page has gone."""
        sending = asyncio.create_task(self._send())
        receiving = asyncio.create_task(self._receive())
        _, left = await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for task in (sending, receiving):
            if not task.cancelled() and (error := task.exception()) and not isinstance(error, WebSocketDisconnect):
                raise error

    async def _receive(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not self._allowance.spend(steady()):
                self.refuse("too many messages")
                if self._allowance.overdrawn > OVERDRAWN:
                    await self._socket.close(POLICY_VIOLATION, "too many messages")
                    return
                continue
            text = message.get("text")
            if text is None:
                self.refuse("a text was wanted, not bytes")
                continue
            request: Request | None = None
            try:
                request = parse(text)
                if isinstance(request, Seen):
                    self._seen(request.frame)
                else:
                    self._handle(self, request)
            except ConsoleError as error:
                self.refuse(str(error), request.type if request else "message")

    def _seen(self, number: int) -> None:
        self._under_way = [other for other in self._under_way if other > number]
        self._wake.set()

    async def _send(self) -> None:
        while self._socket.application_state is WebSocketState.CONNECTED:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                message = self._waiting.pop(next(iter(self._waiting)))
                await self._socket.send_text(json.dumps(message, separators=(",", ":")))
            await self._send_pictures()

    async def _send_pictures(self) -> None:
        if len(self._under_way) < IN_FLIGHT and (picture := self._newest(Kind.PICTURE, self._exchange.picture)):
            self._under_way.append(picture.number)
            await self._socket.send_bytes(frame(Kind.PICTURE, picture.number, picture.at_s, picture.file))
        if not self._under_way[1:]:  # overlays only where the line has room
            for name, kind, slot in (
                ("mask", Kind.MASK, self._exchange.mask),
                ("depth", Kind.DEPTH, self._exchange.depth),
            ):
                if name in self.overlays and (picture := self._newest(kind, slot)):
                    await self._socket.send_bytes(frame(kind, picture.number, picture.at_s, picture.file))

    def _newest(self, kind: Kind, slot: Slot[Picture]) -> Picture | None:
        picture = slot.peek()
        if picture is None or picture.number == self._shown.get(kind):
            return None
        self._shown[kind] = picture.number
        return picture
