"""What the camera sees, and what perception makes of it, as files that a browser can show."""

from __future__ import annotations

from collections import deque
from typing import Any

import cv2
import numpy as np

from convoy.console.exchange import Exchange, Picture, steady
from convoy.graph import ImageInput
from convoy.interfaces.image_files import inspect
from convoy.interfaces.images import CameraImage, ImageError, compress, decode
from convoy.interfaces.messages import NANOSECONDS, CompressedImage, nanoseconds, type_name

FAR_M = 40.0
"""Depth from there on has one colour."""
MOST_BOXES = 100
OVERLAY_WIDTH = 320
UNLABELLED = 255


class PictureInput(ImageInput):
    """As `ImageInput`, but the handler gets the message: a JPEG is passed on to the pages as it is."""

    def decode(self, message: Any) -> Any:
        return message


class Pictures:
    """Puts the newest of each kind where the pages get it; what nobody wants is not encoded."""

    def __init__(self, exchange: Exchange, width: int, quality: int) -> None:
        self._exchange, self._width, self._quality = exchange, width, quality
        self._number = 0
        self._size = (0, 0)
        self._times: deque[int] = deque(maxlen=20)
        self._palette = np.dstack([_colours(256), np.full((1, 256), 130, np.uint8)])[0]
        self._palette[UNLABELLED] = 0

    def show(self, message: Any, now_ns: int) -> Any:
        """Show a picture, raw or compressed; returns it as a ``CompressedImage`` with a JPEG.

        Raises:
            ImageError: it is damaged.
        """
        if type_name(message) == type_name(CompressedImage) and (file := inspect(message.data)).codec == "jpeg":
            picture = shown = message
            self._size = (file.width, file.height)
            if file.width > self._width:
                shown = self._shrunk(decode(message))
        else:
            image = decode(message)
            self._size = (image.width, image.height)
            picture = shown = compress(image.to("rgb8"), "rgb8", image.header, "jpeg", self._quality)
            if image.width > self._width:
                shown = self._shrunk(image)
        self._times.append(now_ns)
        self._number += 1
        age_s = (now_ns - nanoseconds(message.header.stamp)) / NANOSECONDS
        taken = steady() - age_s if 0 <= age_s < 10 else steady()
        self._exchange.picture.put(Picture(self._number, taken, bytes(shown.data)))
        self._exchange.notify()
        return picture

    def show_mask(self, image: CameraImage, now_ns: int) -> None:
        """Show the classes of the pixels, mono8 (255 is unlabelled), as colours to lay over the picture."""
        if "mask" in self._exchange.wanted:
            classes = np.minimum(image.pixels, UNLABELLED).astype(np.uint8)
            self._overlay(self._exchange.mask, self._palette[_small(classes)])

    def show_depth(self, image: CameraImage, now_ns: int) -> None:
        """Show depth, 32FC1 in m or 16UC1 in mm, near red and far blue, to lay over the picture."""
        if "depth" in self._exchange.wanted:
            metres = _small(image.pixels.astype(np.float32) / (1000.0 if image.encoding == "16UC1" else 1.0))
            known = np.isfinite(metres) & (metres > 0)
            near = np.where(known, 1.0 - np.log1p(np.clip(metres, 0, FAR_M)) / np.log1p(FAR_M), 0.0)
            colours = cv2.applyColorMap((near * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
            self._overlay(self._exchange.depth, np.dstack([colours, np.where(known, 170, 0).astype(np.uint8)]))

    def show_boxes(self, detections: Any) -> None:
        """Show what was detected, in parts of the picture's width and height: pages may get it smaller than it was."""
        width, height = self._size
        if "boxes" not in self._exchange.wanted or not width:
            return
        boxes = []
        for detection in detections.detections[:MOST_BOXES]:
            box, best = detection.bbox, max(detection.results, key=lambda result: result.hypothesis.score, default=None)
            centre = [box.center.position.x / width, box.center.position.y / height]
            values = [*centre, box.size_x / width, box.size_y / height]
            if np.isfinite(values).all():
                label = best.hypothesis.class_id[:40] if best else ""
                score = float(best.hypothesis.score) if best else 0.0
                boxes.append([*(round(value, 4) for value in values), label, round(score, 2)])
        self._exchange.boxes.put({"type": "boxes", "at": steady(), "boxes": boxes})
        self._exchange.notify()

    def rate(self, now_ns: int) -> float:
        """Return how many pictures came in the last second, or so."""
        times = [at for at in self._times if 0 <= now_ns - at < 2 * NANOSECONDS]
        spans = (times[-1] - times[0]) / NANOSECONDS if times else 0.0
        return round((len(times) - 1) / spans, 1) if spans > 0 else 0.0

    def _shrunk(self, image: CameraImage) -> Any:
        height = max(1, round(image.height * self._width / image.width))
        pixels = cv2.resize(image.to("rgb8"), (self._width, height), interpolation=cv2.INTER_AREA)
        return compress(pixels, "rgb8", image.header, "jpeg", self._quality)

    def _overlay(self, slot: Any, pixels: np.ndarray) -> None:
        done, file = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if not done:
            raise ImageError("The overlay can't be encoded.")
        self._number += 1
        slot.put(Picture(self._number, steady(), file.tobytes()))
        self._exchange.notify()


def _small(pixels: np.ndarray) -> np.ndarray:
    step = max(1, pixels.shape[1] // OVERLAY_WIDTH)
    return np.ascontiguousarray(pixels[::step, ::step])


def _colours(count: int) -> np.ndarray:
    """Return bgr colours, (1, count, 3), neighbours far apart on the wheel: by the golden angle."""
    hues = (np.arange(count) * 180 * 0.618034 % 180).astype(np.uint8)
    return cv2.cvtColor(
        np.dstack([hues, np.full(count, 200, np.uint8), np.full(count, 230, np.uint8)]), cv2.COLOR_HSV2BGR
    )
