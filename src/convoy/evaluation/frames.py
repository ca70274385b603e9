"""What became of each image of a replay: its results, the human's command, and where the time went."""

from __future__ import annotations

import json
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from convoy.evaluation.plain import plain
from convoy.interfaces.messages import AckermannDriveStamped

SETTLED_AFTER_NS = 2_000_000_000
"""A frame's line is written when the bag has moved on by this much."""
MATCH_WITHIN_NS = 100_000_000
"""A recorded command belongs to the frame of the nearest stamp, at most this far away."""


@dataclass
class Frame:
    """One image of the bag. Stamps are nanoseconds since the epoch, angles rad, left positive."""

    number: int
    topic: str
    stamp_ns: int
    time_ns: int
    results: dict[str, Any] = field(default_factory=dict)
    """By topic, the message of the graph that carries this image's stamp."""
    stages_ns: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    latency_ns: dict[str, int] = field(default_factory=dict)
    """By topic, from the image's arrival to the result's, where latency is simulated."""


@dataclass
class Series:
    """The steering of one topic over a replay, one entry per frame that has a result."""

    stamps_ns: list[int] = field(default_factory=list)
    steered: list[float] = field(default_factory=list)
    human: list[float] = field(default_factory=list)
    """NaN where nothing was recorded near the frame."""


class FrameLog:
    """Gathers the frames of a replay and writes them out, in order, as soon as they are settled.

    ``frames.jsonl`` gets results only, ``timings.jsonl`` the times; memory does not grow with the frames' contents.
    """

    def __init__(self, folder: Path) -> None:
        self.frames = 0
        self.steering: dict[str, Series] = defaultdict(Series)
        self.stages_ns: dict[str, list[int]] = defaultdict(list)
        self.latencies_ns: dict[str, list[int]] = defaultdict(list)
        self._open: OrderedDict[int, Frame] = OrderedDict()
        self._recorded: dict[str, deque[tuple[int, Any]]] = defaultdict(deque)
        self._results_file = (folder / "frames.jsonl").open("w")
        self._timings_file = (folder / "timings.jsonl").open("w")

    def __enter__(self) -> FrameLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._settle(None)
        self._results_file.close()
        self._timings_file.close()

    def image(self, topic: str, stamp_ns: int, time_ns: int) -> Frame:
        """Open the frame of an image that the graph is given now; images of one stamp share it, as of a stereo pair."""
        self._settle(time_ns - SETTLED_AFTER_NS)
        if stamp_ns in self._open:
            return self._open[stamp_ns]
        frame = Frame(self.frames, topic, stamp_ns, time_ns)
        self._open[stamp_ns] = frame
        self.frames += 1
        return frame

    def result(self, topic: str, stamp_ns: int, message: Any, time_ns: int) -> None:
        """Note a message of the graph; it belongs to the frame whose stamp it carries, if any."""
        frame = self._open.get(stamp_ns)
        if frame is not None:
            frame.results[topic] = message
            frame.latency_ns[topic] = time_ns - frame.time_ns

    def recorded(self, topic: str, stamp_ns: int, message: Any) -> None:
        """Note a message that the bag holds on a topic which the graph publishes itself."""
        self._recorded[topic].append((stamp_ns, message))

    def _settle(self, before_ns: int | None) -> None:
        while self._open:
            frame = next(iter(self._open.values()))
            if before_ns is not None and frame.time_ns >= before_ns:
                return
            del self._open[frame.stamp_ns]
            self._write(frame)

    def _write(self, frame: Frame) -> None:
        human = {topic: message for topic in self._recorded if (message := self._nearest(topic, frame.stamp_ns))}
        for topic, message in frame.results.items():
            if isinstance(message, AckermannDriveStamped):
                series = self.steering[topic]
                series.stamps_ns.append(frame.stamp_ns)
                series.steered.append(message.drive.steering_angle)
                # The human's command is compared with all that the graph steers, the policy's wish included.
                theirs = next((m for m in human.values() if isinstance(m, AckermannDriveStamped)), None)
                series.human.append(theirs.drive.steering_angle if theirs else float("nan"))
        line = {
            "frame": frame.number,
            "image": frame.topic,
            "stamp_ns": frame.stamp_ns,
            "results": {topic: plain(message) for topic, message in sorted(frame.results.items())},
            "recorded": {topic: plain(message) for topic, message in sorted(human.items())},
        }
        self._results_file.write(json.dumps(line) + "\n")
        times: dict[str, Any] = {"frame": frame.number}
        for stage, spent in frame.stages_ns.items():
            self.stages_ns[stage].append(spent)
            times[f"{stage}_ms"] = spent / 1e6
        for topic, latency in frame.latency_ns.items():
            self.latencies_ns[topic].append(latency)
            if latency:
                times.setdefault("latency_ms", {})[topic] = latency / 1e6
        self._timings_file.write(json.dumps(times) + "\n")

    def _nearest(self, topic: str, stamp_ns: int) -> Any:
        waiting = self._recorded[topic]
        while len(waiting) > 1 and abs(waiting[1][0] - stamp_ns) <= abs(waiting[0][0] - stamp_ns):
            waiting.popleft()
        if waiting and abs(waiting[0][0] - stamp_ns) <= MATCH_WITHIN_NS:
            return waiting[0][1]
        return None
