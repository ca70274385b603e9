"""Runs a launch file's graph over a bag, by reading the bag instead of playing it: same bag, same bytes out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convoy import tracing
from convoy.bags import BagError, BagReader, BagWriter, Record
from convoy.errors import nearest
from convoy.evaluation.frames import Frame, FrameLog, Series
from convoy.evaluation.steering import score
from convoy.evaluation.truth import TruthLog
from convoy.graph import Component, ImageInput, NodeName
from convoy.hosts.in_process import InProcess, Published
from convoy.inference import ModelCard
from convoy.interfaces import cdr
from convoy.interfaces.messages import type_name
from convoy.launch.build import build
from convoy.launch.description import load

FILM_FRAMES = 12
LAST_ANSWERS_NS = 1_000_000_000
OVERLAY, POINT_CLOUD = "overlay", "sensor_msgs/msg/PointCloud2"

Progress = Callable[[int, int], None]
"""Is told how many messages of how many have been replayed."""


@dataclass(frozen=True)
class Replay:
    """A finished replay, from which the report is drawn.

    Attributes:
        folder: where its files are.
        bag, launch: what was replayed.
        command: the same in words of the command line.
        withheld: recorded topics that the graph published itself.
        metrics: the contents of ``metrics.json``.
        models: the cards of the models that ran, by node.
        steering: what was steered and what the human did, by topic.
        film: a few images, spread evenly over the bag: stamp, message type, CDR bytes.
        overlays: of these images, by stamp, what a component has drawn of its results.
        stages_ms: by stage, the time of each frame.
    """

    folder: Path
    bag: Path
    launch: Path
    command: str
    withheld: frozenset[str]
    metrics: dict[str, Any]
    models: dict[str, ModelCard]
    steering: dict[str, Series]
    film: list[tuple[int, str, bytes]]
    overlays: dict[int, bytes]
    stages_ms: dict[str, np.ndarray]


def replay(
    bag_path: Path,
    launch_path: Path,
    arguments: Mapping[str, str],
    folder: Path,
    *,
    realtime: bool = False,
    progress: Progress = lambda done, total: None,
) -> Replay:
    """Run the graph of a launch file over a bag.

    Writes into `folder`: ``replay.mcap`` with all that the graph published, ``frames.jsonl`` with one line per image
    and the results that carry its stamp, ``timings.jsonl``, and ``metrics.json``. A recorded topic that the graph
    publishes itself is withheld from the graph and kept as ``/recorded/<topic>``. What the graph sees is scored where
    the bag holds the truth, see `TruthLog`. Overlays are made for the report alone, and point clouds for components of
    the graph. But for the timings, two replays of one bag are the same to the byte. With `realtime` a live robot is
    simulated instead, see `InProcess`.

    Raises:
        BagError: the bag can't be read, or has no images where the graph wants them.
        LaunchError: the launch file can't be run in process.
        ComponentError: a component failed to start.
    """
    graph = build(load(launch_path, arguments))
    with BagReader(bag_path) as bag, ExitStack() as stack:
        run = _Run(graph, bag, folder, stack, realtime)
        run.play(progress)
    given = "".join(f" {name}:={value}" for name, value in arguments.items())
    command = f"convoy replay {bag_path} --launch {launch_path}{given}{' --realtime' if realtime else ''}"
    stages_ms = {name: np.array(spent) / 1e6 for name, spent in run.log.stages_ns.items()}
    metrics = run.metrics(run.models, stages_ms)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    steering = dict(run.log.steering)
    withheld = frozenset(run.withheld)
    return Replay(
        folder,
        bag_path,
        launch_path,
        command,
        withheld,
        metrics,
        run.models,
        steering,
        run.film,
        run.overlays,
        stages_ms,
    )


class _Run:
    def __init__(
        self, graph: list[tuple[Component, NodeName]], bag: BagReader, folder: Path, stack: ExitStack, realtime: bool
    ) -> None:
        self.bag = bag
        self.topics = {name: topic for name, topic in bag.topics.items() if topic.count}
        self.executor = InProcess(self._on_publish, live_latency=realtime, records=self._records)
        for component, node in graph:
            self.executor.add(component, node)
        self.images = self._image_topics()
        self.withheld = self.executor.published & self.topics.keys()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "replay.mcap").unlink(missing_ok=True)
        self.writer = stack.enter_context(BagWriter(folder / "replay.mcap"))
        self.log = stack.enter_context(FrameLog(folder))
        self.frame: Frame | None = None
        self.film: list[tuple[int, str, bytes]] = []
        self.overlays: dict[int, bytes] = {}
        self.filming = False
        self.pictures = overlays(graph)
        self.models: dict[str, ModelCard] = {}
        self.truth = TruthLog([], {}, {})
        self.wall_ns = 0
        add_outputs(self.writer, graph)
        for name in sorted(self.withheld):
            topic = self.topics[name]
            self.writer.add_topic(
                f"/recorded{name}", topic.type, topic.qos, definition=topic.definition, type_hash=topic.type_hash
            )

    def _image_topics(self) -> set[str]:
        """The image topics that the graph takes from the bag; every image input must find one."""
        found: set[str] = set()
        for component, node in self.executor.nodes:
            for port in component.inputs.values():
                if not isinstance(port, ImageInput):
                    continue
                wanted = {node.topic(s.topic, s.suffix): s.type_name for s in port.subscriptions()}
                there = {name for name, topic in self.topics.items() if wanted.get(name) == topic.type}
                if not there and not wanted.keys() & self.executor.published:
                    name = next(iter(wanted))
                    listed = ", ".join(f"{t} ({self.topics[t].type})" for t in nearest(name, self.topics))
                    raise BagError(
                        f"{component.name} wants images on {name} or {name}/compressed, but {self.bag.path} has none "
                        f"there. It has, nearest first: {listed}. Say which to take with image:=TOPIC."
                    )
                found |= there
        return found

    def play(self, progress: Progress) -> None:
        bag = self.bag
        self.executor.start(bag.start_ns)
        self._read_models()
        fed = {topic for topic, _ in self.executor.subscribed} | self.truth.topics
        wanted = (fed & self.topics.keys()) | self.withheld
        total = sum(self.topics[name].count for name in wanted)
        images = sum(self.topics[name].count for name in self.images)
        film = {round(i) for i in np.linspace(0, max(images - 1, 0), FILM_FRAMES)}
        try:
            started = time.perf_counter_ns()
            with tracing.listen(self._on_stage):
                for done, record in enumerate(bag.messages(wanted)):
                    self._play(record, film)
                    progress(done, total)
                # A live robot answers the last images when the bag has ended.
                self.executor.run_until(bag.end_ns + (LAST_ANSWERS_NS if self.executor.live_latency else 0))
            self.wall_ns = time.perf_counter_ns() - started
        finally:
            self.executor.stop()
        progress(total, total)

    def _read_models(self) -> None:
        """Read the cards of the models that the components have loaded."""
        nodes = list(self.executor.nodes)
        self.models = {
            node.full: ModelCard.read(component.parameters.model)
            for component, node in nodes
            if hasattr(component.parameters, "model")
        }
        self.truth = TruthLog(nodes, self.models, {name: topic.type for name, topic in self.topics.items()})

    def _play(self, record: Record, film: set[int]) -> None:
        self.truth.add(record.topic, record.type, record.data, truth=True)
        if record.topic in self.withheld:
            self.writer.write(f"/recorded{record.topic}", record.log_time_ns, record.data)
            stamp = cdr.header_stamp(record.data, record.type)
            if stamp is not None and cdr.is_known(record.type):
                self.log.recorded(record.topic, stamp, cdr.deserialize(record.data, record.type))
            return
        if record.topic in self.images:
            # What is due before this image happens first, and counts for the frame before.
            self.executor.run_before(record.log_time_ns)
            stamp = cdr.header_stamp(record.data, record.type) or 0
            self.filming = self.log.frames in film
            if self.filming:
                self.film.append((stamp, record.type, bytes(record.data)))
            self.frame = self.log.image(record.topic, stamp, record.log_time_ns)
        self.executor.feed(record.log_time_ns, record.topic, record.type, record.data)

    def _records(self, topic: str, type_: str) -> bool:
        return self.filming if topic in self.pictures else type_ != POINT_CLOUD

    def _on_publish(self, published: Published) -> None:
        if published.topic in self.pictures:
            if self.filming:
                self.overlays.setdefault(
                    cdr.header_stamp(published.data, published.type_name) or 0, bytes(published.data)
                )
            return
        self.truth.add(published.topic, published.type_name, published.data, truth=False)
        self.writer.write(published.topic, published.time_ns, published.data)
        stamp = cdr.header_stamp(published.data, published.type_name)
        if stamp is not None:
            message = cdr.deserialize(published.data, published.type_name)
            self.log.result(published.topic, stamp, message, published.time_ns)

    def _on_stage(self, name: str, spent_ns: int) -> None:
        if self.frame is not None:
            self.frame.stages_ns[name] += spent_ns

    def metrics(self, models: dict[str, ModelCard], stages_ms: dict[str, np.ndarray]) -> dict[str, Any]:
        constant = next((card.constant for card in models.values() if card.task == "steering"), None)
        floor_ms = sum(stages_ms[name].sum() for name in ("decode", "inference") if name in stages_ms)
        wall_s = self.wall_ns / 1e9
        steering = {topic: _score(series, constant) for topic, series in self.log.steering.items()}
        # What reaches the vehicle is judged: the topic that the human's command was recorded on.
        judged = next((steering[topic] for topic in sorted(self.withheld) if topic in steering), {})
        metrics: dict[str, Any] = {
            "frames": self.log.frames,
            "rmse_rad": judged.get("rmse_rad"),
            "mae_rad": judged.get("mae_rad"),
            "constant_rmse_rad": judged.get("constant_rmse_rad"),
            "realtime_factor": (self.bag.end_ns - self.bag.start_ns) / self.wall_ns,
            "floor_ratio": wall_s * 1e3 / floor_ms if floor_ms else None,
            "wall_s": wall_s,
            "stage_ms": {name: percentiles(values) for name, values in stages_ms.items()},
            "steering": steering,
            "perception": self.truth.figures(),
            "failures": {component.name: component.failures for component, _ in self.executor.nodes},
        }
        if self.executor.live_latency:
            metrics["dropped"] = dict(self.executor.dropped)
            metrics["latency_ms"] = {t: percentiles(np.array(v) / 1e6) for t, v in self.log.latencies_ns.items()}
        return metrics


def _score(series: Series, constant: float | None) -> dict[str, Any]:
    steered, human = np.array(series.steered), np.array(series.human)
    known = np.isfinite(human)
    return score(steered[known], human[known], constant).as_dict() if known.any() else {"frames": 0}


def add_outputs(writer: BagWriter, nodes: Iterable[tuple[Component, NodeName]]) -> None:
    """Add a topic to a bag for each output of a graph's components."""
    outputs = {node.topic(port.topic): port for component, node in nodes for port in component.outputs.values()}
    for name, port in sorted(outputs.items()):
        writer.add_topic(name, type_name(port.message), port.qos)


def overlays(nodes: Iterable[tuple[Component, NodeName]]) -> set[str]:
    """Topics on which a graph's components draw what they see, for people."""
    return {
        node.topic(port.topic)
        for component, node in nodes
        for port in component.outputs.values()
        if port.name == OVERLAY
    }


def percentiles(values: np.ndarray) -> dict[str, float]:
    """The median and the worst but one in a hundred."""
    return {"p50": float(np.percentile(values, 50)), "p99": float(np.percentile(values, 99))}
