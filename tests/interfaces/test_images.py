from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from convoy.interfaces.cdr import deserialize, serialize
from convoy.interfaces.images import ENCODINGS, MAX_BYTES, CameraImage, ImageError, decode, encode
from convoy.interfaces.messages import Header, Image, InterfaceError, String, make, time

HEADER = make(Header, stamp=time(12), frame_id="camera_optical_frame")
WIDTH, HEIGHT = 8, 6
# By encoding: shape and type of an 8x6 picture.
PIXELS: dict[str, tuple[tuple[int, ...], type]] = {
    "bgr8": ((6, 8, 3), np.uint8),
    "rgb8": ((6, 8, 3), np.uint8),
    "bgra8": ((6, 8, 4), np.uint8),
    "rgba8": ((6, 8, 4), np.uint8),
    "mono8": ((6, 8), np.uint8),
    "mono16": ((6, 8), np.uint16),
    "8UC1": ((6, 8), np.uint8),
    "8UC3": ((6, 8, 3), np.uint8),
    "16UC1": ((6, 8), np.uint16),
    "32FC1": ((6, 8), np.float32),
    "yuv422_yuy2": ((6, 8, 2), np.uint8),
    "yuyv": ((6, 8, 2), np.uint8),
    "nv12": ((9, 8), np.uint8),
    "bayer_rggb8": ((6, 8), np.uint8),
    "bayer_bggr8": ((6, 8), np.uint8),
    "bayer_gbrg8": ((6, 8), np.uint8),
    "bayer_grbg8": ((6, 8), np.uint8),
}
RED, GREEN, BLUE = (200, 30, 20), (40, 180, 60), (10, 50, 220)


def picture(encoding: str) -> np.ndarray:
    shape, dtype = PIXELS[encoding]
    return np.random.default_rng(7).integers(0, 250, shape).astype(dtype)


def padded(message: Any, padding: int) -> Any:
    """The same message with rows that are longer than their pixels, filled with noise."""
    rows = message.data.reshape(-1, message.step)
    noise = np.random.default_rng(8).integers(0, 256, (len(rows), padding), dtype=np.uint8)
    message.data = np.concatenate([rows, noise], axis=1).reshape(-1)
    message.step += padding
    return message


def mosaic(rgb: np.ndarray, pattern: str) -> np.ndarray:
    """What a sensor behind a Bayer filter sees; `pattern` names the colours of the first four pixels."""
    seen = np.empty(rgb.shape[:2], np.uint8)
    for index, colour in enumerate(pattern):
        y, x = divmod(index, 2)
        seen[y::2, x::2] = rgb[y::2, x::2, "rgb".index(colour)]
    return seen


def test_all_encodings_are_tested() -> None:
    assert set(PIXELS) == set(ENCODINGS)


@pytest.mark.parametrize("encoding", PIXELS)
@pytest.mark.parametrize("padding", [0, 4])
def test_round_trip_through_bytes_is_exact_and_decodes_to_a_view(encoding: str, padding: int) -> None:
    pixels = picture(encoding)
    message = padded(encode(pixels, encoding, HEADER), padding)
    data = serialize(message)
    image = decode(deserialize(data, "sensor_msgs/msg/Image"))
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.pixels.dtype == pixels.dtype
    assert (image.encoding, image.width, image.height, image.header) == (encoding, WIDTH, HEIGHT, HEADER)
    assert np.shares_memory(image.pixels, np.frombuffer(data, np.uint8))


@pytest.mark.parametrize("encoding", PIXELS)
def test_encoding_contiguous_pixels_copies_nothing(encoding: str) -> None:
    pixels = picture(encoding)
    message = encode(pixels, encoding, HEADER)
    assert np.shares_memory(message.data, pixels)
    assert (message.height, message.width, message.encoding) == (HEIGHT, WIDTH, encoding)
    assert message.step * len(pixels) == message.data.size == pixels.nbytes


def test_encoding_takes_crops_and_flips() -> None:
    pixels = picture("bgr8")
    for part in (pixels[1:5, 2:6], pixels[:, ::-1], pixels[::2], pixels[..., ::-1]):
        np.testing.assert_array_equal(decode(encode(part, "bgr8", HEADER)).pixels, part)


