"""What becomes of a drive in the simulator, gathered from the messages alone: in process, or from a bag."""

from __future__ import annotations

import math
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convoy.driving.supervisor import BRAKED, STATUS
from convoy.graph import Input, Level, NodeName, Output
from convoy.interfaces import cdr
from convoy.interfaces.images import decode
from convoy.interfaces.messages import NANOSECONDS, nanoseconds, type_name
from convoy_sim.metrics import Metrics
from convoy_sim.simulator import Simulator
from convoy_sim.world import STEP_S

DIAGNOSTICS = "/diagnostics"
FILM_FRAMES = 12
SETTLED_AFTER_NS = NANOSECONDS
"""A step is complete when the stamps have moved on by this much."""


@dataclass(frozen=True)
class Incident:
    """Something that went wrong, see `convoy_sim.world.Event`: when in the drive, what, and where in the map."""

    time_s: float
    kind: str
    what: str
    x: float
    y: float
    intervention: bool


@dataclass
class Step:
    """One step of the world. SI units, angles in rad, left positive; NaN where nothing is known.

    Attributes:
        stamp_ns: of all sensors.
        instruction: what the route said.
        steered, commanded_speed: the command for this instant's sensors that reached the car.
        expert, expert_speed: what the expert would have commanded.
        image: type and bytes of the camera's message, while it may still be wanted.
        overlay: bytes of the image in which is drawn what was seen, likewise.
        events: kind and status of what went wrong.
    """

    stamp_ns: int
    x: float = math.nan
    y: float = math.nan
    lateral: float = math.nan
    speed: float = math.nan
    instruction: str = ""
    steered: float = math.nan
    commanded_speed: float = math.nan
    expert: float = math.nan
    expert_speed: float = math.nan
    image: tuple[str, bytes] | None = None
    overlay: bytes | None = None
    events: list[tuple[str, Any]] = field(default_factory=list)

    def picture(self) -> np.ndarray | None:
        """The camera's image, BGR."""
        return None if self.image is None else decode(cdr.deserialize(self.image[1], self.image[0])).to("bgr8")


