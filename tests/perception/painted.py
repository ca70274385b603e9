"""Genuine models without training: they find things by their colour, so that what they say can be told in advance."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.inference import CARD_KEY, CameraInput, ModelCard, ModelOutput
from convoy.interfaces.images import encode
from convoy.interfaces.messages import CameraInfo, Header, make, time

STAMP = 1_700_000_000_123_456_789
WIDTH, HEIGHT = 80, 60
"""Of the nets' input."""
CLASSES = ("nothing", "red", "green")
COLOURS = ((0, 0, 0), (220, 30, 30), (30, 220, 30))
DEPTH_M = 50.0
"""At full blue; depth grows with it."""
OUTPUTS = {
    "detection": {"boxes": "px", "scores": "probability"},
    "instances": {"boxes": "px", "scores": "probability", "masks": "probability"},
    "segmentation": {"mask": "class"},
    "depth": {"depth": "m"},
    "relocalisation": {"pose": "m, quaternion", "deviation": "m, rad", "places": "landmarks"},
    "perception": {"boxes": "px", "scores": "probability", "mask": "class", "depth": "m"},
}
OUTPUTS[MAPPED := "perception in a map"] = OUTPUTS["perception"] | OUTPUTS["relocalisation"]


def net(task: str) -> Any:
    """Return the torch module of a task; takes (H, W, 3) uint8, RGB."""
    torch = pytest.importorskip("torch", reason="makes a model with torch (extra 'learn')")
    from torchvision.ops import roi_align

    class Painted(torch.nn.Module):  # type: ignore[name-defined,misc]
        def forward(self, image: Any) -> Any:
            pixels = image.float()
            distances = torch.stack([(pixels - torch.tensor(colour)).abs().sum(2) for colour in COLOURS])
            mask = distances.argmin(0)
            depth = pixels[..., 2] * (DEPTH_M / 255)
            is_class = [mask == label for label in range(1, len(CLASSES))]
            boxes = torch.stack([self.box(here) for here in is_class]).float()
            shown = torch.stack([here.float().amax((0, 1)) for here in is_class])
            # Every thing is found twice, the second time a little beside it: to be suppressed.
            scores = 0.9 * shown[:, None] * torch.eye(len(CLASSES))[1:]
            if task in ("detection", "perception", "instances", MAPPED):
                boxes, scores = torch.cat([boxes, boxes + 1]), torch.cat([scores, scores * 0.8])
            if task == "detection":
                return boxes, scores
            if task == "instances":
                planes = torch.stack(is_class * 2)[:, None].float()
                rows = torch.arange(len(boxes), dtype=torch.float32)[:, None]
                masks = roi_align(planes, torch.cat([rows, boxes], 1), (28, 28), sampling_ratio=2, aligned=True)
                return boxes, scores, masks[:, 0]
            if task == "segmentation":
                return mask.to(torch.uint8)
            if task == "depth":
                return depth
            mean = pixels.mean((0, 1))
            turned = torch.cat([torch.zeros(3), torch.ones(1) * 2])  # of length 2
            pose = torch.cat([mean[:2], torch.zeros(1), turned])
            deviation = torch.cat([mean[2:].repeat(3), torch.full((3,), 0.1)])
            known = pose, deviation, mean[2:] + 1
            if task == "relocalisation":
                return known
            shared = boxes, scores, mask.to(torch.uint8), depth
            return (*shared, *known) if task == MAPPED else shared

        @staticmethod
        def box(here: Any) -> Any:
            columns, rows = here.float().amax(0), here.float().amax(1)
            low = [columns.argmax(), rows.argmax()]
            high = [len(line) - line.flip(0).argmax() for line in (columns, rows)]
            return torch.stack([*low, *high])

    return Painted().eval()


def card(task: str, **changes: Any) -> ModelCard:
    """The card of the model of a task."""
    fields: dict[str, Any] = {
        "name": "painted",
        "task": "perception" if task == MAPPED else task,
        "description": "Knows things by their colour.",
        "input": CameraInput(width=WIDTH, height=HEIGHT),
        "outputs": tuple(ModelOutput(name=name, unit=unit) for name, unit in OUTPUTS[task].items()),
        "classes": () if task in ("depth", "relocalisation") else CLASSES,
        "palette": () if task in ("depth", "relocalisation") else COLOURS,
        "licence": "CC0-1.0",
        "revision": "0",
        "command": "none",
    }
    return ModelCard(**(fields | changes))


def write_model(path: Path, task: str, **changes: Any) -> Path:
    """Write the model of a task; `changes` are of the card."""
    torch = pytest.importorskip("torch", reason="makes a model with torch (extra 'learn')")
    onnx = pytest.importorskip("onnx", reason="makes an ONNX file with the package onnx (extra 'learn')")
    its_card = card(task, **changes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        example = torch.zeros(its_card.camera.height, its_card.camera.width, 3, dtype=torch.uint8)
        torch.onnx.export(
            net(task),
            (example,),
            path,
            input_names=["image"],
            output_names=list(OUTPUTS[task]),
            opset_version=18,
            dynamo=False,
        )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {CARD_KEY: its_card.model_dump_json()})
    onnx.save(model, path)
    return path


def scene(width: int = 160, height: int = 120, blue: int = 0) -> np.ndarray:
    """A picture (RGB) with a red and a green thing: of half its width and height, or less, at even pixels."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 2] = blue
    pixels[height // 4 : height // 2, width // 8 : width // 2] = COLOURS[1]
    pixels[height // 2 : height * 3 // 4, width // 2 : width * 3 // 4] = COLOURS[2]
    return pixels


RED, GREEN = (20, 30, 80, 60), (80, 60, 120, 90)
"""Where they are in a scene of 160x120: x0 y0 x1 y1."""


def picture(pixels: np.ndarray | None = None, encoding: str = "rgb8", stamp: int = STAMP) -> Any:
    """A scene, or other pixels, as a message."""
    return encode(scene() if pixels is None else pixels, encoding, make(Header, stamp=time(stamp), frame_id="camera"))


def camera_info(width: int = 160, height: int = 120, focal: float = 80.0, **fields: Any) -> Any:
    """A pinhole camera."""
    k = np.array([focal, 0, (width - 1) / 2, 0, focal, (height - 1) / 2, 0, 0, 1])
    given = {"width": width, "height": height, "distortion_model": "plumb_bob", "k": k, "d": np.zeros(5)}
    return make(CameraInfo, **(given | fields))
