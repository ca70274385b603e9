"""What reports are made of: one HTML file that works offline, its tiles, tables, drawings and film strip."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

STEERED, REFERENCE, MUTED, BAD = "#2563eb", "#16a34a", "#64748b", "#dc2626"
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


def write_page(path: Path, title: str, parts: Iterable[str]) -> Path:
    """Write the HTML file of some parts, and return its path."""
    path.write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)} - convoy</title>"
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )
    return path


def tiles(figures: Iterable[tuple[str, str]]) -> str:
    """The figures that matter, each with what it is."""
    cells = "".join(f'<div class="tile"><b>{figure}</b><span>{what}</span></div>' for figure, what in figures)
    return f'<div class="tiles">{cells}</div>'


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values, as text."""
    body = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{body}</table>"


def thinned(length: int) -> slice:
    """Which of so many points are drawn."""
    return slice(None, None, max(1, length // MOST_POINTS))


def drawing(height: float) -> tuple[Figure, Any]:
    """An empty drawing as wide as the page, and its axes."""
    figure = Figure(figsize=(10, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def svg(figure: Figure) -> str:
    """A drawing as SVG; the same drawing gives the same bytes."""
    buffer = io.StringIO()
    # A fixed salt and no date.
    with mpl.rc_context(
        {"svg.hashsalt": "convoy", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
    ):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    drawing = buffer.getvalue()
    return f"<figure>{drawing[drawing.index('<svg') :]}</figure>"


def film(cells: Iterable[tuple[np.ndarray | None, str]]) -> str:
    """A strip of pictures (BGR) with captions; a caption alone where there is no picture."""
    return f'<div class="film">{"".join(_cell(picture, caption) for picture, caption in cells)}</div>'


def still(picture: np.ndarray, arcs: Iterable[tuple[float, str]] = (), width: int = FILM_WIDTH) -> np.ndarray:
    """A picture (BGR) in a film's width, with steering angles (rad, each in a colour) drawn into it as arcs."""
    height = round(picture.shape[0] * width / picture.shape[1])
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    for angle, colour in arcs:
        _draw_arc(picture, angle, colour)
    return picture


def _cell(picture: np.ndarray | None, caption: str) -> str:
    shown = ""
    if picture is not None:
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
        shown = f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">'
    return f"<div>{shown}<span>{html.escape(caption)}</span></div>"


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
