"""``convoy evaluate gestures``: how well does a model tell gestures apart?"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer


class Split(enum.StrEnum):
    """Which part of an official split is looked at."""

    test = "test"
    train = "train"
    all = "all"


def gestures(
    model: Annotated[Path, typer.Option(help="ONNX file with task 'gestures'.")],
    data: Annotated[
        str, typer.Option(help="ts:FILE, shrec:DIR, csv:FILE, bag:DIR or hands:SEEDS, such as hands:900-919.")
    ],
    json: Annotated[Path | None, typer.Option(help="File to write the figures to.")] = None,
    picture: Annotated[Path | None, typer.Option(help="PNG file to draw the confusion matrix to.")] = None,
    split: Annotated[Split, typer.Option(help="Part of the official split, of data that has one.")] = Split.test,
    stream: Annotated[
        float, typer.Option(min=0.0, help="Of hands:SEEDS, watch each person for so many seconds of continuous motion.")
    ] = 0.0,
) -> None:
    """Measure a gesture model, with the same code that the robot runs.

    Prints accuracy with its 95 % confidence interval, the recall of each class, and the ms of one run on one core, by
    the clock and of CPU time. With --stream it lets the recogniser watch continuous motion instead, and prints F1,
    false alarms and delays.

    Example: convoy evaluate gestures --model models/gestures_hand.onnx --data hands:900-919 --json score.json
    """
    import json as codec

    from rich.console import Console

    console = Console(stderr=True)
    figures = _streams(model, data, stream, console) if stream else _clips(model, data, split.value, picture, console)
    for name, value in figures.items():
        if not isinstance(value, dict | list):
            print(f"{name:24}", f"{value:.4f}" if isinstance(value, float) else value)
    if json:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(codec.dumps({"model": str(model), "data": data} | figures, indent=1) + "\n")


def _clips(model: Path, data: str, split: str, picture: Path | None, console) -> dict[str, object]:  # type: ignore[no-untyped-def]
    import numpy as np
    from rich.progress import track

    from convoy.evaluation.gestures import draw_confusion, name_clips, score_clips
    from convoy.inference import Session
    from convoy.learning.gesture_data import open_series

    session = Session.load(model, "gestures", "cpu", threads=1)
    card = session.card
    series = open_series(data, any("(hand)" in name for name in card.classes), split, card.classes, card.series.steps)  # type: ignore[arg-type]
    predicted, times = name_clips(
        session,
        track(series.values, "evaluating", console=console, transient=True),
    )
    score = score_clips(predicted, series.labels, card.classes)
    if picture:
        draw_confusion(score, card.classes, picture)
    for name, value in score.recall.items():
        print(f"recall of {name:18} {value:.4f}")
    p50, p99 = np.percentile(times, (50, 99), axis=0)
    figures: dict[str, object] = {
        "clips": score.clips,
        "accuracy": score.accuracy,
        "accuracy_low": score.low,
        "accuracy_high": score.high,
        "latency_ms_p50": float(p50[0]),
        "latency_ms_p99": float(p99[0]),
        "cpu_ms_p50": float(p50[1]),
        "cpu_ms_p99": float(p99[1]),
        "recall": score.recall,
        "classes": list(card.classes),
        "confusion": score.confusion.tolist(),
    }
    if score.rejected is not None:
        figures["rejected"] = score.rejected
    return figures


def _streams(model: Path, data: str, seconds: float, console) -> dict[str, object]:  # type: ignore[no-untyped-def]
    from dataclasses import asdict

    from rich.progress import track

    from convoy.evaluation.gestures import recognise, score_streams
    from convoy.learning.simulated_hands import parse_seeds
    from convoy_sim.hands import Person

    kind, _, seeds = data.partition(":")
    if kind != "hands":
        raise typer.BadParameter(f"{data!r}; continuous motion is made from hands:SEEDS", param_hint="--data")
    watched = []
    for seed in track(parse_seeds(seeds), "watching", console=console, transient=True):
        stream = Person(seed).stream(seconds)
        watched.append((stream, recognise(stream, model)))
    return asdict(score_streams(watched))