class DriveLog:
    """Keeps account of a drive, message by message, in the order in which they were published.

    Attributes:
        steps, film, incidents, metrics: what became of it.
        shield_stops: how often a supervisor braked for what was ahead.

    Args:
        simulator: where the simulator stands in the graph.
        steps: how many are wanted; what follows them is passed over, and the film is spread over them.
        overlays: topics of pictures in which a component has drawn what it sees.
        on_step: is told of each step when all of it is known, its image included.
    """

    def __init__(
        self,
        simulator: NodeName,
        steps: int,
        on_step: Callable[[Step], None] = lambda step: None,
        overlays: Set[str] = frozenset(),
    ) -> None:
        ports: dict[str, Input | Output] = {**Simulator.inputs, **Simulator.outputs}

        def topic(port: str) -> str:
            return simulator.topic(ports[port].topic)

        self.images = {topic("image"), topic("image_compressed")}
        self.drive = topic("drive")
        self.overlays = overlays
        self._handlers: dict[str, Callable[[Step, Any], None]] = {
            topic("route_pose"): self._on_route_pose,
            topic("true_pose"): self._on_true_pose,
            topic("odom"): self._on_odometry,
            topic("expert"): self._on_expert,
            self.drive: self._on_drive,
            topic("events"): self._on_events,
        }
        self._route = topic("route")
        self.types = {topic(name): type_name(port.message) for name, port in ports.items()}
        """Of all topics of the simulator, the one by which it is driven included."""
        self._wanted = steps
        self._film = {round(k) for k in np.linspace(0, max(steps - 1, 0), FILM_FRAMES)}
        self._on_step = on_step
        self._open: dict[int, Step] = {}
        self._instruction = ""
        self.steps: list[Step] = []
        self.film: list[Step] = []
        self.incidents: list[Incident] = []
        self.shield_stops = 0
        self.metrics = Metrics()

    def add(self, topic: str, type_: str, data: cdr.Bytes) -> None:
        """Take a message in; those that do not matter are passed over."""
        if topic == self._route:
            self._instruction = cdr.deserialize(data, type_).data
        elif topic in self.images:
            self._step(cdr.header_stamp(data, type_) or 0).image = (type_, bytes(data))
        elif topic in self.overlays:
            self._step(cdr.header_stamp(data, type_) or 0).overlay = bytes(data)
        elif topic == DIAGNOSTICS:
            self._on_diagnostics(cdr.deserialize(data, type_))
        elif topic in self._handlers:
            message = cdr.deserialize(data, type_)
            self._handlers[topic](self._step(nanoseconds(message.header.stamp)), message)

    def finish(self) -> None:
        """Close the last steps; nothing follows."""
        for stamp in sorted(self._open):
            self._close(self._open.pop(stamp))

    def as_dict(self) -> dict[str, Any]:
        """The figures of the drive: `convoy_sim.metrics.Metrics`, and how it was steered."""
        steered, expert = self.column("steered"), self.column("expert")
        both = np.isfinite(steered) & np.isfinite(expert)
        turns = np.abs(np.diff(steered))
        turns = turns[np.isfinite(turns)]
        return self.metrics.as_dict() | {
            "shield_stops": self.shield_stops,
            "steps": len(self.steps),
            "steps_without_command": int((~np.isfinite(steered)).sum()),
            "steering_mae_rad": float(np.abs(steered - expert)[both].mean()) if both.any() else None,
            "steering_rate_rad_s": float(turns.mean() / STEP_S) if turns.size else None,
        }

    def column(self, name: str) -> np.ndarray:
        """One number of every step."""
        return np.array([getattr(step, name) for step in self.steps], np.float64)

    def seconds(self) -> np.ndarray:
        """When each step ended, in the drive's time."""
        return (np.arange(len(self.steps)) + 1) * STEP_S

    # What arrives; of one instant in any order, since a network keeps none between topics.

    def _on_route_pose(self, step: Step, message: Any) -> None:
        step.lateral, step.instruction = message.pose.position.y, self._instruction

    def _on_true_pose(self, step: Step, message: Any) -> None:
        step.x, step.y = message.pose.position.x, message.pose.position.y

    def _on_odometry(self, step: Step, message: Any) -> None:
        step.speed = message.twist.twist.linear.x

    def _on_expert(self, step: Step, message: Any) -> None:
        step.expert, step.expert_speed = message.drive.steering_angle, message.drive.speed

    def _on_drive(self, step: Step, message: Any) -> None:
        step.steered, step.commanded_speed = message.drive.steering_angle, message.drive.speed

    def _on_events(self, step: Step, message: Any) -> None:
        step.events += [(status.name.rpartition(": ")[2], status) for status in message.status]

    def _on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            if status.name.endswith(f": {STATUS}"):
                counts = {value.key: value.value for value in status.values}
                self.shield_stops = max(self.shield_stops, int(counts.get(BRAKED, 0)))

    def _step(self, stamp: int) -> Step:
        if stamp not in self._open:
            self._open[stamp] = Step(stamp)
            for old in sorted(old for old in self._open if stamp - old > SETTLED_AFTER_NS):
                self._close(self._open.pop(old))
        return self._open[stamp]

    def _close(self, step: Step) -> None:
        if math.isnan(step.lateral) or len(self.steps) >= self._wanted:
            return  # the world still waited, or it is the stamp of a supervisor's stop; or the drive is over
        number = len(self.steps)
        self.steps.append(step)
        seconds = self.metrics.elapsed_s = len(self.steps) * STEP_S
        self.metrics.metres += abs(step.speed) * STEP_S if math.isfinite(step.speed) else 0.0
        self.metrics.lateral_sum += abs(step.lateral) * STEP_S
        for kind, status in step.events:
            self.metrics.events[kind] += 1
            bad = status.level == Level.ERROR
            self.incidents.append(Incident(seconds, kind, status.message, step.x, step.y, bad))
        self._on_step(step)
        if number in self._film and step.image is not None:
            self.film.append(step)
        else:
            step.image = step.overlay = None
