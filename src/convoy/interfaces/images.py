"""Camera pictures: ``sensor_msgs/Image`` and ``CompressedImage`` to NumPy arrays and back.

Decoding a raw image copies nothing where the layout allows it: the pixels are a view into the
message, row padding and all. Encoding copies nothing either if the pixels are contiguous; the one
copy is made by `convoy.interfaces.cdr.serialize`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import cv2
import numpy as np

from convoy.errors import nearest
from convoy.interfaces.image_files import (
    MAX_BYTES,
    ImageError,
    ImageFile,
    Pixels,
    bound,
    inspect,
    read,
    write_jpeg,
    write_png,
)
from convoy.interfaces.messages import CompressedImage, Header, Image, Message, type_name

__all__ = ["ENCODINGS", "MAX_BYTES", "CameraImage", "ImageError", "compress", "decode", "encode"]

_U8, _U16, _F32 = np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32)
_GREY: Final = ("mono8", "8UC1", "mono16")
_BAYER: Final = ("bayer_rggb8", "bayer_bggr8", "bayer_gbrg8", "bayer_grbg8")
_YUYV: Final = ("yuv422_yuy2", "yuyv")
_FORMATS: Final[dict[str, tuple[np.dtype[Any], int]]] = {
    **dict.fromkeys(("bgr8", "rgb8", "8UC3"), (_U8, 3)),
    **dict.fromkeys(("bgra8", "rgba8"), (_U8, 4)),
    **dict.fromkeys(("mono8", "8UC1", "nv12", *_BAYER), (_U8, 1)),
    **dict.fromkeys(("mono16", "16UC1"), (_U16, 1)),
    "32FC1": (_F32, 1),
    **dict.fromkeys(_YUYV, (_U8, 2)),
}
ENCODINGS: Final = tuple(_FORMATS)
"""What is read and written: names of sensor_msgs/image_encodings.hpp (``yuyv`` is Jazzy's name of ``yuv422_yuy2``),
and ``nv12`` as NVIDIA's Isaac ROS sends it: height rows of luma, then height / 2 rows of interleaved chroma."""

# How OpenCV names the conversion of an encoding. 8UC3 is BGR, as to rviz2 and Foxglove. Of a Bayer pattern ROS names
# the first four pixels, as OpenCV's four-letter names do; its older ones are shifted (BayerBG is bayer_rggb8).
_CONVERSIONS: Final = {
    **dict.fromkeys(("bgr8", "8UC3"), "BGR2{}"),
    "rgb8": "RGB2{}",
    "bgra8": "BGRA2{}",
    "rgba8": "RGBA2{}",
    **dict.fromkeys(("mono8", "8UC1"), "GRAY2{}"),
    "bayer_rggb8": "BayerRGGB2{}",
    "bayer_bggr8": "BayerBGGR2{}",
    "bayer_gbrg8": "BayerGBRG2{}",
    "bayer_grbg8": "BayerGRBG2{}",
    **dict.fromkeys(_YUYV, "YUV2{}_YUY2"),
    "nv12": "YUV2{}_NV12",
}
_TARGETS: Final = {"rgb8": "RGB", "bgr8": "BGR", "mono8": "GRAY"}
_SMALLEST_MOSAIC: Final = 3
"""OpenCV interpolates nothing in a Bayer mosaic below this width and height: it returns black."""


@dataclass(frozen=True, slots=True, eq=False)
class CameraImage:
    """A picture and what it shows: the header of its message, its encoding, its pixels.

    `pixels` is (H, W), or (H, W, C) for more than one channel, in native byte order; for ``nv12`` it is
    (H * 3 / 2, W). It may be a view into the message, with padded rows, and it is read-only, since
    several components may look at it: copy it before drawing.

    Raises:
        ImageError: the encoding is not known, or the pixels are not of its shape and type.
    """

    header: Header
    encoding: str
    pixels: Pixels

    def __post_init__(self) -> None:
        _check(self.pixels, self.encoding)
        object.__setattr__(self, "pixels", _sealed(self.pixels.view()))

    @property
    def width(self) -> int:
        """Columns of the picture."""
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        """Rows of the picture, not counting nv12's rows of chroma."""
        return _height(self.pixels, self.encoding)

    def to(self, encoding: str) -> Pixels:
        """Return the picture as ``rgb8``, ``bgr8`` or ``mono8``: C-contiguous uint8, read-only as `pixels`.

        Nothing is copied where it is so already. YUV is BT.601 with the studio's range (16 is black, 235 white),
        alpha is dropped, and mono16 keeps its upper byte: a value's 256th part.

        Raises:
            ImageError: another encoding is asked for, or the pixels are no brightness (16UC1, 32FC1).
        """
        target = _TARGETS.get(encoding)
        if target is None:
            raise ImageError(f"A picture is given as rgb8, bgr8 or mono8, not as {encoding}.")
        source, pixels = self.encoding, self.pixels
        if source == "mono16":
            source, pixels = "mono8", (pixels >> 8).astype(np.uint8)
        conversion = _CONVERSIONS.get(source)
        if conversion is None:
            raise ImageError(f"{source} is no brightness or colour and cannot be shown as {encoding}; use its pixels.")
        if source in _BAYER and min(self.width, self.height) < _SMALLEST_MOSAIC:
            raise ImageError(f"A Bayer mosaic of {self.width}x{self.height} is too small for its colours to be found.")
        if conversion == f"{target}2{{}}":
            return _sealed(np.ascontiguousarray(pixels))
        if target == "GRAY" and conversion.startswith("YUV"):
            # OpenCV would hand out luma as it is, with its studio's range: darker than the same picture's colours.
            conversion, pixels = "BGR2{}", _convert(pixels, conversion, "BGR")
        return _sealed(_convert(pixels, conversion, target))


def decode(message: Message) -> CameraImage:
    """Read a ``sensor_msgs/Image`` or ``sensor_msgs/CompressedImage`` (JPEG or PNG).

    Raw pixels are a view into the message; those in the other byte order, or not aligned in memory, are copied. The
    data must be ``step * height`` bytes to the byte (half as much again for nv12), as in the message's definition.

    A compressed picture has the encoding that its format names (``rgb8; jpeg compressed bgr8`` gives rgb8) if the
    file holds such; else bgr8, bgra8, mono8 or 16UC1, as the file is. Orientation tags are ignored: the camera's
    pixels stay where they are.

    Raises:
        ImageError: the message contradicts itself, or is damaged, too large or of a kind that convoy does not read.
    """
    name = type_name(message)
    if name == Image.__msgtype__:
        return _decode_raw(message)
    if name == CompressedImage.__msgtype__:
        return _decompress(message)
    raise ImageError(f"A {name} is no picture; {Image.__msgtype__} or {CompressedImage.__msgtype__} is wanted.")


def encode(pixels: Pixels, encoding: str, header: Header) -> Image:
    """Make a ``sensor_msgs/Image`` whose data is a view of `pixels` if these are contiguous, else of a copy.

    Raises:
        ImageError: the pixels are not of the encoding's shape and type, see `CameraImage`.
    """
    _check(pixels, encoding)
    contiguous = np.ascontiguousarray(pixels)
    return Image(
        header=header,
        height=_height(pixels, encoding),
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=int(sys.byteorder == "big"),
        step=pixels.nbytes // pixels.shape[0],
        data=np.ndarray(pixels.nbytes, np.uint8, contiguous.data),
    )


def compress(
    pixels: Pixels, encoding: str, header: Header, format: Literal["jpeg", "png"] = "jpeg", quality: int = 95
) -> CompressedImage:
    """Make a ``sensor_msgs/CompressedImage`` as ROS's compressed_image_transport does.

    `quality` is JPEG's, 1 to 100; PNG loses nothing. PNG keeps mono8, mono16, 8UC1, 16UC1 and Bayer mosaics as they
    are. All else is written as rgb8, bgr8 or mono8, as `CameraImage.to` converts it.

    Raises:
        ImageError: the pixels are not of their encoding, or the format cannot hold them.
    """
    picture = CameraImage(header, encoding, pixels)
    shown = "mono8" if encoding in _GREY else "rgb8" if encoding == "rgb8" else "bgr8"
    stored = "mono8" if shown == "mono8" else "bgr8"
    if format == "jpeg":
        data = write_jpeg(picture.to(shown), shown, quality)
    elif format != "png":
        raise ImageError(f"Pictures are compressed as 'jpeg' or 'png', not as {format!r}.")
    elif encoding in (*_GREY, *_BAYER, "16UC1"):
        shown, stored = encoding, ""
        data = write_png(picture.pixels)
    else:
        data = write_png(picture.to("bgr8"))
    return CompressedImage(header=header, format=f"{shown}; {format} compressed {stored}", data=data)


@lru_cache(maxsize=64)
def _layout(encoding: str, width: int, height: int) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return the type and shape of a picture's pixels, if there can be such a picture."""
    if encoding not in _FORMATS:
        likely = ", ".join(nearest(encoding, ENCODINGS)[:4])
        raise ImageError(f"Image encoding {encoding!r} is not known to convoy; the nearest it knows: {likely}.")
    dtype, channels = _FORMATS[encoding]
    rows = height * 3 // 2 if encoding == "nv12" else height
    bound(encoding, width, height, rows * width * channels * dtype.itemsize)
    if (width % 2 and (encoding == "nv12" or encoding in _YUYV)) or (height % 2 and encoding == "nv12"):
        raise ImageError(f"A picture of {width}x{height} cannot be {encoding}: pixels share their colour in pairs.")
    return dtype, (rows, width, channels) if channels > 1 else (rows, width)


def _height(pixels: Pixels, encoding: str) -> int:
    return pixels.shape[0] * 2 // 3 if encoding == "nv12" else pixels.shape[0]


def _check(pixels: Pixels, encoding: str) -> None:
    if pixels.ndim < 2:
        raise ImageError(f"Pixels of shape {pixels.shape} are no picture; (H, W) or (H, W, C) is wanted.")
    dtype, shape = _layout(encoding, pixels.shape[1], _height(pixels, encoding))
    if pixels.dtype != dtype or pixels.shape != shape:
        raise ImageError(f"{encoding} pixels are {dtype} of shape {shape}, not {pixels.dtype} of shape {pixels.shape}.")


def _decode_raw(message: Any) -> CameraImage:
    encoding, step = message.encoding, message.step
    dtype, shape = _layout(encoding, message.width, message.height)
    pixel = dtype.itemsize * (shape[2] if len(shape) > 2 else 1)
    if step < shape[1] * pixel:
        raise _fault(message, f"a row takes {shape[1] * pixel} bytes, more than the step")
    data = _flat(message.data)
    if data.size != step * shape[0]:
        raise _fault(message, f"exactly {step * shape[0]} bytes of data are wanted, not {data.size}")
    sent = dtype.newbyteorder(">" if message.is_bigendian else "<")
    pixels = np.ndarray(shape, sent, data, strides=(step, pixel, dtype.itemsize)[: len(shape)])
    return CameraImage(message.header, encoding, np.require(pixels.astype(dtype, copy=False), requirements="A"))


def _fault(message: Any, fault: str) -> ImageError:
    return ImageError(f"Image of {message.width}x{message.height} {message.encoding}, step {message.step}: {fault}.")


def _decompress(message: Any) -> CameraImage:
    data = _flat(message.data)
    file = inspect(data)
    encoding = _encoding(file, message.format)
    return CameraImage(message.header, encoding, read(data, file, encoding))


def _encoding(file: ImageFile, format: str) -> str:
    """Choose a compressed picture's encoding by its file and its format, ``ORIGINAL; CODEC compressed [STORED]``.

    STORED is not looked at: a JPEG or PNG file says by itself which of its channels is red.
    """
    named, separator, codec = (part.strip() for part in format.rpartition(";"))
    words = codec.lower().split() or [""]
    if "compresseddepth" in words:
        raise ImageError(f"Format {format!r} is not read; send depth raw, or as 16-bit PNG by 'compressed'.")
    said = {"jpg": "jpeg", "image/jpeg": "jpeg", "image/png": "png"}.get(words[0], words[0])
    if said not in ("", file.codec) and (separator or said in ("jpeg", "png")):
        raise ImageError(f"The format says {format!r}, but the data is a {file.codec.upper()} file.")
    if named in _FORMATS and file.bits != 8 * _FORMATS[named][0].itemsize and (file.codec, named) != ("jpeg", "mono16"):
        raise ImageError(f"The format says {format!r}, but the file holds {file.bits} bits per channel.")
    if file.channels > 1:
        fitting = ("bgr8", "rgb8") if file.channels == 3 else ("bgra8", "rgba8")
    elif file.bits == 16:
        fitting = ("16UC1", "mono16")
    else:
        fitting = ("mono8", "8UC1", *(_BAYER if file.codec == "png" else ()))
    return named if named in fitting else fitting[0]


def _flat(data: Any) -> Pixels:
    """Return a message's bytes as one row of uint8, without a copy."""
    try:
        flat = data if isinstance(data, np.ndarray) else np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError):
        raise ImageError(f"The image's data is a {type(data).__name__}, not bytes.") from None
    if flat.dtype != np.uint8:
        raise ImageError(f"The image's data is {flat.dtype}, not bytes.")
    return np.ascontiguousarray(flat).reshape(-1)


def _convert(pixels: Pixels, conversion: str, target: str) -> Pixels:
    return cv2.cvtColor(pixels, getattr(cv2, f"COLOR_{conversion.format(target)}"))


def _sealed(pixels: Pixels) -> Pixels:
    pixels.flags.writeable = False
    return pixels