@pytest.mark.parametrize(("encoding", "sent"), [("16UC1", ">u2"), ("mono16", ">u2"), ("32FC1", ">f4")])
@pytest.mark.parametrize("padding", [0, 3])
def test_big_endian_pixels_become_native(encoding: str, sent: str, padding: int) -> None:
    pixels = picture(encoding)
    message = encode(pixels, encoding, HEADER)
    message.is_bigendian, message.data = 1, pixels.astype(sent).reshape(-1).view(np.uint8)
    image = decode(padded(message, padding))
    assert image.pixels.dtype == pixels.dtype
    assert image.pixels.dtype.isnative
    np.testing.assert_array_equal(image.pixels, pixels)


def test_byte_order_means_nothing_to_bytes() -> None:
    message = encode(picture("bgr8"), "bgr8", HEADER)
    message.is_bigendian = 1
    np.testing.assert_array_equal(decode(message).pixels, picture("bgr8"))


@pytest.mark.parametrize("padding", [0, 1])
def test_pixels_that_lie_unaligned_are_usable(padding: int) -> None:
    message = padded(encode(picture("32FC1"), "32FC1", HEADER), padding)
    message.data = np.frombuffer(b"." + message.data.tobytes(), np.uint8)[1:]
    image = decode(message)
    assert image.pixels.flags.aligned
    np.testing.assert_array_equal(image.pixels, picture("32FC1"))
    assert cv2.resize(image.pixels, (4, 3)).shape == (3, 4)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_data_may_be_any_bytes(kind: Any) -> None:
    message = encode(picture("rgb8"), "rgb8", HEADER)
    message.data = kind(message.data.tobytes())
    np.testing.assert_array_equal(decode(message).pixels, picture("rgb8"))


def test_pixels_are_read_only_and_the_senders_array_is_not() -> None:
    pixels = picture("bgr8")
    image = CameraImage(HEADER, "bgr8", pixels)
    for given in (image.pixels, image.to("bgr8"), image.to("rgb8"), decode(encode(pixels, "bgr8", HEADER)).pixels):
        with pytest.raises(ValueError, match="read-only"):
            given[0, 0] = 0
    pixels[0, 0] = 0


# What a message can get wrong, and what its error says.
FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("no width", {"width": 0}, "0x6"),
    ("no height", {"height": 0}, "8x0"),
    ("nothing at all", {"width": 0, "height": 0, "step": 0, "data": np.zeros(0, np.uint8)}, "no pixels"),
    ("step too small", {"step": 23}, "step 23: a row takes 24"),
    ("step zero", {"step": 0}, "step 0: a row takes 24"),
    ("step too large", {"step": 25}, "150 bytes of data are wanted, not 144"),
    ("one byte short", {"data": np.zeros(143, np.uint8)}, "144 bytes of data are wanted, not 143"),
    ("one byte more", {"data": np.zeros(145, np.uint8)}, "144 bytes of data are wanted, not 145"),
    ("no data", {"data": np.zeros(0, np.uint8)}, "not 0"),
    ("unknown encoding", {"encoding": "brg8"}, "'brg8' is not known to convoy; the nearest it knows: .*bgr8"),
    ("no encoding", {"encoding": ""}, "'' is not known"),
    ("another encoding", {"encoding": "bgra8"}, "a row takes 32"),
    (
        "claims to be huge",
        {"width": 0xFFFFFFFF, "height": 0xFFFFFFFF, "step": 0xFFFFFFFF},
        f"more than the {MAX_BYTES}",
    ),
    (
        "just too large",
        {"width": 16385, "height": 16384, "encoding": "mono8", "step": 16385},
        f"more than the {MAX_BYTES}",
    ),
    ("odd width of yuv", {"width": 7, "encoding": "yuyv"}, "7x6 cannot be yuyv"),
    ("odd width of nv12", {"width": 7, "encoding": "nv12"}, "7x6 cannot be nv12"),
    ("odd height of nv12", {"height": 5, "encoding": "nv12"}, "8x5 cannot be nv12"),
    (
        "nv12 without chroma",
        {"encoding": "nv12", "step": 8, "data": np.zeros(48, np.uint8)},
        "72 bytes of data are wanted",
    ),
    ("data of floats", {"data": np.zeros(144)}, "data is float64"),
    ("data of text", {"data": "pixels"}, "data is a str"),
    ("data missing", {"data": None}, "data is a NoneType"),
]


