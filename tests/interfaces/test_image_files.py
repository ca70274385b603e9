"""JPEG and PNG: what ROS sends in a CompressedImage, and what becomes of it on a bad day."""

from __future__ import annotations

import struct
import zlib
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import simplejpeg
from rosbags.rosbag2 import Reader

from convoy.interfaces.cdr import deserialize, serialize
from convoy.interfaces.images import ImageError, compress, decode
from convoy.interfaces.messages import CompressedImage, Header, make, time

HEADER = make(Header, stamp=time(12), frame_id="camera_optical_frame")


def smooth(height: int = 24, width: int = 32) -> np.ndarray:
    """An RGB picture that survives JPEG: red grows to the right, green downwards, blue stays low."""
    rgb = np.full((height, width, 3), 40, np.uint8)
    rgb[..., 0] = np.linspace(0, 250, width)
    rgb[..., 1] = np.linspace(0, 250, height)[:, None]
    return rgb


def jpeg(pixels: np.ndarray | None = None, *settings: int) -> bytes:
    """A JPEG file as OpenCV writes it, of an array in BGR or grey."""
    return cv2.imencode(".jpg", smooth()[..., ::-1] if pixels is None else pixels, settings)[1].tobytes()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, bits: int, colour: int, rows: bytes, palette: bytes = b"") -> bytes:
    """A PNG file by its definition; `rows` is the uncompressed content, each row after its filter byte."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    middle = chunk(b"PLTE", palette) if palette else b""
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + middle + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def message(data: bytes, format: str = "") -> Any:
    return make(CompressedImage, header=HEADER, format=format, data=np.frombuffer(data, np.uint8))


@pytest.mark.parametrize("format", ["jpeg", "png"])
@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "mono8"])
def test_round_trip_keeps_colours_and_encoding(format: Any, encoding: str) -> None:
    pixels = {"rgb8": smooth(), "bgr8": smooth()[..., ::-1], "mono8": smooth()[..., 0]}[encoding]
    sent = compress(pixels, encoding, HEADER, format)
    stored = "mono8" if encoding == "mono8" else "bgr8"
    assert sent.format == f"{encoding}; {format} compressed {'' if (format, stored) == ('png', 'mono8') else stored}"
    image = decode(deserialize(serialize(sent), CompressedImage.__msgtype__))
    assert (image.encoding, image.width, image.height, image.header) == (encoding, 32, 24, HEADER)
    assert np.abs(image.pixels.astype(int) - pixels).max() <= (0 if format == "png" else 8)


@pytest.mark.parametrize("encoding", ["mono16", "16UC1", "8UC1", "bayer_rggb8", "bayer_grbg8"])
def test_png_keeps_single_channels_to_the_bit(encoding: str) -> None:
    dtype = np.uint16 if "16" in encoding else np.uint8
    pixels = np.random.default_rng(3).integers(0, np.iinfo(dtype).max, (24, 32)).astype(dtype)
    sent = compress(pixels, encoding, HEADER, "png")
    assert sent.format == f"{encoding}; png compressed "
    image = decode(sent)
    assert image.encoding == encoding
    np.testing.assert_array_equal(image.pixels, pixels)


def test_quality_buys_size() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    sizes = [compress(noise, "rgb8", HEADER, quality=quality).data.size for quality in (1, 50, 100)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(
    ("encoding", "format", "quality", "says"),
    [
        ("32FC1", "jpeg", 95, "32FC1 is no brightness"),
        ("32FC1", "png", 95, "32FC1 is no brightness"),
        ("16UC1", "jpeg", 95, "16UC1 is no brightness"),
        ("mono16", "jpeg", 0, "quality is 0"),
        ("mono16", "jpeg", 101, "quality is 101"),
        ("mono16", "webp", 95, "not as 'webp'"),
    ],
)
def test_what_cannot_be_compressed_is_refused(encoding: str, format: Any, quality: int, says: str) -> None:
    pixels = np.zeros((4, 4), np.float32 if encoding == "32FC1" else np.uint16)
    with pytest.raises(ImageError, match=says):
        compress(pixels, encoding, HEADER, format, quality)


@pytest.mark.parametrize(
    ("format", "width", "says"),
    [("jpeg", 65501, r"as JPEG: .*65500"), ("png", 1_000_001, "1000001x1 cannot be written as PNG")],
)
def test_a_picture_too_wide_for_its_format_is_refused(format: Any, width: int, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        compress(np.zeros((1, width), np.uint8), "mono8", HEADER, format)


@pytest.mark.parametrize(
    ("format", "encoding"),
    [
        ("", "bgr8"),
        ("jpeg", "bgr8"),
        ("jpg", "bgr8"),
        ("image/jpeg", "bgr8"),
        ("rgb8", "bgr8"),
        ("bgr8; jpeg compressed bgr8", "bgr8"),
        ("rgb8; jpeg compressed bgr8", "rgb8"),
        ("rgb8; jpeg compressed rgb8", "rgb8"),
        ("rgb8;JPEG compressed", "rgb8"),
        ("rgba8; jpeg compressed bgr8", "bgr8"),
        ("yuv422_yuy2; jpeg compressed bgr8", "bgr8"),
        ("my_own_encoding; jpeg compressed bgr8", "bgr8"),
    ],
)
def test_formats_of_colour_jpeg(format: str, encoding: str) -> None:
    image = decode(message(jpeg(), format))
    assert image.encoding == encoding
    assert np.abs(image.to("rgb8").astype(int) - smooth()).max() <= 8


@pytest.mark.parametrize(
    ("format", "encoding"),
    [
        ("jpeg", "mono8"),
        ("mono8; jpeg compressed mono8", "mono8"),
        ("8UC1; jpeg compressed mono8", "8UC1"),
        ("mono16; jpeg compressed mono8", "mono8"),
        ("bayer_rggb8; jpeg compressed mono8", "mono8"),
    ],
)
def test_formats_of_grey_jpeg(format: str, encoding: str) -> None:
    assert decode(message(jpeg(smooth()[..., 0]), format)).encoding == encoding


@pytest.mark.parametrize(
    ("data", "format", "says"),
    [
        (jpeg(), "png", "says 'png', but the data is a JPEG file"),
        (jpeg(), "rgb8; png compressed bgr8", "but the data is a JPEG file"),
        (jpeg(), "bgr8; tiff compressed bgr8", "but the data is a JPEG file"),
        (png(1, 1, 8, 0, b"\0\7"), "jpeg", "but the data is a PNG file"),
        (png(1, 1, 8, 0, b"\0\7"), "16UC1; png compressed ", "but the file holds 8 bits"),
        (png(1, 1, 16, 0, b"\0\7\7"), "mono8; png compressed ", "but the file holds 16 bits"),
        (jpeg(smooth()[..., 0]), "16UC1; jpeg compressed ", "but the file holds 8 bits"),
        (jpeg(smooth()[..., 0]), "32FC1; jpeg compressed ", "but the file holds 8 bits"),
        (png(1, 1, 16, 0, b"\0\7\7"), "16UC1; compressedDepth png", "send depth raw"),
        (bytes(12) + png(1, 1, 16, 0, b"\0\7\7"), "32FC1; compressedDepth", "neither a JPEG nor a PNG"),
        (b"II*\0" + bytes(40), "bgr8; tiff compressed bgr8", "49 49 2a 00 00 00 00 00 are neither"),
        (b"\0\0\0\1" + bytes(40), "h264", "neither a JPEG nor a PNG"),
        (b"", "jpeg", "0 bytes that start with nothing are neither"),
        (b"\xff", "jpeg", "neither"),
    ],
)
def test_contradictions_and_other_formats_are_refused_by_name(data: bytes, format: str, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        decode(message(data, format))


@pytest.mark.parametrize("settings", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 1)])
def test_a_jpeg_cut_short_is_refused_wherever_it_ends(settings: tuple[int, ...]) -> None:
    data = jpeg(None, *settings)
    assert decode(message(data)).width == 32
    for end in range(len(data)):
        with pytest.raises(ImageError):
            decode(message(data[:end]))


def test_a_png_cut_short_is_refused_wherever_it_ends() -> None:
    data = png(3, 2, 8, 2, b"\0abcabcabc" * 2)
    for end in range(len(data)):
        with pytest.raises(ImageError):
            decode(message(data[:end]))


def test_a_png_with_missing_rows_is_refused() -> None:
    with pytest.raises(ImageError, match="no whole picture"):
        decode(message(png(3, 4, 8, 2, b"\0abcabcabc" * 2)))


def test_a_damaged_png_is_refused_or_the_same_picture() -> None:
    data = png(3, 2, 8, 2, b"\0abcabcabc" * 2)
    whole = decode(message(data)).pixels
    for bit in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            image = decode(message(bytes(damaged)))
        except ImageError:
            continue
        np.testing.assert_array_equal(image.pixels, whole)


@pytest.mark.parametrize("replacement", [b"", b"\xa5"], ids=["gone", "overwritten"])
def test_a_jpeg_that_lost_a_packet_is_refused(replacement: bytes) -> None:
    rng = np.random.default_rng(4)
    data = jpeg(cv2.GaussianBlur(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8), (0, 0), 1.5))
    for start in rng.integers(1000, len(data) - 2000, size=100):
        with pytest.raises(ImageError, match="damaged"):
            decode(message(data[:start] + replacement * 512 + data[start + 512 :]))


def test_a_damaged_jpeg_never_crashes() -> None:
    rng = np.random.default_rng(5)
    data = jpeg()
    refused = 0
    for _ in range(1500):
        damaged = np.frombuffer(data, np.uint8).copy()
        damaged[rng.integers(2, damaged.size, size=3)] = rng.choice([0, 1, 0xC0, 0xDA, 0xFF], size=3)
        try:
            image = decode(message(damaged.tobytes()))
        except ImageError:
            refused += 1
        else:
            assert image.pixels.nbytes <= 2**24  # a damaged size may still be a size
    assert refused > 200


@pytest.mark.parametrize("start", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_garbage_behind_a_good_start_is_refused(start: bytes) -> None:
    rng = np.random.default_rng(6)
    for size in (0, 1, 2, 5, 30, 1000):
        with pytest.raises(ImageError):
            decode(message(start + rng.integers(0, 256, size, dtype=np.uint8).tobytes()))


def claim(data: bytes, width: int, height: int) -> bytes:
    """The same JPEG file, whose header claims another size."""
    frame = data.index(b"\xff\xc0")
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


@pytest.mark.parametrize(
    "data",
    [claim(jpeg(), 65500, 65500), png(2**31 - 1, 2**31 - 1, 8, 2, b""), png(20000, 20000, 8, 0, b"")],
    ids=["jpeg", "png", "grey png"],
)
def test_a_small_file_that_claims_a_huge_picture_is_refused_before_it_is_decoded(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unexpected(*_: object) -> None:
        raise AssertionError("the decoder was called")

    monkeypatch.setattr(cv2, "imdecode", unexpected)
    monkeypatch.setattr(simplejpeg, "decode_jpeg", unexpected)
    with pytest.raises(ImageError, match="more than the"):
        decode(message(data))


@pytest.mark.parametrize(
    "data", [claim(jpeg(), 32, 0), claim(jpeg(), 0, 24), png(0, 1, 8, 0, b""), png(1, 0, 8, 0, b"")]
)
def test_a_file_without_pixels_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError, match=r"no pixels|damaged"):
        decode(message(data))


def test_an_orientation_tag_does_not_turn_the_picture() -> None:
    turned = b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    data = jpeg()
    tagged = data[:2] + b"\xff\xe1" + struct.pack(">H", len(turned) + 2) + turned + data[2:]
    assert cv2.imdecode(np.frombuffer(tagged, np.uint8), cv2.IMREAD_COLOR_BGR).shape == (32, 24, 3)
    for format in ("jpeg", "rgb8; jpeg compressed bgr8", "mono8; jpeg compressed mono8"):
        np.testing.assert_array_equal(decode(message(tagged, format)).pixels, decode(message(data, format)).pixels)


def test_a_thumbnails_end_is_not_taken_for_the_pictures() -> None:
    data, thumbnail = jpeg(), jpeg(smooth(8, 8))
    holder = data[:2] + b"\xff\xe2" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + data[2:]
    np.testing.assert_array_equal(decode(message(holder)).pixels, decode(message(data)).pixels)
    with pytest.raises(ImageError, match="damaged"):
        decode(message(holder[:-10]))


@pytest.mark.parametrize("tail", [bytes(1), bytes(4096), b"\xff\xd9", b"\xff\xff"])
def test_cameras_may_pad_their_jpegs(tail: bytes) -> None:
    np.testing.assert_array_equal(decode(message(jpeg() + tail)).pixels, decode(message(jpeg())).pixels)


def test_a_camera_may_leave_stray_bytes_before_the_end() -> None:
    data = jpeg()
    np.testing.assert_array_equal(decode(message(data[:-2] + b"\0\0" + data[-2:])).pixels, decode(message(data)).pixels)


def test_motion_jpeg_may_lack_the_standard_tables() -> None:
    data = jpeg()
    bare = data
    while (table := bare.find(b"\xff\xc4")) >= 0:
        bare = bare[:table] + bare[table + 2 + int.from_bytes(bare[table + 2 : table + 4], "big") :]
    assert len(bare) < len(data)
    np.testing.assert_array_equal(decode(message(bare)).pixels, decode(message(data)).pixels)


def test_12_bit_jpeg_is_named() -> None:
    deep = bytearray(jpeg())
    deep[deep.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(ImageError, match="precision 12"):
        decode(message(bytes(deep)))


@pytest.mark.parametrize(
    ("data", "format", "encoding", "expected"),
    [
        (png(2, 1, 1, 0, b"\0\x40"), "png", "mono8", [[0, 255]]),
        (png(2, 1, 8, 0, b"\0\1\2"), "png", "mono8", [[1, 2]]),
        (png(2, 1, 8, 4, b"\0\1\xff\2\0"), "png", "mono8", [[1, 2]]),
        (png(2, 1, 16, 0, b"\0\1\2\3\4"), "png", "16UC1", [[0x102, 0x304]]),
        (png(2, 1, 16, 0, b"\0\1\2\3\4"), "mono16; png compressed ", "mono16", [[0x102, 0x304]]),
        (png(1, 1, 8, 2, b"\0\1\2\3"), "png", "bgr8", [[[3, 2, 1]]]),
        (png(1, 1, 8, 2, b"\0\1\2\3"), "rgb8; png compressed bgr8", "rgb8", [[[1, 2, 3]]]),
        (png(2, 1, 8, 3, b"\0\1\0", b"\7\7\7\1\2\3"), "png", "bgr8", [[[3, 2, 1], [7, 7, 7]]]),
        (png(1, 1, 8, 6, b"\0\1\2\3\4"), "png", "bgra8", [[[3, 2, 1, 4]]]),
        (png(1, 1, 8, 6, b"\0\1\2\3\4"), "rgba8; png compressed", "rgba8", [[[1, 2, 3, 4]]]),
    ],
)
def test_kinds_of_png(data: bytes, format: str, encoding: str, expected: list[Any]) -> None:
    image = decode(message(data, format))
    assert image.encoding == encoding
    assert image.pixels.tolist() == expected


@pytest.mark.parametrize("colour", [2, 6])
def test_16_bit_colour_is_named_and_not_cut_to_8(colour: int) -> None:
    with pytest.raises(ImageError, match=f"colour type {colour} with 16 bits"):
        decode(message(png(1, 1, 16, colour, bytes(9))))


@pytest.mark.parametrize(("bag", "width", "height"), [("rc_track", 160, 120), ("street", 480, 360)])
def test_recorded_frames_decode(shared: Path, bag: str, width: int, height: int) -> None:
    with Reader(shared / "bags" / bag) as reader:
        pictures = [c for c in reader.connections if c.msgtype == CompressedImage.__msgtype__]
        for connection, _, data in islice(reader.messages(pictures), 5):
            image = decode(deserialize(data, connection.msgtype))
            assert (image.encoding, image.pixels.shape) == ("bgr8", (height, width, 3))
            assert image.pixels.std() > 5
