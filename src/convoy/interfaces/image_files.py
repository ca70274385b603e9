"""JPEG and PNG files as arrays: whole and of a bounded size, or refused.

Decoders take memory for whatever size a file claims, and most fill what a broken JPEG lacks with grey,
without a word. So sizes are bounded before anything is decoded, and JPEG is read by libjpeg-turbo with
its warnings as errors (OpenCV drops them). JPEG has no checksum: a missing or overwritten stretch puts
the decoder out of step and is found, a few wrong bits may pass as a picture.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
import simplejpeg

from convoy.interfaces.messages import InterfaceError

Pixels = np.ndarray[Any, np.dtype[Any]]

MAX_BYTES: Final = 2**28
"""Largest picture taken, decoded, in bytes: 16384 x 16384 mono8, 10922 x 8192 bgr8."""

_JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_ORDERS: Final = {"rgb8": "RGB", "bgr8": "BGR", "mono8": "GRAY", "8UC1": "GRAY"}
_PNG_CHANNELS: Final = {0: 1, 2: 3, 3: 3, 4: 1, 6: 4}
"""By PNG's colour type: grey, colour, palette, grey with alpha (which is dropped), colour with alpha."""


class ImageError(InterfaceError):
    """A picture is not what its message says, is damaged or too large, or cannot be converted as asked."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """What a picture file's header says: channels 1, 3 or 4, of 8 or 16 bits each."""

    codec: Literal["jpeg", "png"]
    width: int
    height: int
    channels: int
    bits: int


def bound(what: str, width: int, height: int, size: int) -> None:
    """Refuse a picture without pixels, or of more bytes than `MAX_BYTES`.

    Raises:
        ImageError: it is one of these; the message starts with `what`.
    """
    if width <= 0 or height <= 0:
        raise ImageError(f"{what}: the picture is {width}x{height}, it has no pixels.")
    if size > MAX_BYTES:
        raise ImageError(f"{what}: {width}x{height} takes {size} bytes, more than the {MAX_BYTES} that are allowed.")


def inspect(data: Pixels) -> ImageFile:
    """Read what a JPEG or PNG file (a row of uint8) holds, and check that its size is allowed.

    Raises:
        ImageError: it is neither, is damaged or cut short, is too large, or is of a kind that convoy does not read.
    """
    start = data[:8].tobytes()
    if start.startswith(_JPEG):
        file = _inspect_jpeg(data)
    elif start == _PNG:
        file = _inspect_png(data.data)
    else:
        raise ImageError(
            f"{data.size} bytes that start with {start.hex(' ') or 'nothing'} are neither a JPEG nor a PNG file."
        )
    bound(file.codec.upper(), file.width, file.height, file.width * file.height * file.channels * file.bits // 8)
    return file


def read(data: Pixels, file: ImageFile, encoding: str) -> Pixels:
    """Decode an inspected file to (H, W) or (H, W, C), in the colour order of `encoding`; orientation tags are ignored.

    `encoding` is of the file's channels and bits: rgb8 or bgr8 for three channels, rgba8 or bgra8 for four.

    Raises:
        ImageError: the file is damaged or cut short.
    """
    try:
        if file.codec == "jpeg":
            pixels = simplejpeg.decode_jpeg(data, _JPEG_ORDERS[encoding], strict=True)
            return pixels if file.channels > 1 else pixels[..., 0]
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED if file.channels == 4 else _png_flags(encoding))
    except (ValueError, cv2.error) as error:
        raise ImageError(f"The {file.codec.upper()} file of {data.size} bytes is damaged: {error}.") from None
    if pixels is None or pixels.shape[:2] != (file.height, file.width):
        raise ImageError(f"The PNG file of {data.size} bytes is damaged: there is no whole picture in it.")
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA) if encoding == "rgba8" else pixels


def write_jpeg(pixels: Pixels, encoding: str, quality: int) -> Pixels:
    """Encode contiguous rgb8, bgr8 or mono8 pixels; colour is stored at half the resolution (4:2:0), as ROS does.

    Raises:
        ImageError: the quality is not 1 to 100, or the picture is wider or higher than the 65500 that JPEG takes.
    """
    if not 1 <= quality <= 100:
        raise ImageError(f"JPEG quality is {quality}; 1 to 100 is wanted.")
    order = _JPEG_ORDERS[encoding]
    try:
        data = simplejpeg.encode_jpeg(
            pixels.reshape(*pixels.shape[:2], -1), quality, order, "Gray" if order == "GRAY" else "420"
        )
    except ValueError as error:
        raise ImageError(f"The picture cannot be written as JPEG: {error}.") from None
    return np.frombuffer(data, np.uint8)


def write_png(pixels: Pixels) -> Pixels:
    """Encode bgr8 pixels, or a single channel of 8 or 16 bits, without loss.

    Raises:
        ImageError: the picture is wider or higher than the million that libpng takes.
    """
    try:
        written, data = cv2.imencode(".png", pixels)
    except cv2.error:
        written = False
    if not written:
        raise ImageError(f"A picture of {pixels.shape[1]}x{pixels.shape[0]} cannot be written as PNG.")
    return data.reshape(-1)


def _inspect_jpeg(data: Pixels) -> ImageFile:
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data, strict=True)
    except ValueError as error:
        raise ImageError(f"The JPEG file of {data.size} bytes is damaged or of an uncommon kind: {error}.") from None
    return ImageFile("jpeg", width, height, 1 if colours == "Gray" else 3, 8)


def _inspect_png(data: memoryview) -> ImageFile:
    """Walk the chunks (W3C PNG, clause 5): OpenCV takes memory for whatever length one of them claims."""
    file: ImageFile | None = None
    at, kind = len(_PNG), b""
    while kind != b"IEND":
        body = at + 8
        end = body + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            raise ImageError(f"The PNG file of {len(data)} bytes is cut short: its end is not among them.")
        kind = bytes(data[at + 4 : body])
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise ImageError(f"The PNG file is damaged: what begins at byte {at} does not match its checksum.")
        if kind == b"IHDR" and file is None:
            file = _png_header(bytes(data[body:end]))
        at = end + 4
    if file is None:
        raise ImageError("The PNG file is damaged: it has no header.")
    return file


def _png_header(chunk: bytes) -> ImageFile:
    if len(chunk) != 13:
        raise ImageError(f"The PNG file is damaged: its header has {len(chunk)} bytes; 13 are wanted.")
    width, height, bits, colour = struct.unpack_from(">IIBB", chunk)
    channels = _PNG_CHANNELS.get(colour)
    if channels is None or (bits == 16 and channels > 1):
        raise ImageError(
            f"A PNG file of colour type {colour} with {bits} bits is not read; grey of 16 or 8, colour of 8 is."
        )
    return ImageFile("png", width, height, channels, max(bits, 8))


def _png_flags(encoding: str) -> int:
    order = {"rgb8": cv2.IMREAD_COLOR_RGB, "bgr8": cv2.IMREAD_COLOR_BGR}
    return order.get(encoding, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH) | cv2.IMREAD_IGNORE_ORIENTATION
