"""The models that were trained here, and how the policy is made to drive by one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from convoy.console.errors import ConsoleError
from convoy.console.exchange import Exchange, steady
from convoy.inference import ModelCard, ModelError

STOP_WITHIN_S = 5.0
LOAD_WITHIN_S = 20.0
POLL_S = 0.05
STANDS_BELOW = 0.2
"""m/s"""


class Models:
    """The folder of models."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cards: dict[Path, tuple[int, dict[str, Any]]] = {}

    def list(self) -> list[dict[str, Any]]:
        """Return all models, the newest first: name, and what its card says of task and quality."""
        return [self._read(path) for path in sorted(self.folder.glob("*.onnx"), reverse=True)]

    def path(self, name: str) -> Path:
        """Return a model's file.

        Raises:
            ConsoleError: there is none of that name.
        """
        path = self.folder / f"{name}.onnx"
        if not path.is_file():
            raise ConsoleError(f"there is no model {name!r}")
        return path

    def _read(self, path: Path) -> dict[str, Any]:
        changed = path.stat().st_mtime_ns
        if self._cards.get(path, (0, {}))[0] != changed:
            try:
                card = ModelCard.read(path)
                rmse = [figures["rmse_rad"] for figures in card.metrics.values() if "rmse_rad" in figures]
                said = {"task": card.task, "rmse": max(rmse, default=None)}
            except ModelError as error:
                said = {"fault": str(error)}
            self._cards[path] = (changed, {"name": path.stem, "bytes": path.stat().st_size, **said})
        return self._cards[path][1]


class Handover:
    """Lets the policy drive by another model: the vehicle is stopped first, and the policy has to confirm.

    Args:
        on_change: is told of each step.
    """

    def __init__(self, exchange: Exchange, on_change: Callable[[], None]) -> None:
        self._exchange, self._on_change = exchange, on_change
        self._view: dict[str, Any] | None = None
        self._busy = False

    def view(self) -> dict[str, Any] | None:
        """Return the last one for the pages: model, step, and what is said of it."""
        return self._view

    async def use(self, path: Path) -> None:
        """Stop the vehicle, tell the policy, and wait until it has the model.

        Raises:
            ConsoleError: one step did not happen in time; says which.
        """
        if self._busy:
            raise ConsoleError("another model is just being loaded")
        self._busy = True
        try:
            self._step(path, "stopping", "the vehicle stops")
            self._exchange.mode.put("stopped")
            await self._until(self._stands, STOP_WITHIN_S, "the vehicle does not stop; is drive_mode running?")
            self._step(path, "loading", "the policy loads the model")
            before = steady()
            self._exchange.model.put(path)
            await self._until(
                lambda: self._is_loaded(path.stem, before), LOAD_WITHIN_S,
                "the policy does not confirm the model; what it says is under Health",
            )  # fmt: skip
            self._step(path, "in use", "the policy is ready; choose Autonomous or Assisted")
        except ConsoleError as error:
            self._step(path, "failed", str(error))
            raise
        finally:
            self._busy = False

    def _step(self, path: Path, step: str, said: str) -> None:
        self._view = {"model": path.stem, "step": step, "said": said}
        self._on_change()

    def _stands(self) -> bool:
        state = self._exchange.state.peek() or {}
        return state.get("mode") == "stopped" and abs(state.get("speed") or 0.0) < STANDS_BELOW

    def _is_loaded(self, name: str, since_s: float) -> bool:
        loaded = (self._exchange.state.peek() or {}).get("models", {}).values()
        return any(at > since_s and said.partition(" on ")[0] == name for said, at in loaded)

    async def _until(self, done: Callable[[], bool], within_s: float, otherwise: str) -> None:
        deadline = steady() + within_s
        while not done():
            if steady() > deadline:
                raise ConsoleError(otherwise)
            await asyncio.sleep(POLL_S)
