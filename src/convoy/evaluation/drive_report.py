"""The report of a drive in the simulator: one HTML file that works offline."""

from __future__ import annotations

import html
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from convoy import __version__
from convoy.evaluation.drive import Driven
from convoy.evaluation.drive_film import caption, with_overlay
from convoy.evaluation.drive_log import DriveLog, Incident
from convoy.evaluation.page import (
    BAD,
    FILM_WIDTH,
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
from convoy.interfaces import cdr
from convoy.interfaces.images import decode
from convoy.interfaces.messages import Image, type_name
from convoy_sim.network import LANE_WIDTH_M
from convoy_sim.outlines import outline
from convoy_sim.town import Town

ROAD, BUILDING, WARN = "#d7dce3", "#eceff3", "#d97706"
MAP_WIDTH_IN, MAP_HEIGHT_IN = 10.0, 7.5
"""The page's width, and the greatest height."""
_RING = [0, 1, 3, 2]
"""Corners of an outline, in the order in which they are drawn."""
NAMES = {
    "lane": "left the lane",
    "collision": "collision",
    "stall": "stood without cause",
    "red_light": "ran a red light",
    "off_road": "touched the kerb",
}


def write_report(driven: Driven, folder: Path) -> Path:
    """Write ``report.html`` into a folder, and return its path."""
    simulator = driven.drive.simulator().parameters
    title = f"Drive in town {simulator['town']}, {simulator['weather']}"
    log = driven.log
    parts = [f"<h1>{html.escape(title)}</h1>", f"<p><code>{html.escape(driven.drive.command)}</code></p>"]
    parts.append(_figures(driven))
    if log.steps:
        parts += ["<h2>Where it drove</h2>", svg(_map(log, Town.generate(simulator["town"])))]
        parts += ["<h2>Lateral error over time</h2>", svg(_lateral(log))]
        parts += [f"<h2>Steering, against the expert's</h2>{_legend()}", svg(_steering(log)), svg(_speed(log))]
    if log.film:
        parts += [f"<h2>Film strip</h2>{_legend()}", _film(log)]
    if driven.seen:
        parts += ["<h2>What was seen, against the truth</h2>", perception_table(driven.seen), _overlays(log)]
    parts += ["<h2>Events</h2>", _events(log.incidents)]
    parts += ["<h2>What was driven</h2>", _provenance(driven)]
    return write_page(folder / "report.html", title, parts)


def summary(metrics: dict[str, Any]) -> str:
    """Say in a line how the drive went."""
    said = [
        f"autonomy {100 * metrics['autonomy']:.1f} %",
        f"{metrics['interventions']} interventions in {metrics['elapsed_s']:.0f} s",
        f"{metrics['km']:.2f} km at {metrics['mean_speed_mps'] * 3.6:.0f} km/h",
        f"lateral error {metrics['mean_lateral_m']:.2f} m",
    ]
    if metrics["shield_stops"]:
        said.append(f"braked {metrics['shield_stops']} times for what was ahead")
    if metrics["red_lights_run"]:
        said.append(f"{metrics['red_lights_run']} red lights run")
    said.append(f"{metrics['timing']['realtime_factor']:.1f} times real time")
    said += seen(metrics["perception"])
    said += [f"{count} failures of {node}" for node, count in metrics["failures"].items() if count]
    return ", ".join(said)


# Pictures.


def _map(log: DriveLog, town: Town) -> Figure:
    x, y = log.column("x"), log.column("y")
    left, low, right, high = town.bounds
    margin = 26.0
    figure, axes = drawing(min(MAP_WIDTH_IN * (high - low + 2 * margin) / (right - left + 2 * margin), MAP_HEIGHT_IN))
    axes.set(xlim=(left - margin, right + margin), ylim=(low - margin, high + margin), aspect="equal")
    axes.axis("off")
    houses = [outline(b.x, b.y, b.heading, b.length, b.depth)[_RING] for b in town.buildings]
    axes.add_collection(PolyCollection(houses, facecolor=BUILDING, edgecolor="none"))
    lanes = [_ribbon(lane.curve.xy, lane.curve.heading) for lane in town.lanes]
    axes.add_collection(PolyCollection(lanes, facecolor=ROAD, edgecolor=ROAD, linewidth=0.3))
    for lane in town.lanes:
        if lane.road >= 0 and lane.id < lane.opposite:
            mid = _beside(lane.curve.xy, lane.curve.heading, LANE_WIDTH_M / 2)
            axes.plot(mid[:, 0], mid[:, 1], color="white", linewidth=0.8, dashes=(4, 4))
    # The line breaks where the car was put back.
    jumps = np.hypot(np.diff(x, prepend=x[0]), np.diff(y, prepend=y[0])) > 2.0
    axes.plot(np.where(jumps, np.nan, x), y, color=STEERED, linewidth=1.8, label="driven")
    axes.plot(x[0], y[0], "o", color=STEERED, markersize=7, label="start")
    for colour, bad, label in ((BAD, True, "intervention"), (WARN, False, "other event")):
        at = [(event.x, event.y) for event in log.incidents if event.intervention == bad]
        if at:
            axes.plot(*zip(*at, strict=True), "X", color=colour, markersize=9, label=label, markeredgecolor="white")
    axes.legend(loc="upper left", bbox_to_anchor=(0, 1.06), ncols=4, frameon=False)
    return figure


def _beside(xy: np.ndarray, heading: np.ndarray, left_m: float) -> np.ndarray:
    return np.asarray(xy + left_m * np.stack([-np.sin(heading), np.cos(heading)], axis=1))


def _ribbon(xy: np.ndarray, heading: np.ndarray) -> np.ndarray:
    return np.concatenate([_beside(xy, heading, LANE_WIDTH_M / 2), _beside(xy, heading, -LANE_WIDTH_M / 2)[::-1]])


def _lateral(log: DriveLog) -> Figure:
    figure, axes = drawing(2.8)
    seconds, lateral = log.seconds(), log.column("lateral")
    thin = thinned(len(seconds))
    axes.axhline(0, color=MUTED, linewidth=0.6)
    axes.plot(seconds[thin], lateral[thin], color=STEERED, linewidth=1.3)
    for event in log.incidents:
        axes.axvline(event.time_s, color=BAD if event.intervention else WARN, linewidth=1.0)
    reach = max(0.5, float(np.nanmax(np.abs(lateral))) * 1.1)
    axes.set(xlabel="time (s)", ylabel="left of the lane's middle (m)", xlim=(0, seconds[-1]), ylim=(-reach, reach))
    return figure


def _steering(log: DriveLog) -> Figure:
    return _both(log, np.degrees(log.column("expert")), np.degrees(log.column("steered")), "steering angle (deg)")


def _speed(log: DriveLog) -> Figure:
    figure = _both(log, None, 3.6 * log.column("speed"), "speed (km/h)")
    figure.axes[0].set_ylim(bottom=0)
    return figure


def _both(log: DriveLog, expert: np.ndarray | None, driven: np.ndarray, what: str) -> Figure:
    figure, axes = drawing(2.6)
    seconds = log.seconds()
    thin = thinned(len(seconds))
    if expert is not None:
        axes.plot(seconds[thin], expert[thin], color=REFERENCE, linewidth=2.6, alpha=0.7)
    axes.plot(seconds[thin], driven[thin], color=STEERED, linewidth=1.3)
    axes.set(xlabel="time (s)", ylabel=what, xlim=(0, seconds[-1]))
    return figure


def _film(log: DriveLog) -> str:
    start = log.steps[0].stamp_ns
    cells = []
    for step in log.film:
        picture = step.picture()
        shown = None if picture is None else with_overlay(step, picture, FILM_WIDTH)
        cells.append((shown, f"{(step.stamp_ns - start) / 1e9:.1f} s: {caption(step)}"))
    return film(cells)


def _overlays(log: DriveLog) -> str:
    start = log.steps[0].stamp_ns
    shown = [(step, step.overlay) for step in log.film if step.overlay is not None]
    cells = []
    for step, data in shown:
        picture = decode(cdr.deserialize(data, type_name(Image))).to("bgr8")
        cells.append((still(picture), f"{(step.stamp_ns - start) / 1e9:.1f} s"))
    return film(cells)


# Words and numbers.


def _legend() -> str:
    return f'<p><b style="color:{STEERED}">driven</b>, <b style="color:{REFERENCE}">the expert from there</b></p>'


def _figures(driven: Driven) -> str:
    metrics = driven.metrics()
    figures = [
        (f"{100 * metrics['autonomy']:.1f} %", "autonomy"),
        (f"{metrics['interventions']}", "interventions"),
        (f"{metrics['mean_lateral_m']:.2f} m", "mean lateral error"),
        (f"{metrics['mean_speed_mps'] * 3.6:.0f} km/h", "mean speed"),
        (f"{metrics['km']:.2f} km", "driven"),
        (f"{metrics['red_lights_run']}", "red lights run"),
    ]
    if metrics["steering_mae_rad"] is not None:
        figures.append((f"{math.degrees(metrics['steering_mae_rad']):.1f}°", "from the expert's steering"))
    if latency := metrics["timing"].get("latency_ms"):
        figures.append((f"{latency['p99']:.0f} ms", "camera to command, p99"))
    figures.append((f"{metrics['timing']['realtime_factor']:.1f}×", "real time"))
    return tiles(figures)


def _events(incidents: list[Incident]) -> str:
    if not incidents:
        return "<p>None: no intervention, no red light, no kerb.</p>"
    counts = Counter(NAMES.get(event.kind, event.kind) for event in incidents)
    rows = [
        (f"{event.time_s:.2f} s", f"{NAMES.get(event.kind, event.kind)} {event.what}".strip()) for event in incidents
    ]
    return f"<p>{html.escape(', '.join(f'{kind}: {count}' for kind, count in counts.items()))}</p>{table(rows)}"


def _provenance(driven: Driven) -> str:
    rows = [("launch file", str(driven.drive.launch)), ("convoy", __version__)]
    rows += [(f"simulator: {name}", str(value)) for name, value in driven.drive.simulator().parameters.items()]
    for node, card in driven.drive.models().items():
        trained = "; ".join(f"{source.name} ({source.frames} frames, {source.licence})" for source in card.trained_on)
        rows += [(f"model of {node}", f"{card.name}, version {card.version}: {card.description}")]
        rows += [("trained on", trained or "not stated"), ("made by", card.command)]
    return table(rows)
