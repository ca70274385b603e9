from __future__ import annotations

import struct
import tracemalloc
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag2 import Reader

from convoy.interfaces.cdr import deserialize, serialize
from convoy.interfaces.messages import (
    AckermannDrive,
    AckermannDriveStamped,
    CameraInfo,
    CompressedImage,
    DiagnosticArray,
    DiagnosticStatus,
    Header,
    Image,
    InterfaceError,
    KeyValue,
    String,
    make,
    message_class,
    store,
    time,
    type_name,
)

HEADER = make(Header, stamp=time(1_700_000_000_123_456_789), frame_id="camera_optical_frame")


def _detections() -> Any:
    hypothesis = make(message_class("vision_msgs/msg/ObjectHypothesisWithPose"))
    hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = "Zebrastreifen ü", 0.75
    detection = make(message_class("vision_msgs/msg/Detection2D"), header=HEADER, results=[hypothesis], id="7")
    return make(message_class("vision_msgs/msg/Detection2DArray"), header=HEADER, detections=[detection, detection])


MESSAGES = {
    type_name(message): message
    for message in (
        make(AckermannDriveStamped, header=HEADER, drive=make(AckermannDrive, steering_angle=-0.25, speed=1.5)),
        make(CameraInfo, header=HEADER, height=480, width=640, distortion_model="plumb_bob", d=np.arange(5.0)),
        make(CompressedImage, header=HEADER, format="jpeg", data=np.arange(99, dtype=np.uint8)),
        make(
            DiagnosticArray,
            header=HEADER,
            status=[make(DiagnosticStatus, name="camera", values=[make(KeyValue, key="rate", value="20 Hz")])] * 2,
        ),
        make(Image, header=HEADER, height=3, width=5, encoding="bgr8", step=16, data=np.arange(48, dtype=np.uint8)),
        make(String, data="hello"),
        _detections(),
    )
}


@pytest.mark.parametrize("name", sorted(store.types))
def test_every_type_round_trips(name: str) -> None:
    data = serialize(make(message_class(name)))
    assert serialize(deserialize(data, name)) == data


@pytest.mark.parametrize("name", MESSAGES)
def test_filled_messages_round_trip_and_match_the_general_codec(name: str) -> None:
    data = serialize(MESSAGES[name])
    assert data == store.serialize_cdr(MESSAGES[name], name, little_endian=True)
    assert serialize(deserialize(data, name)) == data


@pytest.mark.parametrize("frame_id", ["", "a", "ab", "abc", "abcd", "Kamera für vorn"])
@pytest.mark.parametrize("encoding", ["", "b", "rgb8", "mono8", "mono16", "yuv422_yuy2"])
def test_images_are_written_as_by_the_general_codec(frame_id: str, encoding: str) -> None:
    header = make(Header, stamp=time(-5), frame_id=frame_id)
    data = np.arange(7, dtype=np.uint8)
    image = make(Image, header=header, height=1, width=7, encoding=encoding, is_bigendian=1, step=7, data=data)
    assert serialize(image) == store.serialize_cdr(image, type_name(Image), little_endian=True)


@pytest.mark.parametrize("name", MESSAGES)
def test_big_endian_bytes_read_the_same(name: str) -> None:
    data = store.serialize_cdr(MESSAGES[name], name, little_endian=False)
    assert serialize(deserialize(data, name)) == serialize(MESSAGES[name])


def test_arrays_are_views_of_the_bytes() -> None:
    data = bytearray(serialize(MESSAGES["sensor_msgs/msg/Image"]))
    image = deserialize(data, "sensor_msgs/msg/Image")
    assert np.shares_memory(image.data, np.frombuffer(data, np.uint8))


@pytest.mark.parametrize("bag", ["kitchen", "rc_track"])
def test_bytes_of_a_genuine_jazzy_are_reproduced(shared: Path, bag: str) -> None:
    with Reader(shared / "bags" / bag) as reader:
        for connection, _, data in islice(reader.messages(), 20):
            written = serialize(deserialize(data, connection.msgtype))
            assert data[: len(written)] == written, connection.topic
            assert data[len(written) :] == bytes(-len(written) % 4)  # Jazzy fills the last four bytes up


@pytest.mark.parametrize("name", MESSAGES)
def test_truncated_bytes_are_refused_wherever_they_end(name: str) -> None:
    data = bytes(serialize(MESSAGES[name]))
    for end in range(len(data)):
        with pytest.raises(InterfaceError, match=name):
            deserialize(data[:end], name)


@pytest.mark.parametrize("name", MESSAGES)
def test_damaged_and_random_bytes_give_named_errors_and_take_no_memory(name: str) -> None:
    rng = np.random.default_rng(20240607)
    whole = np.frombuffer(serialize(MESSAGES[name]), np.uint8)
    refused = 0
    tracemalloc.start()
    try:
        for attempt in range(1500):
            data = whole.copy()
            if attempt % 3 == 0:
                data[rng.integers(data.size)] ^= 1 << rng.integers(8)
            elif attempt % 3 == 1:
                data[rng.integers(data.size, size=4)] = rng.choice([0, 127, 255], size=4)
            else:
                data = rng.integers(0, 256, rng.integers(1, 200), dtype=np.uint8)
                data[: min(data.size, 4)] = [0, 1, 0, 0][: data.size]
            try:
                deserialize(data.tobytes(), name)
            except InterfaceError:
                refused += 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refused > 300
    assert peak < 2_000_000


def test_a_length_beyond_the_bytes_is_refused_before_memory_is_taken() -> None:
    head = b"\0\1\0\0" + struct.pack("<iII", 0, 0, 1) + b"\0\0\0\0" + struct.pack("<I", 1) + b"\0\0\0\0"
    with pytest.raises(InterfaceError, match="length 4294967295"):
        deserialize(head + struct.pack("<I", 0xFFFFFFFF) + b"\0" * 100, "sensor_msgs/msg/CompressedImage")


@pytest.mark.parametrize("start", [b"", b"\0", b"\0\1\0", b"\0\7\0\0" + bytes(100), b"\xff" * 100])
def test_other_encapsulations_are_refused(start: bytes) -> None:
    with pytest.raises(InterfaceError, match="std_msgs/msg/String"):
        deserialize(start, "std_msgs/msg/String")


def test_unknown_type_is_refused() -> None:
    with pytest.raises(InterfaceError, match="no_msgs/msg/Nothing"):
        deserialize(b"\0\1\0\0", "no_msgs/msg/Nothing")


@pytest.mark.parametrize(
    "fields",
    [
        {"header": None},
        {"height": -1},
        {"width": 1 << 32},
        {"step": 1.5},
        {"encoding": 8},
        {"is_bigendian": 256},
        {"data": None},
        {"data": np.zeros(4)},
        {"data": np.zeros((2, 2), np.uint8)},
    ],
    ids=str,
)
def test_an_image_that_cannot_be_written_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InterfaceError, match="sensor_msgs/msg/Image cannot be written"):
        serialize(make(Image, **fields))


@pytest.mark.parametrize("speed", ["fast", None, [1.0]])
def test_a_message_that_cannot_be_written_is_refused(speed: object) -> None:
    with pytest.raises(InterfaceError, match="ackermann_msgs/msg/AckermannDrive cannot be written"):
        serialize(make(AckermannDrive, speed=speed))
