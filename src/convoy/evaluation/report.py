"""The report of a replay: one HTML file that works offline."""

from __future__ import annotations

import base64
import html
import io
import math
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from convoy import __version__
from convoy.evaluation.frames import Series
from convoy.evaluation.replay import Replay
from convoy.interfaces import cdr
from convoy.interfaces.images import ImageError, decode

STEERED, HUMAN, MUTED = "#2563eb", "#16a34a", "#64748b"
MOST_POINTS = 4000
FILM_WIDTH = 320

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #0f172a; background: #f8fafc; margin: 0 }
main { max-width: 1080px; margin: 0 auto; padding: 32px 24px }
h1 { font-size: 24px; margin: 0 } h2 { font-size: 17px; margin: 36px 0 8px }
p, td.note { color: #475569 } code { font-size: 13px; overflow-wrap: anywhere }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0 }
.tile { background: #fff; border: 1px solid #e2e8f0; border-radius: 8px; padding: 10px 16px; min-width: 120px }
.tile b { display: block; font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums }
.tile span { color: #64748b; font-size: 13px }
figure { background: #fff; border: 1px solid #e2e8f0; border-radius: 8px; margin: 0; padding: 8px }
figure svg { width: 100%; height: auto; display: block }
.film { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 10px }
.film div { background: #fff; border: 1px solid #e2e8f0; border-radius: 8px; overflow: hidden; font-size: 13px }
.film img { width: 100%; display: block } .film span { padding: 4px 8px; display: block; color: #475569 }
table { border-collapse: collapse; background: #fff; border: 1px solid #e2e8f0; border-radius: 8px; width: 100% }
th, td { text-align: left; padding: 5px 12px; border-top: 1px solid #e2e8f0; vertical-align: top }
th { color: #475569; font-weight: 500; white-space: nowrap }
td.number { text-align: right; font-variant-numeric: tabular-nums }
"""


def write_report(replay: Replay) -> Path:
    """Write ``report.html`` into the replay's folder, and return its path."""
    judged = _judged(replay)
    parts = [
        f"<h1>Replay of {html.escape(replay.bag.name)}</h1>",
        f"<p><code>{html.escape(replay.command)}</code></p>",
        _tiles(replay.metrics),
    ]
    if judged is not None:
        topic, series = judged
        parts += ["<h2>Steering angle over time</h2>", _svg(_angles(series, topic))]
        if np.isfinite(series.human).any():
            parts += ["<h2>Error against the human</h2>", _svg(_errors(series))]
    if replay.film:
        parts += ["<h2>Film strip</h2>", _film(replay, judged[1] if judged else None)]
    parts += ["<h2>Where the time goes</h2>", _svg(_times(replay)), _stage_table(replay.metrics)]
    parts += ["<h2>What was replayed</h2>", _provenance(replay)]
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(replay.bag.name)} - convoy</title>"
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )
    path = replay.folder / "report.html"
    path.write_text(page)
    return path


def summary(metrics: dict[str, Any]) -> str:
    """Say in a line what the replay found."""
    said = [f"{metrics['frames']} frames, {metrics['realtime_factor']:.1f} times real time"]
    if metrics["rmse_rad"] is not None:
        said.append(f"rmse {metrics['rmse_rad']:.4f} rad (mean {metrics['mae_rad']:.4f})")
    if metrics["constant_rmse_rad"]:
        said.append(f"{metrics['rmse_rad'] / metrics['constant_rmse_rad']:.2f} of always steering the training mean")
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
    thin = slice(None, None, max(1, len(seconds) // MOST_POINTS))
    figure, axes = _figure(3.2)
    axes.axhline(0, color=MUTED, linewidth=0.6)
    if np.isfinite(series.human).any():
        axes.plot(seconds[thin], np.degrees(series.human)[thin], color=HUMAN, linewidth=1.4, label="human")
    axes.plot(seconds[thin], np.degrees(series.steered)[thin], color=STEERED, linewidth=1.4, label=topic)
    axes.set(xlabel="time (s)", ylabel="steering angle (deg), left positive", xlim=(0, max(seconds[-1], 1e-3)))
    axes.legend(loc="upper right", frameon=False, ncols=2)
    return figure


def _errors(series: Series) -> Figure:
    errors = np.degrees(np.array(series.steered) - np.array(series.human))
    errors = errors[np.isfinite(errors)]
    figure, axes = _figure(2.6)
    axes.hist(errors, bins=min(60, max(10, len(errors) // 8)), color=STEERED, alpha=0.8)
    axes.axvline(errors.mean(), color="#dc2626", linewidth=1.2, label=f"mean {errors.mean():+.2f} deg")
    axes.set(xlabel="steered minus human (deg)", ylabel="frames")
    axes.legend(loc="upper right", frameon=False)
    return figure


def _times(replay: Replay) -> Figure:
    figure, axes = _figure(2.6)
    for name, values in replay.stages_ms.items():
        ordered = np.sort(values)
        axes.plot(ordered, np.arange(1, len(ordered) + 1) / len(ordered) * 100, linewidth=1.6, label=name)
    axes.set(xscale="log", xlabel="time per frame (ms)", ylabel="frames within that time (%)", ylim=(0, 101))
    axes.grid(visible=True, which="major", color="#e2e8f0", linewidth=0.6)
    axes.legend(loc="lower right", frameon=False)
    return figure


def _figure(height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(10, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    # A fixed salt and no date: the same replay gives the same file.
    with mpl.rc_context(
        {"svg.hashsalt": "convoy", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
    ):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    drawing = buffer.getvalue()
    return f"<figure>{drawing[drawing.index('<svg') :]}</figure>"


def _film(replay: Replay, series: Series | None) -> str:
    steered = dict(zip(series.stamps_ns, zip(series.steered, series.human, strict=True), strict=True)) if series else {}
    start = replay.film[0][0]
    cells = []
    for stamp, type_, data in replay.film:
        try:
            picture = decode(cdr.deserialize(data, type_)).to("bgr8")
        except ImageError as error:
            cells.append(f"<div><span>{(stamp - start) / 1e9:.1f} s: {html.escape(str(error))}</span></div>")
            continue
        height = round(picture.shape[0] * FILM_WIDTH / picture.shape[1])
        picture = cv2.resize(picture, (FILM_WIDTH, height), interpolation=cv2.INTER_LINEAR)
        caption = f"{(stamp - start) / 1e9:.1f} s"
        if stamp in steered:
            angle, human = steered[stamp]
            caption += f": {math.degrees(angle):+.1f} deg"
            if math.isfinite(human):
                _draw_arc(picture, human, HUMAN)
                caption += f", human {math.degrees(human):+.1f} deg"
            _draw_arc(picture, angle, STEERED)
        jpeg = base64.b64encode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()).decode()
        cells.append(f'<div><img alt="" src="data:image/jpeg;base64,{jpeg}"><span>{caption}</span></div>')
    legend = (
        f'<p>Arcs: <b style="color:{HUMAN}">human</b>, <b style="color:{STEERED}">steered</b>.</p>' if steered else ""
    )
    return legend + f'<div class="film">{"".join(cells)}</div>'


def _draw_arc(picture: np.ndarray, angle: float, colour: str) -> None:
    """Draw where the wheels point, as an arc from the middle of the lower edge; not to any camera's geometry."""
    height, width = picture.shape[:2]
    along = np.linspace(0, 1, 24)
    # The arc bends to the left for a positive angle; its length is fixed, so that angles compare between pictures.
    x = width / 2 - np.sin(angle * along) * along * height * 0.9
    y = height - along * np.cos(angle * along) * height * 0.55
    points = np.stack([x, y], axis=1).round().astype(np.int32)
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    cv2.polylines(picture, [points], False, (255, 255, 255), 5, cv2.LINE_AA)
    cv2.polylines(picture, [points], False, (blue, green, red), 3, cv2.LINE_AA)


# Words and numbers.


def _tiles(metrics: dict[str, Any]) -> str:
    tiles = [(f"{metrics['frames']}", "frames")]
    if metrics["rmse_rad"] is not None:
        tiles.append((f"{math.degrees(metrics['rmse_rad']):.2f}°", "rmse against the human"))
        tiles.append((f"{math.degrees(metrics['mae_rad']):.2f}°", "mean absolute error"))
    if metrics["constant_rmse_rad"]:
        ratio = metrics["rmse_rad"] / metrics["constant_rmse_rad"]
        tiles.append((f"{ratio:.2f}", "rmse / rmse of a constant angle"))
    tiles.append((f"{metrics['realtime_factor']:.1f}×", "real time"))
    if metrics["floor_ratio"]:
        tiles.append((f"{metrics['floor_ratio']:.2f}", "wall time / (decode + inference)"))
    if "dropped" in metrics:
        tiles.append((str(sum(metrics["dropped"].values())), "frames dropped"))
    failures = sum(metrics["failures"].values())
    if failures:
        tiles.append((str(failures), "failures"))
    return (
        '<div class="tiles">'
        + "".join(f'<div class="tile"><b>{b}</b><span>{s}</span></div>' for b, s in tiles)
        + "</div>"
    )


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
    body = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{body}</table>"
