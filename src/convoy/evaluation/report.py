"""The report of a replay: one HTML file that works offline."""

from __future__ import annotations

import html
import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from convoy import __version__
from convoy.evaluation.frames import Series
from convoy.evaluation.page import (
    BAD,
    MUTED,
    REFERENCE,
    STEERED,
    drawing,
    film,
    still,
    svg,
    table,
    thinned,
    tiles,
    write_page,
)
from convoy.evaluation.perception_table import perception_table, seen
from convoy.evaluation.replay import Replay
from convoy.interfaces import cdr
from convoy.interfaces.images import ImageError, decode
from convoy.interfaces.messages import Image, type_name


def write_report(replay: Replay) -> Path:
    """Write ``report.html`` into the replay's folder, and return its path."""
    judged = _judged(replay)
    parts = [
        f"<h1>Replay of {html.escape(replay.bag.name)}</h1>",
        f"<p><code>{html.escape(replay.command)}</code></p>",
        _figures(replay.metrics),
    ]
    if judged is not None:
        topic, series = judged
        parts += ["<h2>Steering angle over time</h2>", svg(_angles(series, topic))]
        if np.isfinite(series.human).any():
            parts += ["<h2>Error against the human</h2>", svg(_errors(series))]
    if replay.metrics["perception"]:
        parts += ["<h2>What was seen, against the truth</h2>", perception_table(replay.metrics["perception"])]
    if replay.film:
        parts += ["<h2>Film strip</h2>", _film(replay, judged[1] if judged else None)]
    parts += ["<h2>Where the time goes</h2>", svg(_times(replay)), _stage_table(replay.metrics)]
    parts += ["<h2>What was replayed</h2>", _provenance(replay)]
    return write_page(replay.folder / "report.html", replay.bag.name, parts)


def summary(metrics: dict[str, Any]) -> str:
    """Say in a line what the replay found."""
    said = [f"{metrics['frames']} frames, {metrics['realtime_factor']:.1f} times real time"]
    if metrics["rmse_rad"] is not None:
        said.append(f"rmse {metrics['rmse_rad']:.4f} rad (mean {metrics['mae_rad']:.4f})")
    if metrics["constant_rmse_rad"]:
        said.append(f"{metrics['rmse_rad'] / metrics['constant_rmse_rad']:.2f} of always steering the training mean")
    said += seen(metrics["perception"])
    said += [f"{count} failures of {name}" for name, count in metrics["failures"].items() if count]
    said += [f"{count} frames dropped on {topic}" for topic, count in metrics.get("dropped", {}).items()]
    return ", ".join(said)


def _judged(replay: Replay) -> tuple[str, Series] | None:
    """The steering that is shown: the one compared with a human if there is one, else what leaves the graph last."""
    compared = [topic for topic in replay.steering if f"{topic}" in replay.withheld]
    topic = next(iter(compared or list(replay.steering)[-1:]), None)
    return (topic, replay.steering[topic]) if topic else None


# Pictures.


def _angles(series: Series, topic: str) -> Figure:
    stamps = np.array(series.stamps_ns)
    seconds = (stamps - stamps[0]) / 1e9
    thin = thinned(len(seconds))
    figure, axes = drawing(3.2)
    axes.axhline(0, color=MUTED, linewidth=0.6)
    if np.isfinite(series.human).any():
        axes.plot(seconds[thin], np.degrees(series.human)[thin], color=REFERENCE, linewidth=1.4, label="human")
    axes.plot(seconds[thin], np.degrees(series.steered)[thin], color=STEERED, linewidth=1.4, label=topic)
    axes.set(xlabel="time (s)", ylabel="steering angle (deg), left positive", xlim=(0, max(seconds[-1], 1e-3)))
    axes.legend(loc="upper right", frameon=False, ncols=2)
    return figure


