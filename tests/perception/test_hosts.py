"""A detector hosted live over DDS says, to the byte, what it says in the deterministic executor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from tests.hosts.dds.conftest import domain, eventually, participant
from tests.perception.painted import STAMP, picture, scene

from convoy.graph import DEFAULT, SENSOR_DATA, NodeName
from convoy.hosts.dds import DdsHost, Participant
from convoy.hosts.in_process import InProcess
from convoy.interfaces import cdr
from convoy.perception.detection import Detector

__all__ = ["domain", "eventually", "participant"]

DETECTIONS, IMAGE = "vision_msgs/msg/Detection2DArray", "sensor_msgs/msg/Image"
PATIENCE_S = 30.0
STEP_NS = 50_000_000


def images() -> list[tuple[int, memoryview]]:
    """The scene at different sizes, and nothing."""
    pixels = [scene(), scene(320, 240), scene(64, 48), scene() * 0]
    stamps = [STAMP + number * STEP_NS for number in range(len(pixels))]
    return [(at, cdr.serialize(picture(one, stamp=at))) for at, one in zip(stamps, pixels, strict=True)]


def in_process(parameters: dict[str, str]) -> list[bytes]:
    found: list[bytes] = []
    executor = InProcess(lambda sent: found.append(bytes(sent.data)) if sent.topic == "/detections" else None)
    executor.add(Detector("detector", parameters), NodeName("detector"))
    executor.start(STAMP)
    for at, data in images():
        executor.feed(at, "/image", IMAGE, data)
    executor.run_until(STAMP + 10 * STEP_NS)
    executor.stop()
    return found


def test_a_live_host_gives_the_same_bytes(
    model: Callable[[str], Path], participant: Participant, eventually: Callable[..., None]
) -> None:
    parameters = {"model": str(model("detection")), "device": "cpu"}
    expected = in_process(parameters)
    found: list[bytes] = []
    came = threading.Condition()

    def received(data: memoryview, _: int) -> None:
        with came:
            found.append(bytes(data))
            came.notify()

    component, node = Detector("detector", parameters), participant.node("listener")
    with DdsHost(participant) as host:
        host.add(component)
        host.start()
        node.subscription("/detections", DETECTIONS, DEFAULT, received)
        camera = node.publisher("/image", IMAGE, SENSOR_DATA)
        eventually(lambda: camera.matched() and component.detections.wanted)
        for number, (_, data) in enumerate(images()):
            camera.write(data)
            with came:
                assert came.wait_for(lambda: len(found) > number, PATIENCE_S)  # noqa: B023  (waited for at once)
    assert found == [data + bytes(-len(data) % 4) for data in expected], "padded as on the wire"
