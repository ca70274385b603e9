"""All gesture networks on the same data in the same run: accuracy, parameters, and the latency of one on one core.

    python benchmarks/gestures.py --data ts:NATOPS_TRAIN.ts --json natops.json
    python benchmarks/gestures.py --data hands:0-39 --test hands:900-919 --epochs 12 --batch-size 64 --json hands.json

Without --test it is 5-fold cross-validation, in which no network and no choice ever sees the fold that it is tried on;
with it one network is trained on the data and tried on the other.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from convoy.evaluation.gestures import name_clips, score_clips
from convoy.inference import Session
from convoy.learning.export import write_model
from convoy.learning.gesture_card import gesture_card
from convoy.learning.gesture_data import open_series
from convoy.learning.gesture_options import GestureOptions, Net
from convoy.learning.gestures import predict, train_gestures
from convoy.learning.series import SeriesSet
from convoy.learning.series_net import Ensemble

FOLDS = 5
RUNS = 500
LATENCIES = ("latency_ms_p50", "cpu_ms_p50", "latency_ms_p99", "cpu_ms_p99")
COLUMNS = ("accuracy", "low", "high", "parameters", *LATENCIES, "training_cpu_s")


def measure(net: Net, data: SeriesSet, test: SeriesSet | None, options: GestureOptions) -> dict[str, float]:
    """Train one kind of network, and return its figures; latency is that of a single network."""
    options = replace(options, net=net, members=FOLDS if test is None else 1).settled(len(data.labels))
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        trained = train_gestures(data, options, Path(folder) / "run")
        seconds = time.process_time() - start
        if test is None:
            score = score_clips(trained.predicted, data.labels, data.classes)
        else:
            score = score_clips(predict(trained.net, test.values), test.labels, data.classes)
        one = Ensemble([trained.net.members[0]]).eval()
        card = gesture_card(str(net), data, options, 1, "Apache-2.0", "benchmarks/gestures.py")
        write_model(one, card, data.values[:5], Path(folder) / "net.onnx", lambda _: {})
        session = Session.load(Path(folder) / "net.onnx", "gestures", "cpu", threads=1)
        name_clips(session, data.values[:RUNS])  # the first ones are slower
        _, times = name_clips(session, data.values[np.arange(RUNS) % len(data.values)])
    p50, p99 = np.percentile(times, (50, 99), axis=0)
    parameters = sum(value.numel() for value in one.parameters())
    figures = (score.accuracy, score.low, score.high, parameters, *p50, *p99, seconds)
    return dict(zip(COLUMNS, map(float, figures), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--test", default="")
    parser.add_argument("--ways", action="store_true", help="one finger and whole hand are two classes")
    parser.add_argument("--epochs", type=int, default=GestureOptions.epochs)
    parser.add_argument("--batch-size", type=int, default=GestureOptions.batch_size)
    parser.add_argument("--nets", nargs="+", default=[net.value for net in Net if net is not Net.auto])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = open_series(arguments.data, arguments.ways)
    test = (
        open_series(arguments.test, arguments.ways, "test", data.classes, data.values.shape[1])
        if arguments.test
        else None
    )
    options = GestureOptions(epochs=arguments.epochs, batch_size=arguments.batch_size)
    table, results = Table("network", *COLUMNS, title=f"{arguments.data} {arguments.test}"), {}
    for name in arguments.nets:
        results[name] = figures = measure(Net(name), data, test, options)
        table.add_row(name, *(f"{value:.0f}" if value >= 10 else f"{value:.3f}" for value in figures.values()))
        Console(stderr=True).print(name, {key: round(value, 4) for key, value in figures.items()})
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(vars(arguments) | {"json": "", "networks": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