def _errors(series: Series) -> Figure:
    errors = np.degrees(np.array(series.steered) - np.array(series.human))
    errors = errors[np.isfinite(errors)]
    figure, axes = drawing(2.6)
    axes.hist(errors, bins=min(60, max(10, len(errors) // 8)), color=STEERED, alpha=0.8)
    axes.axvline(errors.mean(), color=BAD, linewidth=1.2, label=f"mean {errors.mean():+.2f} deg")
    axes.set(xlabel="steered minus human (deg)", ylabel="frames")
    axes.legend(loc="upper right", frameon=False)
    return figure


def _times(replay: Replay) -> Figure:
    figure, axes = drawing(2.6)
    for name, values in replay.stages_ms.items():
        ordered = np.sort(values)
        axes.plot(ordered, np.arange(1, len(ordered) + 1) / len(ordered) * 100, linewidth=1.6, label=name)
    axes.set(xscale="log", xlabel="time per frame (ms)", ylabel="frames within that time (%)", ylim=(0, 101))
    axes.grid(visible=True, which="major", color="#e2e8f0", linewidth=0.6)
    axes.legend(loc="lower right", frameon=False)
    return figure


def _film(replay: Replay, series: Series | None) -> str:
    steered = dict(zip(series.stamps_ns, zip(series.steered, series.human, strict=True), strict=True)) if series else {}
    start = replay.film[0][0]
    cells: list[tuple[np.ndarray | None, str]] = []
    for stamp, type_, data in replay.film:
        caption = f"{(stamp - start) / 1e9:.1f} s"
        try:
            overlay = replay.overlays.get(stamp)
            shown = (overlay, type_name(Image)) if overlay is not None else (data, type_)
            picture = decode(cdr.deserialize(*shown)).to("bgr8")
        except ImageError as error:
            cells.append((None, f"{caption}: {error}"))
            continue
        arcs = []
        if stamp in steered:
            angle, human = steered[stamp]
            caption += f": {math.degrees(angle):+.1f} deg"
            if math.isfinite(human):
                arcs.append((human, REFERENCE))
                caption += f", human {math.degrees(human):+.1f} deg"
            arcs.append((angle, STEERED))
        cells.append((still(picture, arcs), caption))
    legend = f'Arcs: <b style="color:{REFERENCE}">human</b>, <b style="color:{STEERED}">steered</b>.'
    return (f"<p>{legend}</p>" if steered else "") + film(cells)


# Words and numbers.


def _figures(metrics: dict[str, Any]) -> str:
    figures = [(f"{metrics['frames']}", "frames")]
    if metrics["rmse_rad"] is not None:
        figures.append((f"{math.degrees(metrics['rmse_rad']):.2f}°", "rmse against the human"))
        figures.append((f"{math.degrees(metrics['mae_rad']):.2f}°", "mean absolute error"))
    if metrics["constant_rmse_rad"]:
        ratio = metrics["rmse_rad"] / metrics["constant_rmse_rad"]
        figures.append((f"{ratio:.2f}", "rmse / rmse of a constant angle"))
    figures.append((f"{metrics['realtime_factor']:.1f}×", "real time"))
    if metrics["floor_ratio"]:
        figures.append((f"{metrics['floor_ratio']:.2f}", "wall time / (decode + inference)"))
    if "dropped" in metrics:
        figures.append((str(sum(metrics["dropped"].values())), "frames dropped"))
    failures = sum(metrics["failures"].values())
    if failures:
        figures.append((str(failures), "failures"))
    return tiles(figures)


def _stage_table(metrics: dict[str, Any]) -> str:
    rows = [(name, values) for name, values in metrics["stage_ms"].items()]
    rows += [(f"latency to {topic}", values) for topic, values in metrics.get("latency_ms", {}).items()]
    cell = '<td class="number">{:.3f}</td>'.format
    body = "".join(f"<tr><th>{html.escape(name)}</th>{cell(v['p50'])}{cell(v['p99'])}</tr>" for name, v in rows)
    return f"<table><tr><th>per frame</th><th>p50 (ms)</th><th>p99 (ms)</th></tr>{body}</table>"


def _provenance(replay: Replay) -> str:
    rows = [("bag", str(replay.bag)), ("launch file", str(replay.launch)), ("convoy", __version__)]
    for node, card in replay.models.items():
        trained = "; ".join(f"{source.name} ({source.frames} frames, {source.licence})" for source in card.trained_on)
        rows.append((f"model of {node}", f"{card.name}, version {card.version}: {card.description}"))
        rows.append(("trained on", trained or "not stated"))
        rows.append(("made by", card.command))
    return table(rows)
