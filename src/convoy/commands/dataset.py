"""``convoy dataset``: data sets and bags of simulated towns, of simulated hands, and what a data set holds."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from convoy.commands import training

app = typer.Typer(no_args_is_help=True, help="Make data sets of simulated towns and hands, and look at any data set.")

Size = Annotated[str, typer.Option(help="WIDTHxHEIGHT of the pictures, pixels.")]
Fov = Annotated[float, typer.Option(help="Degrees, from the left edge to the right one.")]
Stereo = Annotated[float, typer.Option(min=0.0, help="Metres to the right camera of a stereo pair; 0 for none.")]


class Format(enum.StrEnum):
    """Of pictures."""

    jpeg = "jpeg"
    png = "png"


@app.command()
def record(
    towns: Annotated[str, typer.Option(help="A split (train, val, test), a seed, or seeds such as 3,10-19.")],
    frames: Annotated[int, typer.Option(min=1, help="How many.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; one that was begun is gone on with.")],
    size: Size = "480x360",
    fov: Fov = 70.0,
    stereo: Stereo = 0.0,
    weathers: Annotated[
        str, typer.Option(help="Of clear, cloudy, low_sun, overcast, fog, rain, dusk, by commas \\[default: all]")
    ] = "",
    every: Annotated[float, typer.Option(help="Seconds of driving from one frame to the next.")] = 1.0,
    drive: Annotated[
        int, typer.Option(min=0, help="Number of the first drive in each town; others are other routes and traffic.")
    ] = 0,
    format: Annotated[Format, typer.Option(help="Of pictures; JPEG is of quality 95.")] = Format.jpeg,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes \\[default: one per core]")] = None,
) -> None:
    """Make a data set of simulated towns: pictures, masks, boxes, depth, poses, calibration.

    Pictures, masks of classes and of things (PNG), depth (16-bit PNG, mm, 0 beyond 65.5 m), COCO boxes and masks
    (annotations.json; boxes are of what is visible), poses (4x4 files and a TUM trajectory), camera_info.yaml and
    classes.json. The same call gives the same bytes; after Ctrl-C it goes on where it was. As data for training and
    evaluation it is folder:DIR.

    Example: convoy dataset record --towns train --frames 4000 --out data/towns --stereo 0.3
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from convoy.learning.datasets.recipe import Recipe
    from convoy.learning.datasets.recorder import record as make

    width, height = _size(size)
    chosen = tuple(name.strip() for name in weathers.split(",")) if weathers else ()
    recipe = Recipe(towns, frames, width, height, fov, stereo, chosen, every, drive, format.value)
    columns = (TextColumn("recording"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("recording", total=frames)
        make(recipe, out, workers, lambda done, total: bar.update(task, completed=done))
    print(f"{out}: {frames} frames of {len({scene.town for scene in recipe.scenes()})} towns")


@app.command()
def bag(
    town: Annotated[int, typer.Option(min=0, help="Seed of the town.")],
    out: Annotated[Path, typer.Option(help="The new bag: a folder, or a file that ends in .mcap.")],
    seconds: Annotated[float, typer.Option(min=0.1, help="Of the simulated world's time.")] = 60.0,
    drive: Annotated[int, typer.Option(min=0, help="Number of the drive: start, route, traffic and light.")] = 0,
    weather: Annotated[str, typer.Option(help="clear, cloudy, low_sun, overcast, fog, rain or dusk.")] = "clear",
    size: Size = "480x360",
    fov: Fov = 70.0,
    stereo: Stereo = 0.0,
    format: Annotated[Format, typer.Option(help="Of pictures.")] = Format.jpeg,
) -> None:
    """Record a bag of the expert's drive through a town: every sensor's topic at 20 Hz, and the truth.

    Example: convoy dataset bag --town 1100 --seconds 30 --out bags/town_1100
    """
    from rich.console import Console
    from rich.progress import Progress

    from convoy.hosts.process import log_to_console
    from convoy.learning.datasets.bag_recording import BagDrive, record_bag

    log_to_console("error")
    width, height = _size(size)
    plan = BagDrive(town, drive, weather, 15, 20, seconds, width, height, fov, stereo, format.value)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("recording", total=seconds)
        count = record_bag(plan, out, lambda now: bar.update(task, completed=now))
    print(f"{out}: {count} messages, {seconds:g} s")


@app.command()
def hands(
    seeds: Annotated[str, typer.Option(help="Simulated persons, such as 0-19.")],
    out: Annotated[Path, typer.Option(help="New folder to write to.")],
    test: Annotated[str, typer.Option(help="Those of them who become the test part.")] = "",
    repetitions: Annotated[int, typer.Option(min=1, help="Of each gesture with one finger, and with the hand.")] = 2,
) -> None:
    """Make a data set of simulated hands' gestures, in the layout of SHREC'17, for whatever reads that.

    As data for training it is shrec:DIR; hands:SEEDS needs no files, and has movements that are no gesture as well.

    Example: convoy dataset hands --seeds 0-19 --test 15-19 --out data/hands
    """
    from rich.console import Console
    from rich.progress import track

    from convoy.learning.errors import LearningError
    from convoy.learning.shrec import write_shrec
    from convoy.learning.simulated_hands import parse_seeds
    from convoy_sim.hands import Person

    persons, held_out = parse_seeds(seeds), parse_seeds(test) if test else []
    if strange := sorted(set(held_out) - set(persons)):
        raise LearningError(f"--test names person {strange[0]}, who is none of --seeds {seeds}.")
    if out.exists():
        raise LearningError(f"{out} is there already; name a new folder, or remove it.")
    shown = track(persons, "performing", console=Console(stderr=True), transient=True)
    clips = ((seed, clip) for seed in shown for clip in Person(seed).clips(repetitions, idle_clips=0))
    count = write_shrec(out, clips, held_out)
    print(f"{out}: {count} gestures of {len(persons)} persons, {len(held_out)} of them for the test")


@app.command()
def show(
    data: Annotated[
        list[str],
        typer.Argument(metavar="SPEC...", help="sim:, folder:, coco:, rgbd:, bag: or images:PLACE[#PART][@COUNT]"),
    ],
    sheet: Annotated[Path | None, typer.Option(help="JPEG or PNG file to draw some samples to.")] = None,
    rows: Annotated[int, typer.Option(min=1, max=100, help="Samples to draw.")] = 6,
    skip_missing: training.SkipMissing = False,
) -> None:
    """Say what a data set holds and what is wrong with it, and draw some of it.

    Examples: convoy dataset show sim:val@200 --sheet val.jpg
              convoy dataset show coco:photos,photos/instances.json --skip-missing
    """
    from rich.console import Console
    from rich.progress import Progress

    from convoy.learning.datasets.sheet import write_sheet
    from convoy.learning.datasets.spec import open_dataset

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("recording", total=None)
        found = open_dataset(
            *data,
            missing="skip" if skip_missing else "error",
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    sample = found[0]
    height, width = sample.image.shape[:2]
    parts = ("boxes", "mask", "instances", "keypoints", "depth", "right", "camera", "pose", "category")
    print(f"{found.name}: {len(found)} samples, licence: {found.licence}")
    print(f"classes: {', '.join(found.classes) or 'none'}")
    print(f"the first: {width}x{height}, {', '.join(p for p in parts if getattr(sample, p) is not None) or 'alone'}")
    for line in training.faults(found):
        print(line)
    if sheet:
        write_sheet(found, rows, sheet)


def _size(text: str) -> tuple[int, int]:
    import re

    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if not found:
        raise typer.BadParameter(f"{text!r} is no WIDTHxHEIGHT such as 320x240", param_hint="--size")
    return int(found[1]), int(found[2])
