"""Perception live: stamp to publish, component by component; the shared network beside three single ones, and torch.

Every component runs in the DDS host, on loopback, as it does on a robot without ROS. A raw picture is published with
the time of its acquisition as stamp; the next one follows when the results are there. Of each component the table has
the time from stamp to the last result's publication, and the part of it that is spent outside of ONNX Runtime; beside
them the same nets run eagerly by torch, without anything around them. The components take turns in several rounds, so
that a machine that is slower for a while slows all of them.

    python benchmarks/perception.py --json perception.json

The models are those of a folder (--models, else models/); --untrained makes nets of the same tasks on the spot, which
take the same time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from convoy import tracing
from convoy.components import component_class
from convoy.errors import ConvoyError
from convoy.graph import SENSOR_DATA, NodeName
from convoy.hosts.dds import DdsHost, Participant
from convoy.hosts.dds.domain import LOOPBACK
from convoy.inference import CameraInput, ModelCard
from convoy.interfaces import cdr
from convoy.interfaces.images import encode
from convoy.interfaces.messages import Header, make, type_name
from convoy.interfaces.messages import time as stamp_of

ROOT = Path(__file__).resolve().parents[1]
CAMERA, IMAGE = "/camera/image_raw", "sensor_msgs/msg/Image"
WARM_UP = 5
"""Pictures that fill caches and connections before the measured ones of each round."""
ROUNDS = 5
PATIENCE_S = 60.0
SINGLE, SHARED = ("detector", "segmenter", "depth_estimator"), "shared_perception"
COMPONENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "detector": ("detector", ("detections",)),
    "segmenter": ("segmenter", ("mask",)),
    "depth_estimator": ("depth", ("depth",)),
    SHARED: ("perception", ("detections", "mask", "depth")),
    "relocaliser": ("relocaliser", ("pose",)),
}
"""By component: its model's name, and the outputs that are listened to."""
OF_ANY_PICTURE = {
    "relocaliser": {"base_frame": "", "max_deviation": 1000.0, "max_turn_deviation": 3.0, "max_places": 1e6}
}


class Answers:
    """Waits for the results of one picture after the other."""

    def __init__(self, outputs: tuple[str, ...]) -> None:
        self._outputs = outputs
        self._published_ns: dict[int, dict[str, int]] = defaultdict(dict)
        self._came = threading.Condition()

    def listener(self, output: str, type_: str) -> Callable[[memoryview, int], None]:
        """What is called with a result, and when it was published."""

        def received(data: memoryview, published_ns: int) -> None:
            with self._came:
                self._published_ns[cdr.header_stamp(data, type_) or 0][output] = published_ns
                self._came.notify_all()

        return received

    def wait(self, stamp: int) -> int:
        """Return when the last result of a picture was published."""
        with self._came:
            if not self._came.wait_for(lambda: len(self._published_ns[stamp]) == len(self._outputs), PATIENCE_S):
                raise SystemExit(f"There is no answer within {PATIENCE_S:.0f} s.")
            return max(self._published_ns.pop(stamp).values())


