"""The figures of what a graph has seen, in words and as a table of a report."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

SHOWN = {
    "detection": {"map50": "mAP@50", "map": "mAP"},
    "segmentation": {"miou": "mIoU", "accuracy": "right pixels"},
    "depth": {"abs_rel": "AbsRel", "rmse": "RMSE (m)", "delta1": "within 25 %"},
    "relocalisation": {"median_m": "median (m)", "median_deg": "median (deg)"},
}
"""By task the figures that are shown, and what they are called; the others are in ``metrics.json``."""


def seen(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say how well a graph has seen, a part for each topic."""
    return [f"{topic}: {_words(entry)}" for topic, entry in figures.items()]


def perception_table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the table: topic, its truth, and how well they agree."""
    rows = [
        f"<tr><th>{html.escape(topic)}</th><td>{html.escape(entry['truth'])}</td>"
        f"<td>{html.escape(_words(entry))}</td></tr>"
        for topic, entry in figures.items()
    ]
    return f"<table><tr><th>result</th><th>truth</th><th></th></tr>{''.join(rows)}</table>"


def _words(entry: Mapping[str, Any]) -> str:
    if "fault" in entry:
        return f"not scored: {entry['fault']}"
    shown = [f"{name} {entry[key]:.3f}" for key, name in SHOWN[entry["task"]].items() if entry.get(key) is not None]
    return f"{', '.join(shown) or 'there was nothing to find'} in {entry['frames']:.0f} frames"
