"""What weights from simulated towns are worth where real pictures with masks are few.

Segmentation nets are trained on so many pictures of a data set, from nothing and starting from a model, with several
seeds each, and measured on its validation part. All is done by the verbs that users have. A run that was cut short
goes on with the trainings that its JSON file lacks.

    python benchmarks/few_labels.py --data folder:CAMVID --start models/segmenter.onnx --json few.json --plot few.svg
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

FROM_NOTHING = "from nothing"
BATCH, LARGE = 8, 400
"""Pictures of a step, and of an epoch."""


def main(
    data: Annotated[str, typer.Option(help="folder:DIR with the parts train and val.")],
    start: Annotated[Path, typer.Option(help="Model file to begin with, of the net compact.")],
    json_file: Annotated[Path, typer.Option("--json", help="Where the figures are kept.")],
    plot: Annotated[Path | None, typer.Option(help="Picture of them to write, .svg or .png.")] = None,
    pictures: Annotated[list[int], typer.Option(help="To train with.")] = [50, 100, 367],  # noqa: B006
    steps: Annotated[int, typer.Option(min=1, help="Of each training, at most: batches of 8 pictures.")] = 600,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each kind.")] = 3,
) -> None:
    """Train and measure what is missing; print a table and write JSON."""
    settings = {"data": data.rpartition("/")[2], "start": start.name, "steps": steps}
    rows: list[dict[str, Any]] = []
    if json_file.exists():
        kept = json.loads(json_file.read_text())
        if {name: kept.get(name) for name in settings} != settings:
            raise typer.BadParameter(f"{json_file} holds another run; name another file.", param_hint="--json")
        rows = kept["rows"]
    wanted = [
        {"pictures": count, "start": begun, "seed": seed}
        for count in pictures
        for begun in (FROM_NOTHING, start.name)
        for seed in range(seeds)
    ]
    console = Console()
    for number, kind in enumerate(wanted, 1):
        if any(kind.items() <= row.items() for row in rows):
            continue
        console.print(f"{number} of {len(wanted)}: {kind['pictures']} pictures, {kind['start']}, seed {kind['seed']}")
        rows.append(kind | trained(data, kind, start, steps))
        json_file.write_text(json.dumps(settings | {"rows": rows}, indent=1) + "\n")
    console.print(table(rows))
    if plot is not None:
        draw(rows, plot)


def trained(data: str, kind: dict[str, Any], start: Path, steps: int) -> dict[str, Any]:
    """Train one net, and measure it: mIoU, and the IoU of each class."""
    # A validation follows each epoch: of few pictures one is made by showing them again.
    again = max(1, round(LARGE / kind["pictures"]))
    epochs = max(1, steps * BATCH // (again * kind["pictures"]))
    with tempfile.TemporaryDirectory() as folder:
        model, figures = Path(folder) / "net.onnx", Path(folder) / "figures.json"
        arguments = [
            "segmentation",
            *again * ["--data", f"{data}#train@{kind['pictures']}"],
            "--validation",
            f"{data}#val",
        ]
        arguments += ["--batch-size", str(BATCH), "--epochs", str(epochs), "--patience", str(epochs), "--class-weights"]
        arguments += ["--seed", str(kind["seed"]), "--out", str(model), "--run", str(Path(folder) / "run")]
        run("train", *arguments, *([] if kind["start"] == FROM_NOTHING else ["--start", str(start)]))
        run("evaluate", "segmentation", "--model", str(model), "--data", f"{data}#val", "--json", str(figures))
        found = json.loads(figures.read_text())
    return {name: value for name, value in found.items() if name == "miou" or name.startswith("iou ")}


def run(*arguments: str) -> None:
    """Run a verb; what it says is shown where it fails."""
    done = subprocess.run([sys.executable, "-m", "convoy", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"convoy {' '.join(arguments)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def series(rows: list[dict[str, Any]]) -> dict[tuple[str, int], list[float]]:
    """By start and number of pictures, the mIoU of each seed."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for row in rows:
        found[row["start"], row["pictures"]].append(row["miou"])
    return dict(sorted(found.items()))


def table(rows: list[dict[str, Any]]) -> Table:
    shown = Table("start", "pictures", "mIoU", "deviation", "seeds")
    for (start, count), found in series(rows).items():
        spread = f"{statistics.stdev(found):.3f}" if len(found) > 1 else ""
        shown.add_row(start, str(count), f"{statistics.mean(found):.3f}", spread, str(len(found)))
    return shown


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Lines through the means, a dot for each training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    found = series(rows)
    for colour, start in zip(("#7a7a7a", "#0b7285"), sorted({start for start, _ in found}), strict=False):
        counts = [count for begun, count in found if begun == start]
        axes.plot(counts, [statistics.mean(found[start, count]) for count in counts], color=colour, label=start)
        for count in counts:
            axes.plot([count] * len(found[start, count]), found[start, count], "o", color=colour, markersize=4)
    axes.set(xscale="log", xlabel="pictures with masks", ylabel="mIoU on the validation part", ylim=(0, None))
    axes.set_xticks(sorted({count for _, count in found}), [str(count) for count in sorted({c for _, c in found})])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)


if __name__ == "__main__":
    typer.run(main)
