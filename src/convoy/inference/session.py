"""A model file made ready to run on a device: checked, warmed up, one image or series in, named arrays out."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from convoy import tracing
from convoy.inference import devices
from convoy.inference.camera_input import CameraInput
from convoy.inference.card import ModelCard
from convoy.inference.errors import ModelError
from convoy.inference.resample import resample
from convoy.inference.runtime import onnxruntime

_STEPS: frozenset[str] = frozenset()
"""Named steps around the net that this version can take; a card that wants another is refused."""

_ONLY_WHAT_IS_WANTED = onnxruntime.RunOptions()
_ONLY_WHAT_IS_WANTED.only_execute_path_to_fetches = True

_FATAL = 4  # ONNX Runtime's log severity: what is wrong arrives as an exception


class Session:
    """Runs one model on camera images, or on time series.

    Attributes:
        card: the model's card.
        path: the model file.
        device: where it runs: 'cpu', 'cuda' or 'tensorrt', as the runtime reports it.
        threads: threads of one run on the CPU.
    """

    def __init__(self, path: Path, card: ModelCard, runtime: onnxruntime.InferenceSession, threads: int) -> None:
        self.path = path
        self.card = card
        self.device = devices.device_of(runtime.get_providers()[0])
        self.threads = threads
        self._runtime = runtime
        self._outputs = card.form.names if card.form else [output.name for output in card.outputs]
        self._shape, self._dtype = card.input.shape, np.dtype(card.input.dtype)
        self._tensor = np.zeros(self._shape, self._dtype)

    @classmethod
    def load(cls, path: str | Path, task: str, device: str = "auto", threads: int | None = None) -> Session:
        """Load a model file for a task and run it once, so that the first image waits no longer than the others.

        `device` is 'auto', 'cpu', 'cuda' or 'tensorrt'; 'auto' takes CUDA where it loads, and the CPU elsewhere.
        `threads` is the number of CPU threads of one run; None leaves half the cores to the rest of the robot.

        Raises:
            ModelError: the file is missing, damaged or not ONNX, has no card or one of another task, can't be
                run by this runtime, contradicts its card, or the device asked for does not load.
        """
        path = Path(path)
        card = ModelCard.read(path)
        if card.task != task:
            raise ModelError(f"{path} is a model for task {card.task!r}, wanted {task!r}.")
        unknown = [step for step in card.steps if step not in _STEPS]
        if unknown:
            raise ModelError(f"{path} needs the step {unknown[0]!r}, which this version of convoy does not know.")
        if threads is not None and threads < 1:
            raise ModelError(f"The number of threads is {threads}, wanted 1 or more.")
        threads = threads or max(1, _cores() // 2)

        reason = ""
        for candidate in devices.choose(device):
            try:
                runtime = _start(path, candidate, threads)
            except Exception as error:  # the runtime raises bare Exceptions of its own
                reason = _reason(error)
                continue
            loaded = devices.device_of(runtime.get_providers()[0])
            if loaded == candidate:
                break
            reason = f"the runtime fell back to {loaded!r}"
        else:
            raise ModelError(f"{path} does not load on device {device!r}: {reason}")
        _check(path, card, runtime)
        session = cls(path, card, runtime, threads)
        session.run(card.input.example)
        return session

    def run(self, values: np.ndarray, outputs: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """Run the net on one image or series, and return its outputs by name.

        An image is uint8, shape (height, width, 3) of any size, channels in the order of ``card.camera.colour``; where
        the card asks for a cylindrical view it is that view, of its size, as `Projector` makes it. A
        series is float32, finite, shape (steps, ``card.series.channels``), of any number of steps, evenly spaced.

        Of a model whose outputs are the graph's own, `outputs` are those wanted: the others are not computed. What
        lies in the net's input is brought back to the image by ``card.camera.fit``.

        Raises:
            ModelError: the image or series has another shape or type, or the run failed.
        """
        with tracing.stage("inference"):
            values = self._fit(values)
            names = self._outputs if outputs is None or self.card.form else [n for n in self._outputs if n in outputs]
            with tracing.stage("runtime"):
                try:
                    results = self._runtime.run(names, {self.card.input.name: values}, _ONLY_WHAT_IS_WANTED)
                except Exception as error:  # the runtime raises bare Exceptions of its own
                    raise ModelError(f"{self.path} failed to run on {self.device!r}: {_reason(error)}") from None
            found = dict(zip(names, results, strict=True))
            if self.card.form is None:
                return found
            camera = self.card.camera
            return self.card.form.decode(found, camera.width, camera.height, len(self.card.classes))

    def _fit(self, values: np.ndarray) -> np.ndarray:
        return self._fit_image(values) if isinstance(self.card.input, CameraInput) else self._fit_series(values)

    def _fit_series(self, values: np.ndarray) -> np.ndarray:
        steps, channels = self._shape
        if values.dtype != self._dtype or values.ndim != 2 or values.shape[1] != channels or not values.size:
            raise ModelError(
                f"A series of shape {values.shape} and type {values.dtype} was given to {self.path}; "
                f"wanted float32 of shape (steps, {channels})."
            )
        if not np.isfinite(values).all():
            raise ModelError(f"A series with values that are not finite was given to {self.path}.")
        return resample(values, steps)

    def _fit_image(self, pixels: np.ndarray) -> np.ndarray:
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise ModelError(
                f"An image of shape {pixels.shape} and type {pixels.dtype} was given to {self.path}; "
                "wanted uint8 of shape (height, width, 3)."
            )
        camera = self.card.camera
        if camera.view is not None and pixels.shape != camera.example.shape:
            raise ModelError(
                f"An image of {pixels.shape[1]}x{pixels.shape[0]} was given to {self.path}; wanted "
                f"{self.card.input.describe()}: project the camera's image first, by its camera_info."
            )
        return camera.arrange(camera.fit(pixels.shape[1], pixels.shape[0]).image(pixels), self._tensor)


def _start(path: Path, device: str, threads: int) -> onnxruntime.InferenceSession:
    onnxruntime.set_default_logger_severity(_FATAL)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    # Threads that spin between two images would burn a core of the robot for nothing.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        os.fspath(path), options, providers=devices.providers(device), enable_fallback=False
    )


def _check(path: Path, card: ModelCard, runtime: Any) -> None:
    kind = {"uint8": "uint8", "float32": "float"}[card.input.dtype]
    wanted = [(card.input.name, list(card.input.shape), f"tensor({kind})")]
    found = [(put.name, put.shape, put.type) for put in runtime.get_inputs()]
    if [_of_shape(*put, card.input.shape) for put in found] != wanted:
        raise ModelError(f"{path} contradicts its card: its graph takes {_list(found)}, the card says {_list(wanted)}.")
    names = [put.name for put in runtime.get_outputs()]
    named = card.form.names if card.form else [output.name for output in card.outputs]
    missing = [name for name in named if name not in names]
    if missing:
        raise ModelError(
            f"{path} contradicts its card: its graph gives {', '.join(names)}, the card says {', '.join(missing)} too."
        )


def _of_shape(name: str, shape: list[Any], kind: str, wanted: tuple[int, ...]) -> tuple[str, list[Any], str]:
    """Let an axis whose length the graph leaves open be as long as it is wanted."""
    if len(shape) == len(wanted):
        shape = [axis if isinstance(axis, int) else length for axis, length in zip(shape, wanted, strict=True)]
    return name, shape, kind


def _list(puts: list[tuple[str, list[Any], str]]) -> str:
    return ", ".join(f"{name} {kind} {shape}" for name, shape, kind in puts)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # what a container or taskset leaves to this process; Linux only
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _reason(error: Exception) -> str:
    """The runtime's own words in one line, without its error codes and C++ signatures."""
    text = str(error).strip().splitlines()[0]
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (Load model from .*? failed:)?", "", text)
    return re.sub(r"/onnxruntime_src/\S+ .*?\) (?=[A-Z])", "", text)
