"""Bags of simulated drives, with all that the sensors see and all that is true."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convoy.bags import BagWriter
from convoy.graph import NodeName
from convoy.hosts.in_process import InProcess, Published
from convoy.interfaces.messages import NANOSECONDS

SLICE_NS = NANOSECONDS // 2
"""Progress is told as often, in simulated time."""
_BY_EXPERT = {"drive": "expert/drive"}


@dataclass(frozen=True)
class BagDrive:
    """A drive by the expert, and what is recorded of it.

    Attributes:
        town, drive, weather, cars, people: as the simulator's parameters.
        seconds: of the world's time.
        width, height: pixels. fov: degrees. stereo: metres to the right camera; 0.0 for none.
        transport: of pictures: png, jpeg or raw.
    """

    town: int
    drive: int = 0
    weather: str = "clear"
    cars: int = 15
    people: int = 20
    seconds: float = 60.0
    width: int = 480
    height: int = 360
    fov: float = 70.0
    stereo: float = 0.0
    transport: str = "jpeg"

    def parameters(self) -> dict[str, Any]:
        """The simulator's."""
        said = {name: getattr(self, name) for name in ("town", "drive", "weather", "cars", "people", "width", "height")}
        said |= {"horizontal_fov": math.radians(self.fov), "baseline": self.stereo, "transport": self.transport}
        return said | {"depth": True, "masks": True, "detections": True, "clock": True}


def record_bag(plan: BagDrive, path: Path, progress: Callable[[float], None] = lambda seconds: None) -> int:
    """Write a bag of a drive; returns how many messages it has. The same drive gives the same bytes.

    Raises:
        BagError: something is there already, or the bag can't be written.
        ComponentError, ParameterError: it can't be simulated so.
    """
    from convoy_sim.simulator import Simulator

    node = NodeName("simulator", remappings=_BY_EXPERT)
    simulator = Simulator("simulator", plan.parameters())
    with BagWriter(path) as writer:
        added = set()

        def write(published: Published) -> None:
            if published.topic not in added:
                added.add(published.topic)
                qos = next(port.qos for port in simulator.outputs.values() if node.topic(port.topic) == published.topic)
                writer.add_topic(published.topic, published.type_name, qos)
            writer.write(published.topic, published.time_ns, published.data)

        executor = InProcess(write)
        executor.add(simulator, node)
        executor.start(0)
        try:
            end = round(plan.seconds * NANOSECONDS)
            for now in range(0, end + SLICE_NS, SLICE_NS):
                executor.run_until(min(now, end))
                progress(min(now, end) / NANOSECONDS)
        finally:
            executor.stop()
        return writer.message_count
