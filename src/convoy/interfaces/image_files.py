"""What a JPEG or PNG file holds, read from its own header before anything is decoded.

Decoders take memory for whatever size a file claims, and may fill what a broken JPEG lacks with grey
without a word. So sizes are bounded here first, and the file is walked to its end. What no reader can
tell: JPEG has no checksum, so a bit that flips within its coded data may pass as a picture.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from convoy.interfaces.messages import InterfaceError

MAX_BYTES: Final = 2**28
"""Largest picture taken, decoded, in bytes: 16384 x 16384 mono8, 10922 x 8192 bgr8."""

_JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_END, _SCAN = 0xD9, 0xDA
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Within coded data 0xFF is followed by 0 (a plain 0xFF byte), a restart number or more 0xFF; anything else is a marker.
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PNG_CHANNELS: Final = {0: 1, 2: 3, 3: 3, 4: 1, 6: 4}
"""By PNG's colour type: grey, colour, palette, grey with alpha (which is dropped), colour with alpha."""


class ImageError(InterfaceError):
    """A picture is not what its message says, is damaged or too large, or cannot be converted as asked."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """What a picture file's header says: channels 1, 3 or 4, of 8 or 16 bits each."""

    codec: str
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


def inspect(data: memoryview) -> ImageFile:
    """Read what a JPEG or PNG file holds, and check that its size is allowed and that it is whole.

    Raises:
        ImageError: it is neither, is damaged or cut short, is too large, or is of a kind that convoy does not read.
    """
    if data[: len(_JPEG)] == _JPEG:
        file = _inspect_jpeg(data)
    elif data[: len(_PNG)] == _PNG:
        file = _inspect_png(data)
    else:
        start = bytes(data[:8]).hex(" ") or "nothing"
        raise ImageError(f"{len(data)} bytes that start with {start} are neither a JPEG nor a PNG file.")
    bound(file.codec.upper(), file.width, file.height, file.width * file.height * file.channels * file.bits // 8)
    return file


def _inspect_jpeg(data: memoryview) -> ImageFile:
    """Walk the marker segments (ITU-T T.81, annex B) and the coded data between them, to the end marker."""
    file: ImageFile | None = None
    scans, at = 0, 2
    while at + 4 <= len(data):
        code = data[at + 1]
        if data[at] != 0xFF or code < 0xC0 or 0xD0 <= code <= 0xD8:
            raise ImageError(f"The JPEG file is damaged: no marker at byte {at}.")
        if code == 0xFF:  # padding before a marker
            at += 1
            continue
        if code == _END:
            break
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if code in _FRAMES:
            file = _jpeg_frame(bytes(data[at + 4 : at + 2 + length]))
        at += 2 + max(length, 2)
        if code == _SCAN:
            scans += 1
            marker = _MARKER.search(data, at)
            at = marker.start() if marker else len(data)
    if bytes(data[at : at + 2]) != bytes([0xFF, _END]):
        raise ImageError(f"The JPEG file is cut short: {len(data)} bytes, and no end of the picture in them.")
    if file is None or not scans:
        raise ImageError("The JPEG file is damaged: it ends before a picture begins.")
    return file


def _jpeg_frame(segment: bytes) -> ImageFile:
    if len(segment) < 6:
        raise ImageError("The JPEG file is damaged: its frame header is too short.")
    bits, height, width, channels = struct.unpack_from(">BHHB", segment)
    if bits != 8 or channels not in (1, 3):
        raise ImageError(f"A JPEG file of {channels} channels with {bits} bits is not read; grey or colour of 8 is.")
    return ImageFile("jpeg", width, height, channels, bits)


def _inspect_png(data: memoryview) -> ImageFile:
    """Walk the chunks (W3C PNG, clause 5): the decoder takes memory for whatever length one of them claims."""
    file: ImageFile | None = None
    at, kind = len(_PNG), b""
    while kind != b"IEND":
        body = at + 8
        end = body + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            raise ImageError(f"The PNG file is cut short: {len(data)} bytes, and no end of the picture in them.")
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
