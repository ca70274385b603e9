"""How well gestures are recognised: as single clips, and in continuous motion."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, thread_time

import numpy as np

from convoy.evaluation.steering import EvaluationError
from convoy.gestures.recogniser import UNKNOWN, GestureRecogniser
from convoy.graph.bench import Bench
from convoy.inference import Session
from convoy.interfaces.messages import NANOSECONDS, Header, make, nanoseconds, time
from convoy.interfaces.skeletons import hand_skeleton
from convoy_sim.hands import Stream

_Z_95 = 1.959964
_START_NS = 1_000_000 * NANOSECONDS


@dataclass(frozen=True)
class ClipScore:
    """Accuracy on clips.

    Attributes:
        clips: clips of gestures.
        accuracy: share of them that were named rightly.
        low, high: the 95 % confidence interval of the accuracy (Wilson 1927).
        recall: share named rightly, by class.
        rejected: share of the clips that are no gesture which were named so; None where there are none.
        confusion: counts, shape (classes, classes): a row for each true class, a column for each named one.
    """

    clips: int
    accuracy: float
    low: float
    high: float
    recall: dict[str, float]
    rejected: float | None
    confusion: np.ndarray


def name_clips(session: Session, series: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Name the class of each series, as a robot does, one after the other; the session is to run on one thread.

    Returns the classes' numbers, shape (clips,), and what each run took in ms: by the clock, which counts what else the
    machine did, and of CPU time, shape (clips, 2).
    """
    predicted, times = [], []
    for values in series:
        start = np.array((perf_counter(), thread_time()))
        probabilities = session.run(values)["probabilities"]
        times.append((np.array((perf_counter(), thread_time())) - start) * 1e3)
        predicted.append(int(np.argmax(probabilities)))
    return np.array(predicted), np.array(times)


def score_clips(predicted: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> ClipScore:
    """Compare the classes that were named, as numbers of shape (clips,), with the true ones.

    The class 'unknown' has a figure of its own, `rejected`, and does not count in the accuracy.

    Raises:
        EvaluationError: there is no gesture, or the lengths differ.
    """
    if predicted.shape != labels.shape:
        raise EvaluationError(f"{predicted.size} named classes for {labels.size} clips; wanted as many.")
    confusion = np.zeros((len(classes), len(classes)), int)
    np.add.at(confusion, (labels, predicted), 1)
    counts, hits = confusion.sum(1), np.diag(confusion)
    recall = {name: float(hits[i] / counts[i]) for i, name in enumerate(classes) if counts[i]}
    gestures = np.array([name != UNKNOWN for name in classes])
    clips, right = int(counts[gestures].sum()), int(hits[gestures].sum())
    if not clips:
        raise EvaluationError("There is no clip of a gesture to compare; wanted at least one.")
    low, high = wilson(right, clips)
    return ClipScore(clips, right / clips, low, high, recall, recall.get(UNKNOWN), confusion)


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson 1927)."""
    share, extra = right / count, _Z_95**2 / count
    middle = (share + extra / 2) / (1 + extra)
    half = _Z_95 / (1 + extra) * math.sqrt(share * (1 - share) / count + extra / count / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Found:
    """A gesture that the recogniser published: times in seconds from the start of the stream."""

    label: str
    start: float
    end: float
    decided: float


@dataclass(frozen=True)
class StreamScore:
    """Recognition in continuous motion.

    Attributes:
        minutes: how long it was watched.
        gestures: gestures that were made.
        f1, precision, recall: of those published; right is one of the same name that overlaps with it in time.
        false_alarms_per_minute: published ones that are not right.
        delay_p50_s, delay_p95_s, delay_max_s: from the end of a gesture to its publication.
    """

    minutes: float
    gestures: int
    f1: float
    precision: float
    recall: float
    false_alarms_per_minute: float
    delay_p50_s: float
    delay_p95_s: float
    delay_max_s: float


def recognise(stream: Stream, model: Path, hand_id: int = 1) -> list[Found]:
    """Let a `GestureRecogniser` watch a stream, frame by frame."""
    component = GestureRecogniser("gesture_recogniser", {"model": model})
    bench = Bench(component, _START_NS)
    component.configure()
    component.activate()
    found = []
    for instant, joints in zip(stream.times, stream.joints, strict=True):
        stamp = _START_NS + round(float(instant) * NANOSECONDS)
        bench.pass_time(stamp - bench.now())
        header = make(Header, stamp=time(stamp), frame_id="camera_optical_frame")
        bench.sent.clear()
        bench.deliver("hands", hand_skeleton(joints, header=header, id=hand_id, confidence=1.0))
        for gesture in bench.results("gesture"):
            end = (nanoseconds(gesture.header.stamp) - _START_NS) / NANOSECONDS
            duration = nanoseconds(gesture.duration) / NANOSECONDS
            found.append(Found(gesture.label, end - duration, end, (bench.now() - _START_NS) / NANOSECONDS))
    component.shutdown()
    return found


def score_streams(streams: Iterable[tuple[Stream, Sequence[Found]]]) -> StreamScore:
    """Compare what was found in streams with what happened in them.

    Raises:
        EvaluationError: no gesture was made.
    """
    seconds, gestures, right, published = 0.0, 0, 0, 0
    delays = []
    for stream, found in streams:
        seconds += float(stream.times[-1] - stream.times[0])
        gestures += len(stream.events)
        published += len(found)
        left = list(found)
        for event in stream.events:
            hit = next(
                (f for f in left if f.label == event.gesture and f.start < event.end and event.start < f.end), None
            )
            if hit:
                left.remove(hit)
                right += 1
                delays.append(hit.decided - event.end)
    if not gestures:
        raise EvaluationError("No gesture was made in the streams; wanted at least one.")
    precision, recall = right / max(1, published), right / gestures
    minutes = seconds / 60
    p50, p95, most = np.percentile(delays, (50, 95, 100)) if delays else (math.nan,) * 3
    return StreamScore(
        minutes,
        gestures,
        2 * right / (gestures + published),
        precision,
        recall,
        (published - right) / minutes,
        float(p50),
        float(p95),
        float(most),
    )


def draw_confusion(score: ClipScore, classes: Sequence[str], path: Path) -> None:
    """Draw the confusion matrix, rows normalised, as a PNG file."""
    from matplotlib.figure import Figure

    size = 3 + 0.35 * len(classes)
    figure = Figure(figsize=(size, size), dpi=110, layout="constrained")
    axes = figure.subplots()
    shares = score.confusion / np.maximum(score.confusion.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(score.confusion):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, score.confusion[row, column], ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(classes)), classes, rotation=90)
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("named")
    axes.set_ylabel("made")
    axes.set_title(f"accuracy {score.accuracy:.3f} (95 % interval {score.low:.3f} to {score.high:.3f})")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
