"""Detectors on the CPU: convoy's own beside SSDLite MobileNetV3 at equal input size, alone and with suppression behind.

    python benchmarks/detection.py --size 320x240 --json detection.json
    python benchmarks/detection.py --models nano.onnx ssdlite.onnx --data sim:test@500 --json detection.json

Without --models the nets are as they are before training, which takes as long, and suppression is given as many pairs
of box and class as a crowded street has. With them it is given what they find on --data, and how well they do is told.
`nms` is the net with suppression behind. All run in turns, image by image, so that whatever else the machine does is
shared alike; `cpu` is the time of all threads of the process, which another's load changes least.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from convoy.inference import CameraInput, ModelCard, Session
from convoy.perception.boxes import select

NETS = ("nano", "small", "ssdlite", "ssd", "fcos", "retinanet")
CLASSES = ("sign", "car", "pedestrian", "traffic_light", "cone")
MIN_SCORE, MAX_IOU, MOST = 0.3, 0.5, 100
"""The defaults of the component."""
PAIRS = 100
"""Of box and class, that suppression is given of a net that was not trained."""
COLUMNS = ("parameters", "p50_ms", "p99_ms", "cpu_ms", "nms_p50_ms", "nms_p99_ms", "nms_cpu_ms")


def untrained(names: Sequence[str], width: int, height: int, threads: int, folder: Path) -> Iterator[Session]:
    """Write each net to a file as training does, and load it."""
    import torch

    from convoy.learning.export import write_model
    from convoy.learning.perception.deployed import Deployed
    from convoy.learning.perception.detection import DetectionTask
    from convoy.learning.perception.task import NetSettings

    task = DetectionTask()
    for name in names:
        torch.manual_seed(0)
        choice = task.nets[name]
        boxed = tuple(range(len(CLASSES)))
        net = choice.build(NetSettings(choice.backbone, width, height, CLASSES, boxed))
        card = ModelCard(
            name=name,
            task=task.name,
            description="Not trained.",
            input=CameraInput(width=width, height=height),
            outputs=task.outputs,
            classes=CLASSES,
            boxed=boxed,
            licence="Apache-2.0",
            revision="",
            command="benchmarks/detection.py",
        )
        write_model(Deployed(net, task), card, [], folder / f"{name}.onnx", lambda _: {})
        yield Session.load(folder / f"{name}.onnx", task.name, "cpu", threads)


def parameters(path: Path) -> int:
    """Count the weights in a file."""
    import onnx

    return sum(int(np.prod(weights.dims)) for weights in onnx.load(path).graph.initializer)


def run(sessions: Sequence[Session], images: Sequence[np.ndarray], runs: int, trained: bool) -> list[dict[str, float]]:
    """Time all models in turns, alone and with suppression; images are brought to their size before."""
    taken = np.empty((len(sessions), runs, 4))
    for number in range(runs):
        image = images[number % len(images)]
        for which, session in enumerate(sessions):
            shown = session.card.camera.fit(image.shape[1], image.shape[0]).image(image)
            start = _clocks()
            outputs = session.run(shown)
            alone = _clocks() - start
            boxes, scores = outputs["boxes"], outputs["scores"]
            if not trained:
                scores = crowded(scores)
            start = _clocks()
            select(boxes, scores, MIN_SCORE, MAX_IOU, MOST)
            taken[which, number] = *alone, *(alone + _clocks() - start)
    figures = []
    for session, times in zip(sessions, taken, strict=True):
        values = [float(parameters(session.path))]
        for wall, cpu in (times[:, :2].T, times[:, 2:].T):
            values += [*np.percentile(wall, (50, 99)).tolist(), float(np.median(cpu))]
        figures.append(dict(zip(COLUMNS, values, strict=True)))
    return figures


def crowded(scores: np.ndarray) -> np.ndarray:
    """Lift so many of the scores, the highest, above the threshold, and none else."""
    lifted = np.zeros_like(scores)
    highest = np.argsort(scores, axis=None)[-PAIRS:]
    lifted.flat[highest] = np.linspace(MIN_SCORE, 1, len(highest))
    return lifted


def _clocks() -> np.ndarray:
    """Milliseconds by the wall, and of all threads of this process."""
    return np.array([time.perf_counter(), time.process_time()]) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="+", choices=NETS, default=["nano", "small", "ssdlite"])
    parser.add_argument("--size", default="320x240", metavar="WxH", help="of the input of nets that are not trained")
    parser.add_argument("--models", nargs="+", type=Path, default=[], help="model files; then --nets is not looked at")
    parser.add_argument("--data", metavar="SPEC", help="data with boxes, which the model files are measured on")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    arguments = parser.parse_args()
    if bool(arguments.models) != bool(arguments.data):
        parser.error("--models and --data belong together")
    width, height = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        accuracy: list[dict[str, float]]
        if arguments.models:
            from convoy.evaluation.perception import measure
            from convoy.learning.datasets.spec import open_dataset

            data = open_dataset(arguments.data, want=("boxes",))
            samples = [data[number] for number in range(len(data))]
            sessions = [Session.load(path, "detection", "cpu", arguments.threads) for path in arguments.models]
            accuracy = [measure(session, samples) for session in sessions]
            images = [sample.image for sample in samples]
        else:
            sessions = list(untrained(arguments.nets, width, height, arguments.threads, Path(folder)))
            accuracy = [{} for _ in sessions]
            images = list(np.random.default_rng(0).integers(0, 256, (8, height, width, 3), np.uint8))
        timed = run(sessions, images, arguments.runs, trained=bool(arguments.models))
    figures = [{**times, **scores} for times, scores in zip(timed, accuracy, strict=True)]
    title = f"{arguments.threads} threads, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    names = [session.card.name for session in sessions]
    inputs = [session.card.input.describe() for session in sessions]
    rows = [{"network": name, "input": size} | found for name, size, found in zip(names, inputs, figures, strict=True)]
    table = Table("", *names, title=title)
    table.add_row("input", *inputs)
    for name in figures[0]:
        table.add_row(
            name.replace("_", " "), *(f"{found[name]:.{0 if name == 'parameters' else 3}f}" for found in figures)
        )
    Console().print(table)
    if arguments.json:
        machine = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count()}
        options = {"threads": arguments.threads, "runs": arguments.runs, "data": arguments.data}
        arguments.json.write_text(
            json.dumps(machine | options | {"load": os.getloadavg()[0], "rows": rows}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
