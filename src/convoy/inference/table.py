"""The trained models of a folder, as a table for people."""

from __future__ import annotations

from pathlib import Path

from convoy.inference.card import ModelCard

_HEAD = """# Models

Each file runs with ONNX Runtime alone and carries its card: what it is for, what it takes, what it was
trained on, how well it does on data that it never saw. This page is made from the cards by
`convoy models list --write`.
"""


def models_page(folder: Path) -> str:
    """Write a Markdown page of all models in a folder, by name.

    Raises:
        ModelError: a file is damaged or carries no card.
    """
    cards = {path: ModelCard.read(path) for path in sorted(folder.glob("*.onnx"))}
    rows = ["| file | task | takes | gives | licence |", "|---|---|---|---|---|"]
    rows += [_row(path, card) for path, card in cards.items()]
    return "\n".join([_HEAD, *rows, *(_details(path, card) for path, card in cards.items()), ""])


def _row(path: Path, card: ModelCard) -> str:
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    outputs = ", ".join(f"`{output.name}` ({output.unit})" for output in card.outputs)
    return f"| `{path.name}`, {size} | {card.task} | {card.input.describe()} | {outputs} | {card.licence} |"


def _details(path: Path, card: ModelCard) -> str:
    lines = [f"\n## {path.name}\n", f"{card.description} Version {card.version}.\n"]
    lines += [
        f"- trained on {source.name}: {source.frames} frames, {source.part}; licence of the data: {source.licence}"
        for source in card.trained_on
    ]
    for data, figures in card.metrics.items():
        lines.append(f"- {data}: " + ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))
    if card.constant is not None:
        lines.append(f"- mean of the training targets: {card.constant:.4f} {card.outputs[0].unit}")
    if card.seeds:
        lines.append(f"- seed {', '.join(map(str, card.seeds))}, code {card.revision}")
    return "\n".join([*lines, f"- made by `{card.command}`"])