@dataclass
class Taken:
    """What a component took so far: for each picture, and in all for each stage."""

    ages_ms: list[float] = field(default_factory=list)
    stages_ns: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def measure(participant: Participant, name: str, model: Path, options: argparse.Namespace, taken: Taken) -> None:
    """Run a component for one round."""
    cls, outputs = component_class(name), COMPONENTS[name][1]
    parameters = {"model": str(model), "device": options.device, "threads": options.threads}
    component = cls(name, parameters | OF_ANY_PICTURE.get(name, {}))
    answers, node, frames = Answers(outputs), participant.node(f"{name}_bench"), -(-options.frames // ROUNDS)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (options.height, options.width, 3), np.uint8) for _ in range(4)]
    with DdsHost(participant) as host:
        host.add(component, NodeName(name, remappings={"image": CAMERA}))
        host.start()
        camera = node.publisher(CAMERA, IMAGE, SENSOR_DATA)
        for output in outputs:
            port, type_ = cls.outputs[output], type_name(cls.outputs[output].message)
            node.subscription(NodeName(name).topic(port.topic), type_, port.qos, answers.listener(output, type_))
        while not (camera.matched() and all(getattr(component, output).wanted for output in outputs)):
            time.sleep(0.01)

        def add(stage: str, spent_ns: int) -> None:
            taken.stages_ns[stage] += spent_ns

        for number in range(WARM_UP + frames):
            stamp = time.time_ns()
            header = make(Header, stamp=stamp_of(stamp), frame_id="camera")
            with tracing.listen(add if number >= WARM_UP else lambda stage, spent: None):
                camera.write(cdr.serialize(encode(pictures[number % len(pictures)], "bgr8", header)))
                age_ms = (answers.wait(stamp) - stamp) / 1e6
            if number >= WARM_UP:
                taken.ages_ms.append(age_ms)
    node.close()


def row_of(name: str, model: Path, device: str, taken: Taken) -> dict[str, Any]:
    """A component's row of the table."""
    frames, mean_ms = len(taken.ages_ms), float(np.mean(taken.ages_ms))
    runtime_ms = taken.stages_ns["runtime"] / 1e6 / frames
    return {
        "component": name,
        **percentiles(taken.ages_ms),
        "mean_ms": mean_ms,
        "runtime_ms": runtime_ms,
        "outside_runtime": 1 - runtime_ms / mean_ms,
        "stages_ms": {stage: spent / 1e6 / frames for stage, spent in sorted(taken.stages_ns.items())},
        "device": component_device(model, device),
    }


def percentiles(values: list[float]) -> dict[str, float]:
    return {"p50_ms": float(np.percentile(values, 50)), "p99_ms": float(np.percentile(values, 99))}


def component_device(model: Path, device: str) -> str:
    from convoy.inference import Session

    return Session.load(model, ModelCard.read(model).task, device).device


# Torch.


def build(task_name: str, card: ModelCard | None) -> tuple[Any, ModelCard]:
    """Return the net of a card, or the default one of a task, without training; as it is exported, and its card."""
    from convoy.learning.perception.choice import choose
    from convoy.learning.perception.deployed import Deployed
    from convoy.learning.perception.task import NetSettings
    from convoy.learning.perception.tasks import open_task
    from convoy_sim.classes import CLASSES

    task = open_task(task_name)
    said = card.command if card else ""
    net = re.search(r"--net[ =](\S+)", said)
    backbone = re.search(r"--backbone[ =](\S+)", said)
    choice = choose(task, net[1] if net else "")
    size = card.camera if card else CameraInput(width=480, height=360)
    classes = card.classes if card and card.classes else tuple(entry.name for entry in CLASSES)
    boxed = card.boxed if card else tuple(int(entry.id) for entry in CLASSES if entry.boxed)
    settings = NetSettings(
        backbone[1] if backbone else choice.backbone, size.width, size.height, classes, boxed, focal_px=160.0
    )
    speaks = task_name not in ("depth", "relocalisation")
    made = ModelCard(
        name="untrained",
        task=task_name,
        description="Knows nothing.",
        input=size,
        outputs=task.outputs,
        classes=classes if speaks else (),
        boxed=boxed if task_name in ("detection", "perception") else (),
        licence="none",
        revision="none",
        command="none",
    )
    return Deployed(choice.build(settings), task).eval(), made


def write_untrained(folder: Path) -> None:
    """Export a net of each task."""
    from convoy.learning.export import write_model

    for name, (model, _) in COMPONENTS.items():
        net, card = build(component_class(name).TASK, None)  # type: ignore[attr-defined]
        write_model(net, card, (), folder / f"{model}.onnx", lambda session: {})


def eager(card: ModelCard, options: argparse.Namespace) -> dict[str, float]:
    """Run a model's net by torch, on pixels of its size."""
    import torch

    torch.set_num_threads(options.threads)
    device = "cuda" if options.device in ("cuda", "tensorrt") else "cpu"
    net, _ = build(card.task, card)
    net, image = net.to(device), torch.randint(0, 256, (1, *card.camera.shape), dtype=torch.uint8, device=device)
    taken_ms = []
    with torch.no_grad():
        for _ in range(WARM_UP + options.frames):
            begun = time.perf_counter_ns()
            [output.cpu() for output in net(image)]
            taken_ms.append((time.perf_counter_ns() - begun) / 1e6)
    return percentiles(taken_ms[WARM_UP:])


def compare(rows: list[dict[str, Any]]) -> dict[str, float] | None:
    """The shared network against the three single ones, one after the other."""
    by_name = {row["component"]: row for row in rows}
    if not {*SINGLE, SHARED} <= by_name.keys():
        return None
    single_ms = sum(by_name[name]["p50_ms"] for name in SINGLE)
    shared_ms = by_name[SHARED]["p50_ms"]
    return {"single_ms": single_ms, "shared_ms": shared_ms, "ratio": shared_ms / single_ms, "hz": 1e3 / shared_ms}


@contextmanager
def model_folder(options: argparse.Namespace) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        if options.untrained:
            write_untrained(Path(folder))
        yield Path(folder) if options.untrained else options.models


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--models", type=Path, default=ROOT / "models", metavar="DIR")
    parser.add_argument("--untrained", action="store_true", help="nets without training, in place of models")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--width", type=int, default=640, help="of the pictures")
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--threads", type=int, default=2, help="of ONNX Runtime and torch")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or tensorrt")
    parser.add_argument("--no-torch", action="store_true", help="leave torch out")
    options = parser.parse_args()
    os.environ.setdefault("CYCLONEDDS_URI", LOOPBACK)
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.SystemRandom().randrange(1, 200)))
    rows = []
    print(f"{'component':<20}{'p50 ms':>9}{'p99 ms':>9}{'runtime':>9}{'outside':>9}{'torch p50':>10}{'p99':>10}")
    with model_folder(options) as folder, Participant() as participant:
        models = {name: folder / f"{model}.onnx" for name, (model, _) in COMPONENTS.items()}
        for name in [name for name, path in models.items() if not path.exists()]:
            print(f"{name:<20} {models.pop(name)} is not there; left out")
        taken: dict[str, Taken] = defaultdict(Taken)
        for _, (name, path) in product(range(ROUNDS), models.items()):
            measure(participant, name, path, options, taken[name])
        for name, path in models.items():
            row = row_of(name, path, options.device, taken[name])
            if not options.no_torch:
                row["torch"] = eager(ModelCard.read(path), options)
            rows.append(row)
            torch_ = "".join(f"{value:>10.1f}" for value in row.get("torch", {}).values())
            print(
                f"{name:<20}{row['p50_ms']:>9.1f}{row['p99_ms']:>9.1f}{row['runtime_ms']:>9.1f}"
                f"{100 * row['outside_runtime']:>8.0f}%{torch_}",
                flush=True,
            )
    shared = compare(rows)
    if shared:
        print(
            f"shared {shared['shared_ms']:.1f} ms ({shared['hz']:.1f} pictures/s), single ones one after the other "
            f"{shared['single_ms']:.1f} ms: {shared['ratio']:.2f}"
        )
    if options.json:
        machine = {"processor": processor(), "cores": os.cpu_count(), "load": os.getloadavg()}
        given = {key: value for key, value in vars(options).items() if key not in ("json", "models")}
        result = {"machine": machine, "options": given, "rows": rows, "shared": shared}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def processor() -> str:
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in info.open() if "model name" in line] if info.exists() else []
    return models[0] if models else platform.processor() or platform.machine()


if __name__ == "__main__":
    try:
        main()
    except ConvoyError as error:
        sys.exit(f"convoy: {error}")