@pytest.mark.parametrize(("fields", "says"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_faulty_image_is_refused_by_name(fields: dict[str, Any], says: str) -> None:
    message = encode(picture("bgr8"), "bgr8", HEADER)
    for name, value in fields.items():
        setattr(message, name, value)
    with pytest.raises(ImageError, match=says):
        decode(message)


def test_damaged_messages_never_decode_to_another_size_and_never_crash() -> None:
    rng = np.random.default_rng(9)
    whole = np.frombuffer(serialize(encode(picture("nv12"), "nv12", HEADER)), np.uint8)
    refused = 0
    for _ in range(2000):
        data = whole.copy()
        data[rng.integers(data.size - 72, size=2)] = rng.integers(0, 256, 2)
        try:
            message = deserialize(data.tobytes(), Image.__msgtype__)
            image = decode(message)
        except InterfaceError:
            refused += 1
        else:
            assert (image.width, image.height) == (message.width, message.height)
    assert refused > 1000


def test_other_messages_are_no_pictures() -> None:
    with pytest.raises(ImageError, match="std_msgs/msg/String is no picture"):
        decode(make(String))


@pytest.mark.parametrize(
    ("pixels", "encoding", "says"),
    [
        (
            np.zeros((6, 8), np.uint8),
            "bgr8",
            r"bgr8 pixels are uint8 of shape \(6, 8, 3\), not uint8 of shape \(6, 8\)",
        ),
        (np.zeros((6, 8, 4), np.uint8), "rgb8", "not uint8 of shape"),
        (np.zeros((6, 8, 3), np.float32), "rgb8", "not float32"),
        (np.zeros((6, 8), np.uint8), "mono16", "mono16 pixels are uint16"),
        (np.zeros((6, 8), ">u2"), "16UC1", "not >u2"),
        (np.zeros((6, 8), np.float64), "32FC1", "not float64"),
        (np.zeros((6, 8, 1), np.uint8), "mono8", "not uint8 of shape"),
        (np.zeros((10, 8), np.uint8), "nv12", r"of shape \(9, 8\), not uint8 of shape \(10, 8\)"),
        (np.zeros((6, 7, 2), np.uint8), "yuyv", "7x6 cannot be yuyv"),
        (np.zeros((0, 8), np.uint8), "mono8", "no pixels"),
        (np.zeros(48, np.uint8), "mono8", "no picture"),
        (np.zeros((6, 8), np.uint8), "mono", "the nearest it knows: mono"),
        (np.broadcast_to(np.uint8(0), (16385, 16384)), "mono8", "more than"),
    ],
)
def test_pixels_that_are_not_of_their_encoding_are_refused(pixels: np.ndarray, encoding: str, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        encode(pixels, encoding, HEADER)
    with pytest.raises(ImageError, match=says):
        CameraImage(HEADER, encoding, pixels)


def one_colour(encoding: str, rgb: tuple[int, int, int]) -> np.ndarray:
    """An 8x6 picture of one colour in any encoding that has colour."""
    full = np.full((6, 8, 3), rgb, np.uint8)
    if encoding.startswith("bayer"):
        return mosaic(full, encoding[6:10])
    if encoding in ("bgr8", "8UC3"):
        return full[..., ::-1].copy()
    if encoding in ("rgba8", "bgra8"):
        alpha = np.full((6, 8, 1), 77, np.uint8)
        return np.concatenate([full if encoding == "rgba8" else full[..., ::-1], alpha], axis=2)
    if encoding == "rgb8":
        return full
    # BT.601 with the studio's range (ITU-R BT.601-7, table 3).
    red, green, blue = (value / 255 for value in rgb)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    y, u, v = 16 + 219 * luma, 128 + 112 * (blue - luma) / 0.886, 128 + 112 * (red - luma) / 0.701
    if encoding == "nv12":
        return np.concatenate([np.full((6, 8), round(y)), np.full((3, 8), [round(u), round(v)] * 4)]).astype(np.uint8)
    return np.tile(np.array([[y, u], [y, v]]).round().astype(np.uint8), (6, 4, 1))


COLOURED = [name for name in PIXELS if name not in ("mono8", "mono16", "8UC1", "16UC1", "32FC1")]


@pytest.mark.parametrize("encoding", COLOURED)
@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("rgb", [RED, GREEN, BLUE, (0, 0, 0), (255, 255, 255)], ids=str)
def test_colours_come_out_as_they_went_in(encoding: str, padding: int, rgb: tuple[int, int, int]) -> None:
    image = decode(padded(encode(one_colour(encoding, rgb), encoding, HEADER), padding))
    grey = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
    tolerance = 2 if encoding in ("yuyv", "yuv422_yuy2", "nv12") else 1
    for wanted, expected in (("rgb8", rgb), ("bgr8", rgb[::-1]), ("mono8", grey)):
        found = image.to(wanted)
        assert found.shape == ((6, 8) if wanted == "mono8" else (6, 8, 3))
        assert found.dtype == np.uint8
        assert found.flags.c_contiguous
        assert np.abs(found - np.asarray(expected, float)).max() <= tolerance


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_bayer_mosaic_keeps_its_colours_in_place(pattern: str) -> None:
    rgb = np.empty((16, 24, 3), np.uint8)
    rgb[:, :8], rgb[:, 8:16], rgb[:, 16:] = RED, GREEN, BLUE
    found = CameraImage(HEADER, f"bayer_{pattern}8", mosaic(rgb, pattern)).to("rgb8")
    for first in (0, 8, 16):  # the pixels beside an edge mix both its colours
        inner = slice(first + 2, first + 6)
        np.testing.assert_array_equal(found[:, inner], rgb[:, inner])


@pytest.mark.parametrize(("width", "height"), [(2, 2), (1, 8), (8, 2)])
def test_a_mosaic_too_small_for_colour_is_refused_and_not_black(width: int, height: int) -> None:
    image = CameraImage(HEADER, "bayer_rggb8", np.full((height, width), 100, np.uint8))
    with pytest.raises(ImageError, match="too small"):
        image.to("rgb8")


@pytest.mark.parametrize("encoding", ["mono8", "8UC1", "mono16"])
def test_grey_stays_grey(encoding: str) -> None:
    values = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    pixels = values if encoding != "mono16" else values.astype(np.uint16) * 256 + 255
    image = CameraImage(HEADER, encoding, pixels)
    np.testing.assert_array_equal(image.to("mono8"), values)
    for wanted in ("rgb8", "bgr8"):
        np.testing.assert_array_equal(image.to(wanted), np.repeat(values[..., None], 3, axis=2))


@pytest.mark.parametrize(
    ("encoding", "wanted"), [("rgb8", "rgb8"), ("bgr8", "bgr8"), ("8UC3", "bgr8"), ("8UC1", "mono8")]
)
def test_nothing_is_copied_where_the_pixels_are_as_wanted(encoding: str, wanted: str) -> None:
    message = encode(picture(encoding), encoding, HEADER)
    assert np.shares_memory(decode(message).to(wanted), message.data)
    rows = decode(padded(message, 4)).to(wanted)
    assert rows.flags.c_contiguous
    np.testing.assert_array_equal(rows, picture(encoding))


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_depth_is_not_taken_for_brightness(encoding: str) -> None:
    with pytest.raises(ImageError, match=f"{encoding} is no brightness"):
        CameraImage(HEADER, encoding, picture(encoding)).to("mono8")


def test_only_the_three_display_encodings_are_given() -> None:
    with pytest.raises(ImageError, match="rgb8, bgr8 or mono8, not as rgba8"):
        CameraImage(HEADER, "rgba8", picture("rgba8")).to("rgba8")
