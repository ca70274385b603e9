"""The golden stream and what every host must make of it: "a golden bag in, the same bytes out".

A bag of camera images, made from a seed, goes through the steering policy and the supervisor. The in-process executor
is the reference. Every other host, fed the same messages at 20 Hz, must give the same bytes on the same topics.

"The same bytes" means the results that carry the stamp of a frame: all that the policy says, and what the supervisor
passes on. What the supervisor says by itself, when nothing comes, has the stamp of its own clock, and /diagnostics
speak of that clock as well; both depend on when a live host starts and ends, and are left out. So that they alone do,
the supervisor of the golden graph does not compare stamps with its clock (max_latency 0: the stream's stamps are of
the past), and is more patient than any hiccup of the machine.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.bags import BagReader, BagWriter, Record
from convoy.components import component_class
from convoy.graph import SENSOR_DATA, Component, NodeName
from convoy.hosts.in_process import InProcess, Published
from convoy.inference import CARD_KEY, CameraInput, ModelCard, ModelOutput
from convoy.interfaces import cdr
from convoy.interfaces.images import compress, encode
from convoy.interfaces.messages import NANOSECONDS, Header, make, nanoseconds, time, type_name

RATE_HZ = 20
FRAMES = 40
START_NS = 1_700_000_000 * NANOSECONDS
CAMERA = "/camera/image_raw"
RESULTS = ("/policy/drive", "/drive")
DRIVE = "ackermann_msgs/msg/AckermannDriveStamped"


@dataclass(frozen=True)
class Node:
    """One component of the golden graph, as a host is told of it."""

    component: str
    parameters: dict[str, Any]
    remappings: dict[str, str]

    def make(self) -> tuple[Component, NodeName]:
        """Make the component for a host of this process."""
        return component_class(self.component)(self.component, self.parameters), NodeName(
            self.component, "/", self.remappings
        )

    def ros_arguments(self) -> list[str]:
        """Return the same as arguments of ``convoy run`` or ``ros2 run``."""
        parameters = [part for name, value in self.parameters.items() for part in ("-p", f"{name}:={value}")]
        remappings = [part for pair in self.remappings.items() for part in ("-r", ":=".join(pair))]
        return ["--ros-args", *parameters, *remappings]


def graph(model: Path) -> list[Node]:
    """Return the golden graph: image -> policy -> supervisor -> drive."""
    return [
        Node("steering_policy", {"model": str(model), "device": "cpu"}, {"image": CAMERA, "drive": RESULTS[0]}),
        Node(
            "supervisor",
            {"max_latency": 0.0, "stale_after": 10.0},
            {"image": CAMERA, "command": RESULTS[0], "drive": RESULTS[1]},
        ),
    ]


def write_bag(path: Path, *, compressed: bool) -> Path:
    """Write the golden stream: noise with a bright band that wanders, so that the policy turns beyond its limits."""
    topic, random = CAMERA + ("/compressed" if compressed else ""), np.random.default_rng(2)
    with BagWriter(path) as bag:
        for number in range(FRAMES):
            stamp = START_NS + number * NANOSECONDS // RATE_HZ
            pixels = random.integers(0, 60, (120, 160, 3), np.uint8)
            column = round(70 * (1 + np.sin(number / 5)))
            pixels[:, column : column + 20] += 190
            header = make(Header, stamp=time(stamp), frame_id="camera_optical")
            image = (compress if compressed else encode)(pixels, "rgb8", header)
            if not number:
                bag.add_topic(topic, type_name(image), SENSOR_DATA)
            bag.write(topic, stamp + 2_000_000, cdr.serialize(image))
    return path


def excerpt(path: Path, source: Path) -> Path:
    """Write a bag of the first images of a real one, under the golden topic."""
    with BagReader(source) as real, BagWriter(path) as bag:
        (topic,) = (topic for topic in real.topics.values() if topic.type.endswith("Image"))
        name = CAMERA + ("/compressed" if "Compressed" in topic.type else "")
        bag.add_topic(name, topic.type, SENSOR_DATA)
        for _, record in zip(range(FRAMES), real.messages([topic.name]), strict=False):
            bag.write(name, record.log_time_ns, record.data)
    return path


def write_model(path: Path) -> Path:
    """Write a genuine steering model without training: it turns to where it is brighter. Of black it makes 0 / 0."""
    onnx = pytest.importorskip("onnx", reason="makes an ONNX file with the package onnx (extra 'learn')")
    helper, types = onnx.helper, onnx.TensorProto
    width, height = 64, 48
    ramp = np.linspace(1.5, -1.5, width, dtype=np.float32)  # rad, from left to right
    constants = [
        helper.make_tensor("ramp", types.FLOAT, [width], ramp),
        helper.make_tensor("rows_and_channels", types.INT64, [2], [0, 2]),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=types.FLOAT),
        helper.make_node("ReduceSum", ["pixels", "rows_and_channels"], ["columns"], keepdims=0),
        helper.make_node("Mul", ["columns", "ramp"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted"], ["turn"], keepdims=0),
        helper.make_node("ReduceSum", ["columns"], ["brightness"], keepdims=0),
        helper.make_node("Div", ["turn", "brightness"], ["steering_angle"]),
    ]
    image = helper.make_tensor_value_info("image", types.UINT8, [height, width, 3])
    angle = helper.make_tensor_value_info("steering_angle", types.FLOAT, [])
    net = helper.make_graph(nodes, "brighter", [image], [angle], constants)
    model = helper.make_model(net, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    card = ModelCard(
        name="brighter",
        task="steering",
        description="Turns to where it is brighter.",
        input=CameraInput(width=width, height=height),
        outputs=(ModelOutput(name="steering_angle", unit="rad"),),
        licence="CC0-1.0",
        revision="0",
        command="none",
    )
    helper.set_model_props(model, {CARD_KEY: card.model_dump_json()})
    path.write_bytes(model.SerializeToString())
    return path


def frames(bag: Path) -> list[Record]:
    """Return the images of a bag."""
    with BagReader(bag) as reader:
        return list(reader.messages())


def reference(bag: Path, nodes: Iterable[Node], only: Container[int] | None = None) -> list[tuple[str, bytes]]:
    """Return what the in-process executor makes of a bag: all that is published, by topic and bytes.

    Args:
        only: stamps of the frames that are fed, in nanoseconds; all where it is not given.
    """
    published: list[Published] = []
    executor = InProcess(published.append)
    for node in nodes:
        executor.add(*node.make())
    images = frames(bag)
    executor.start(images[0].log_time_ns)
    for image in images:
        if only is None or cdr.header_stamp(image.data, image.type) in only:
            executor.feed(image.log_time_ns, image.topic, image.type, image.data)
    executor.run_until(images[-1].log_time_ns)
    executor.stop()
    return [(item.topic, bytes(item.data)) for item in published]


def results(published: Iterable[tuple[str, bytes]], bag: Path) -> dict[str, list[bytes]]:
    """Return, by topic, the results that carry the stamp of a frame, in the order in which they came."""
    of_frames = {cdr.header_stamp(image.data, image.type) for image in frames(bag)}
    found: dict[str, list[bytes]] = {topic: [] for topic in RESULTS}
    for topic, data in published:
        if topic in found and cdr.header_stamp(data, DRIVE) in of_frames:
            found[topic].append(data)
    return found


def missing(found: dict[str, list[bytes]], bag: Path, nodes: Iterable[Node]) -> int:
    """Hold the results of a live host against the reference, byte by byte; return how many are missing.

    A frame that the policy did not get is not fed to the reference either. A command that was lost after it changes
    what the supervisor makes of the next ones: then the results of the policy alone are compared.
    """
    policy, drive = (found[topic] for topic in RESULTS)
    wanted = results(reference(bag, nodes, only=stamps(policy)), bag)
    assert policy == wanted[RESULTS[0]], "the policy says something else than in process"
    assert len(drive) != len(policy) or found == wanted, "the supervisor says something else than in process"
    return 2 * FRAMES - len(policy) - len(drive)


def stamps(results_: Iterable[bytes]) -> list[int]:
    """Return the stamp of each result, in nanoseconds."""
    return [nanoseconds(cdr.deserialize(data, DRIVE).header.stamp) for data in results_]


def drives(results_: Iterable[bytes]) -> list[tuple[float, float]]:
    """Return angle and speed of each result."""
    messages = [cdr.deserialize(data, DRIVE) for data in results_]
    return [(message.drive.steering_angle, message.drive.speed) for message in messages]
