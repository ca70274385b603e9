"""Pictures, masks and depth from files: as the arrays of a sample, or refused by the file's name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from convoy.interfaces.image_files import ImageError, ImageFile, inspect, read, write_png
from convoy.learning.datasets.sample import VOID, Array
from convoy.learning.errors import LearningError

JPEG_QUALITY = 95
MILLIMETRES = 1000.0
FARTHEST_M = 65.534
"""What 16 bits of millimetres hold; 65535 is what the Kinect's driver writes where it sees nothing."""


def read_rgb(path: Path) -> Array:
    """Read a JPEG or PNG file, colour or grey, as (H, W, 3) uint8; of 16 bits the upper eight.

    Raises:
        LearningError: it is missing, damaged, cut short or neither.
    """
    data, file = _open(path)
    if file.channels == 1:
        grey = _decode(path, data, file, "mono16" if file.bits == 16 else "mono8")
        if grey.dtype == np.uint16:
            grey = (grey >> 8).astype(np.uint8)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))
    if file.channels == 4:
        return np.ascontiguousarray(_decode(path, data, file, "rgba8")[..., :3])
    return _decode(path, data, file, "rgb8")


def read_mask(path: Path, numbers: Array, colours: Sequence[tuple[int, int, int]]) -> Array:
    """Read a mask of classes, (H, W) uint8: grey by number, or coloured.

    Args:
        path: a PNG file.
        numbers: (256,) int16, the class that each number of the file stands for, `VOID`, or -1 for none.
        colours: of the classes; black stands for `VOID` where no class has it.

    Raises:
        LearningError: it can't be read, or has numbers or colours that stand for nothing.
    """
    data, file = _open(path)
    if file.codec != "png" or file.bits != 8:
        raise LearningError(f"{path} is a {file.codec.upper()} file of {file.bits} bits; a mask is a PNG file of 8.")
    if file.channels > 1:
        pixels = _decode(path, data, file, "rgba8" if file.channels == 4 else "rgb8")
        return _by_colour(path, pixels[..., :3], colours)
    pixels = _decode(path, data, file, "mono8")
    found = numbers[pixels]
    if found.min() < 0:
        unknown = np.unique(pixels[found < 0]).tolist()
        raise LearningError(f"{path} has {_listed(unknown)}, which no class has.")
    return found.astype(np.uint8)


def read_instances(path: Path) -> Array:
    """Read a mask of things, (H, W) uint16: a PNG file of one channel.

    Raises:
        LearningError: it can't be read.
    """
    data, file = _open(path)
    if file.codec != "png" or file.channels != 1:
        raise LearningError(f"{path}: a mask of instances is a PNG file of one channel, not {_kind(file)}.")
    return _decode(path, data, file, "16UC1" if file.bits == 16 else "mono8").astype(np.uint16, copy=False)


def read_depth(path: Path) -> Array:
    """Read a 16-bit PNG file of millimetres as (H, W) float32 metres; 0 and 65535 are unknown, and become 0.

    Raises:
        LearningError: it can't be read, or is of another kind.
    """
    return metres(read_millimetres(path))


def read_millimetres(path: Path) -> Array:
    """Read a 16-bit PNG file as it is, (H, W) uint16.

    Raises:
        LearningError: it can't be read, or is of another kind.
    """
    data, file = _open(path)
    if file.codec != "png" or file.channels != 1 or file.bits != 16:
        raise LearningError(f"{path}: depth is a PNG file of one channel of 16 bits (millimetres), not {_kind(file)}.")
    return _decode(path, data, file, "16UC1")


def metres(millimetres: Array) -> Array:
    """Depth in metres, float32, of millimetres, uint16."""
    depth = millimetres.astype(np.float32) / np.float32(MILLIMETRES)
    depth[millimetres == 65535] = 0.0
    return depth


def depth_png(depth: Array) -> Array:
    """The bytes of a 16-bit PNG file of millimetres; what is farther than these hold is 0, as what is not known."""
    far = np.where(depth <= FARTHEST_M, depth, 0.0)
    return write_png(np.rint(far * MILLIMETRES).astype(np.uint16))


def numbered(count: int, void: Sequence[int] = (VOID,)) -> Array:
    """For `read_mask`: numbers below `count` stand for themselves, those of `void` for none."""
    numbers = np.full(256, -1, np.int16)
    numbers[:count] = np.arange(count)
    numbers[list(void)] = VOID
    return numbers


def same_size(path: Path, pixels: Array, image: Array) -> Array:
    """Return what belongs to an image, if it is of its size.

    Raises:
        LearningError: it is not.
    """
    if pixels.shape[:2] != image.shape[:2]:
        (height, width), (rows, columns) = pixels.shape[:2], image.shape[:2]
        raise LearningError(f"{path} is {width}x{height}, its picture {columns}x{rows}.")
    return pixels


def _open(path: Path) -> tuple[Array, ImageFile]:
    try:
        data = np.fromfile(path, np.uint8)
        return data, inspect(data)
    except OSError as error:
        raise LearningError(f"{path} can't be read: {error.strerror}.") from None
    except ImageError as error:
        raise LearningError(f"{path}: {error}") from None


def _decode(path: Path, data: Array, file: ImageFile, encoding: str) -> Array:
    try:
        return read(data, file, encoding)
    except ImageError as error:
        raise LearningError(f"{path}: {error}") from None


def _kind(file: ImageFile) -> str:
    return f"{file.codec.upper()} of {file.channels} channel{'s' * (file.channels > 1)} of {file.bits} bits"


def _by_colour(path: Path, pixels: Array, colours: Sequence[tuple[int, int, int]]) -> Array:
    packed = pixels.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    table = {0: VOID} | {(r << 16) + (g << 8) + b: number for number, (r, g, b) in enumerate(colours)}
    keys = np.array(sorted(table), np.int32)
    at = np.searchsorted(keys, packed).clip(max=len(keys) - 1)
    wrong = keys[at] != packed
    if wrong.any():
        unknown = [f"({c >> 16}, {c >> 8 & 255}, {c & 255})" for c in np.unique(packed[wrong]).tolist()]
        raise LearningError(f"{path} has the colours {', '.join(unknown[:5])}, which no class has.")
    return np.array([table[key] for key in keys.tolist()], np.uint8)[at]


def _listed(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return f"the number{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers[:5]))}{more}"
