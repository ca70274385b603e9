"""Drives a launch file's graph through a simulated town in lock-step: fast, and always the same."""

from __future__ import annotations

import heapq
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import takewhile
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from convoy import tracing
from convoy.bags import BagReader, BagWriter
from convoy.errors import ConvoyError
from convoy.evaluation.drive_film import DriveFilm
from convoy.evaluation.drive_log import DriveLog
from convoy.evaluation.replay import POINT_CLOUD, add_outputs, overlays, percentiles
from convoy.evaluation.truth import TruthLog
from convoy.graph import Component, NodeName
from convoy.hosts.in_process import InProcess, Published
from convoy.inference import ModelCard
from convoy.interfaces import cdr
from convoy.interfaces.messages import NANOSECONDS, HandSkeleton, nanoseconds, type_name
from convoy.interfaces.messages import time as stamp
from convoy.launch import Node, build, convoy_nodes, load
from convoy_sim.world import STEP_S

SLICE_NS = NANOSECONDS // 2
"""Progress is told as often, in simulated time."""
EXPERT = "expert"
HANDS = "/hands"

Progress = Callable[[DriveLog], None]


class DriveError(ConvoyError):
    """A drive that can't be made as asked."""


@dataclass(frozen=True)
class Drive:
    """What is to be driven.

    Attributes:
        launch: a launch file that starts a simulator and what drives it.
        arguments: of the launch file.
        seconds: of the world's time.
        hands: a bag of skeletons of hands, which the car sees from the start.
    """

    launch: Path
    arguments: Mapping[str, str]
    seconds: float = 60.0
    hands: Path | None = None

    def nodes(self) -> Sequence[Node]:
        """What the launch file starts.

        Raises:
            LaunchError: the launch file can't be used.
        """
        return convoy_nodes(load(self.launch, self.arguments))

    def simulator(self) -> Node:
        """The simulator among them.

        Raises:
            DriveError: there is none.
        """
        for node in self.nodes():
            if node.executable == "simulator":
                return node
        raise DriveError(f"{self.launch} starts no simulator; wanted one that does, such as launch/drive.launch.yaml.")

    def models(self) -> dict[str, ModelCard]:
        """The cards of the models that drive, by node."""
        return {n.name.full: ModelCard.read(n.parameters["model"]) for n in self.nodes() if "model" in n.parameters}

    def log(self, film: DriveFilm | None = None) -> DriveLog:
        """An empty log of it."""
        on_step = film.add if film else lambda step: None
        return DriveLog(self.simulator().name, self.steps, on_step, overlays(self.graph()))

    def graph(self) -> list[tuple[Component, NodeName]]:
        """The components that it takes, made anew."""
        return build(load(self.launch, self.arguments))

    def truth(self, log: DriveLog) -> TruthLog:
        """An empty log of what its components see, and of what the simulator knows of it."""
        return TruthLog(self.graph(), self.models(), log.types)

    @property
    def steps(self) -> int:
        """How many steps of the world it takes."""
        return round(self.seconds / STEP_S)

    @property
    def command(self) -> str:
        """The same in words of the command line."""
        given = "".join(f" {name}:={value}" for name, value in self.arguments.items())
        return f"{self.launch.name}{given}, {self.seconds:g} s"


@dataclass(frozen=True)
class Driven:
    """A drive that has been made.

    Attributes:
        drive: what was to be driven.
        log: how it went.
        timing: what depends on the machine: wall_s, realtime_factor, times of stages and latencies in ms.
        failures: of components, by node.
        seen: how well its components see, see `TruthLog.figures`.
    """

    drive: Drive
    log: DriveLog
    timing: dict[str, Any]
    failures: dict[str, int] = field(default_factory=dict)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)

    def metrics(self) -> dict[str, Any]:
        """The contents of ``metrics.json``; two drives in lock-step differ in ``timing`` alone."""
        return self.log.as_dict() | {"perception": self.seen, "failures": self.failures, "timing": self.timing}

    def write_metrics(self, folder: Path) -> None:
        """Write ``metrics.json``."""
        (folder / "metrics.json").write_text(json.dumps(self.metrics(), indent=2) + "\n")


def launch_arguments(policy: str, town: int, drive: int, weather: str, wait_s: float = 0.0) -> dict[str, str]:
    """Arguments of ``drive.launch.yaml`` for a policy: a model file, "expert", or "" for the shipped one.

    `wait_s` is what drivers are given to start; in lock-step they are there from the start.
    """
    driver = {"expert": "true"} if policy == EXPERT else {"model": policy} if policy else {}
    return {"town": str(town), "drive": str(drive), "weather": weather, "wait": str(wait_s)} | driver


