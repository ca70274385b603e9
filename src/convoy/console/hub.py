"""All open pages together: who drives, what they are told, and what is done for them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Coroutine
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from starlette.websockets import WebSocket

from convoy.bags import BagError
from convoy.console import protocol
from convoy.console.control import Wheel
from convoy.console.errors import ConsoleError
from convoy.console.exchange import Exchange, Hands, steady
from convoy.console.models import Handover, Models
from convoy.console.page import TRY_LATER, Page
from convoy.console.parameters import ConsoleParameters
from convoy.console.takes import Takes
from convoy.console.training import Training

STATE_PERIOD_S = 0.1
CONFIRM_WITHIN_S = 1.0
"""An emergency stop that nobody confirms on /diagnostics by then is told as such."""


class Hub:
    """Lives on the server's event loop, as a context; nothing here is called from another thread."""

    def __init__(self, parameters: ConsoleParameters, exchange: Exchange) -> None:
        folder = parameters.folder
        self.takes = Takes(folder / "takes")
        self.models = Models(folder / "models")
        self._parameters, self._exchange = parameters, exchange
        self._training = Training(parameters, self._on_training)
        self._handover = Handover(exchange, self._on_handover)
        self._pages: dict[int, Page] = {}
        self._numbers = itertools.count(1)
        self._wheel = Wheel()
        self._stop_asked_s: float | None = None
        self._last_take: dict[str, Any] | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._files = asyncio.Lock()
        self._health: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()

        def notify() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(self._wake)

        self._exchange.notify = notify
        self._teller = asyncio.create_task(self._tell())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exchange.notify = lambda: None
        for task in (self._teller, *self._jobs):
            task.cancel()
        await asyncio.gather(self._teller, *self._jobs, return_exceptions=True)
        await self._training.close()

    def refuse(self) -> None:
        """Count something that was refused."""
        self._exchange.refused += 1

    async def serve(self, socket: WebSocket) -> None:
        """Serve one page until it has gone; if it has the wheel then, the wheel is free."""
        if len(self._pages) >= self._parameters.max_pages:
            self.refuse()
            await socket.close(TRY_LATER, f"{len(self._pages)} pages are open already, as many as may be")
            return
        page = Page(next(self._numbers), socket, self._exchange, self._handle, self.refuse)
        self._pages[page.number] = page
        self._exchange.watchers = len(self._pages)
        page.put({"type": "hello", "page": page.number, "limits": self._limits()})
        page.put({"type": "health", "components": self._health})
        page.put({"type": "training", "course": self._training.view()})
        self._do(page, "list", self._tell_files(page))
        try:
            await page.run()
        finally:
            del self._pages[page.number]
            self._exchange.watchers = len(self._pages)
            self._choose_overlays()
            if self._wheel.give(page.number):
                self._let_go()

    # What pages ask for.

    def _handle(self, page: Page, request: protocol.Request) -> None:
        now = steady()
        match request:
            case protocol.Stop():
                self._exchange.stop.set()
                self._stop_asked_s = now
            case protocol.Drive():
                self._wheel.require(page.number)
                page.commands.check(request, now)
                self._exchange.hands.put(Hands(request.steering, request.throttle, min(request.stamp, now)))
            case protocol.Clock():
                page.put({"type": "clock", "sent": request.sent, "now": now})
            case protocol.Watch():
                page.overlays = frozenset(request.overlays)
                self._choose_overlays()
            case protocol.Control():
                self._control(page, request.action, now)
            case _:
                self._wheel.require(page.number)
                self._operate(page, request, now)

    def _operate(self, page: Page, request: protocol.Request, now: float) -> None:
        """Do what only the page that has the wheel may."""
        match request:
            case protocol.Release():
                if page.commands.hold_release(request.phase == "press", now):
                    self._exchange.release.set()
                    self._stop_asked_s = None
            case protocol.SetMode():
                self._exchange.mode.put(request.mode)
            case protocol.Record():
                self._exchange.record.put(self.takes.new_name() if request.action == "start" else "")
            case protocol.Trim():
                self._do(page, "trim", self._change_take(self.takes.trim, request.take, request.start, request.end))
            case protocol.Delete():
                self._do(page, "delete", self._change_take(self.takes.delete, request.take))
            case protocol.Train():
                self._do(page, "train", self._train(request))
            case protocol.CancelTraining():
                self._training.cancel()
            case protocol.UseModel():
                self._do(page, "use", self._handover.use(self.models.path(request.model)))

    def _control(self, page: Page, action: str, now: float) -> None:
        if action == "take":
            changed = self._wheel.holder is None and self._wheel.take(page.number, now)
            if not changed:
                self._wheel.take(page.number, now)
        elif action == "give":
            changed = self._wheel.give(page.number)
        else:
            changed = self._wheel.answer(page.number, action == "grant")
        if changed:
            self._let_go()

    def _let_go(self) -> None:
        """The wheel has changed hands: what the hands before held counts no more."""
        self._exchange.hands.take()
        self._exchange.let_go.set()
        if (page := self._pages.get(self._wheel.holder or 0)) is not None:
            page.commands.rest_first()

    def _choose_overlays(self) -> None:
        self._exchange.wanted = frozenset().union(*(page.overlays for page in self._pages.values()))

    # What takes longer.

    def _do(self, page: Page | None, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside; what goes wrong is told to the page that asked for it."""

        async def run() -> None:
            try:
                await work
            except (ConsoleError, BagError) as error:
                if page is not None:
                    page.refuse(str(error), what)
            except OSError as error:
                if page is not None:
                    page.refuse(f"{error.filename or 'a file'}: {error.strerror}", what)

        task = asyncio.create_task(run())
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def _change_take(self, change: Any, name: str, *arguments: float) -> None:
        if self._training.is_running and self._training.course and name in self._training.course.takes:
            raise ConsoleError(f"{name} is being trained on; cancel the training first")
        async with self._files:
            await asyncio.to_thread(change, name, *arguments)
        await self._tell_files(None)

    async def _train(self, request: protocol.Train) -> None:
        listed = {take["name"]: take for take in await asyncio.to_thread(self.takes.list)}
        paths = [self.takes.path(name) for name in request.takes]
        sizes = {listed[name]["size"] for name in request.takes if name in listed}
        if len(sizes) > 1:
            raise ConsoleError(
                f"the takes are of cameras of different sizes, {' and '.join(sorted(sizes))}; choose one"
            )
        self._training.start(paths, request.epochs)

    async def _tell_files(self, page: Page | None) -> None:
        """Tell a page, or all, which takes and models there are."""
        recording = self._exchange.recording.peek()
        async with self._files:
            takes = await asyncio.to_thread(self.takes.list, recording.name if recording else "")
            models = await asyncio.to_thread(self.models.list)
        for other in [page] if page else self._pages.values():
            other.put({"type": "files", "takes": takes, "models": models, "last": self._last_take})

    # What pages are told.

    def _wake(self) -> None:
        boxes = self._exchange.boxes.take()
        for page in self._pages.values():
            if boxes is not None and "boxes" in page.overlays:
                page.put(boxes)
            page.wake()

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(STATE_PERIOD_S)
            if self._wheel.expire(steady()):
                self._let_go()
            if (ended := self._exchange.recorded.take()) is not None:
                self._last_take = asdict(ended)
                self._do(None, "list", self._tell_files(None))
            if (health := self._exchange.health.take()) is not None:
                self._health = health
                self._broadcast({"type": "health", "components": health})
            state = {"type": "state", "now": steady(), **(self._exchange.state.peek() or {}), **self._common()}
            for page in self._pages.values():
                page.put(state | {"wheel": self._role(page)})

    def _common(self) -> dict[str, Any]:
        recording = self._exchange.recording.peek()
        robot = self._exchange.state.peek() or {}
        asked = self._stop_asked_s
        if robot.get("emergency"):
            self._stop_asked_s = None
        return {
            "recording": asdict(recording) if recording else None,
            "pages": len(self._pages),
            "handover": self._handover.view(),
            "unconfirmed": asked is not None and not robot.get("emergency") and steady() - asked > CONFIRM_WITHIN_S,
        }

    def _role(self, page: Page) -> dict[str, Any]:
        holder = self._wheel.holder
        asking = self._wheel.asked_by
        return {
            "mine": holder == page.number,
            "free": holder is None,
            "asked": asking is not None,
            "asking": asking == page.number,
            "must_rest": page.commands.must_rest,
        }

    def _limits(self) -> dict[str, float]:
        p = self._parameters
        return {"speed": p.max_speed, "steering": p.max_steering_angle, "reverse": p.max_reverse_speed}

    def _on_training(self) -> None:
        self._broadcast({"type": "training", "course": self._training.view()})
        if self._training.course and self._training.course.state == "done":
            self._do(None, "list", self._tell_files(None))

    def _on_handover(self) -> None:
        for page in self._pages.values():
            page.wake()

    def _broadcast(self, message: dict[str, Any]) -> None:
        for page in self._pages.values():
            page.put(message)