def drive(
    plan: Drive, folder: Path | None = None, *, video: bool = False, progress: Progress = lambda log: None
) -> Driven:
    """Make a drive in process.

    Writes ``drive.mcap``, with all that the graph publishes but overlays and point clouds, and ``metrics.json`` into
    `folder`, and with `video` ``drive.mp4``; without a folder nothing is written.

    Raises:
        LaunchError, DriveError, ModelError: the launch file can't be driven with.
        ComponentError: a component failed to start.
        BagError: the bag can't be written any more.
    """
    plan.models()  # one that can't be read is told before a town is built
    stages: dict[str, list[int]] = defaultdict(list)
    with ExitStack() as stack:
        film = stack.enter_context(closing(DriveFilm(folder / "drive.mp4"))) if folder and video else None
        log = plan.log(film)
        truth = plan.truth(log)
        writer = stack.enter_context(open_bag(folder)) if folder else None

        def on_publish(published: Published) -> None:
            if writer is not None and published.topic not in log.overlays:
                writer.write(published.topic, published.time_ns, published.data)
            log.add(published.topic, published.type_name, published.data)
            truth.add(published.topic, published.type_name, published.data, truth=published.topic in log.types)

        def records(topic: str, type_: str) -> bool:
            return folder is not None if topic in log.overlays else type_ != POINT_CLOUD

        executor = InProcess(on_publish, records=records)
        for component, node in plan.graph():
            executor.add(component, node)
        if writer is not None:
            add_outputs(writer, executor.nodes)
        executor.start(0)
        stack.callback(executor.stop)
        started = time.perf_counter()
        stack.enter_context(tracing.listen(lambda name, spent: stages[name].append(spent)))
        for now, hand in _moments(plan):
            if hand is not None:
                executor.feed(now, HANDS, type_name(HandSkeleton), hand)
            else:
                executor.run_until(now)
                progress(log)
        wall_s = time.perf_counter() - started
        failures = {node.full: component.failures for component, node in executor.nodes}
        log.finish()
        progress(log)
    timing = {"wall_s": wall_s, "realtime_factor": plan.seconds / wall_s}
    stage_ms = {name: percentiles(np.array(spent) / 1e6) for name, spent in sorted(stages.items())}
    driven = Driven(plan, log, timing | {"stage_ms": stage_ms}, failures, truth.figures())
    if folder is not None:
        driven.write_metrics(folder)
    return driven


def _moments(plan: Drive) -> Iterator[tuple[int, memoryview | None]]:
    """When to look how it goes, and when a hand is seen, in order of time."""
    end = round(plan.seconds * NANOSECONDS)
    looks: Iterator[tuple[int, memoryview | None]] = ((now, None) for now in (*range(0, end, SLICE_NS), end))
    seen: Iterator[tuple[int, memoryview | None]] = hands(plan.hands) if plan.hands else iter(())
    return takewhile(lambda moment: moment[0] <= end, heapq.merge(looks, seen, key=itemgetter(0)))


def open_bag(folder: Path) -> BagWriter:
    """Begin ``drive.mcap``, in place of an older one.

    Raises:
        BagError: it can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "drive.mcap").unlink(missing_ok=True)
    return BagWriter(folder / "drive.mcap")


def hands(bag: Path) -> Iterator[tuple[int, memoryview | None]]:
    """Yield time and CDR bytes of the skeletons of hands in a bag, as if the first had come when the drive began.

    Raises:
        BagError: the bag can't be read.
        DriveError: it holds no skeletons of hands.
    """
    with BagReader(bag) as reader:
        topics = [name for name, topic in reader.topics.items() if topic.type == type_name(HandSkeleton)]
        if not topics:
            there = ", ".join(reader.topics)
            raise DriveError(f"{bag} has no topic of {type_name(HandSkeleton)}; it has {there}.")
        first: int | None = None
        for record in reader.messages(topics):
            skeleton = cdr.deserialize(record.data, record.type)
            first = record.log_time_ns if first is None else first
            skeleton.header.stamp = stamp(max(0, nanoseconds(skeleton.header.stamp) - first))
            yield record.log_time_ns - first, cdr.serialize(skeleton)
