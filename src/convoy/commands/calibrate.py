"""``convoy calibrate``: a camera's intrinsics from pictures of a board, and a car's actuator on a stand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from convoy.commands.calibrate_actuator import actuator

if TYPE_CHECKING:
    from convoy.perception.boards import Board
    from convoy.perception.calibration import Calibration
    from convoy.perception.survey import Survey

app = typer.Typer(no_args_is_help=True, help="Calibrate the robot's sensors and actuators.")

LARGE_ERROR_PX = 1.0
NARROW_COVER = 0.4


app.command()(actuator)


@app.command()
def camera(
    data: Annotated[Path, typer.Argument(help="Folder of PNG or JPEG pictures, or a bag.", show_default=False)],
    board: Annotated[
        tuple[str, str],
        typer.Option(
            help="'chessboard 9x6' counts inner corners, 'charuco 8x6' fields.",
            metavar="KIND COLUMNSxROWS",
            show_default=False,
        ),
    ],
    square: Annotated[float, typer.Option(help="Width of a field in metres.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The calibration, as ROS reads it.")] = Path("camera.yaml"),
    model: Annotated[
        Literal["pinhole", "fisheye"],
        typer.Option(help="Lens: pinhole up to some 100 degrees (plumb_bob), or fisheye."),
    ] = "pinhole",
    marker: Annotated[
        float | None, typer.Option(help="ChArUco: width of a marker in metres.", show_default=False)
    ] = None,
    dictionary: Annotated[str, typer.Option(help="ChArUco: OpenCV's dictionary of markers.")] = "5X5_100",
    topic: Annotated[
        str | None, typer.Option(help="Images of a bag that has several topics of them.", show_default=False)
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the camera in the file.")] = "camera",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to FILE.")] = None,
) -> None:
    """Make a camera_info file from pictures of a board, and an undistorted picture beside it.

    Show the board near and far, in every corner of the picture, tilted to all sides; 20 views are plenty.

    Example: convoy calibrate camera pictures/ --board chessboard 9x6 --square 0.025 --out front.yaml
    """
    import json

    from rich.console import Console
    from rich.progress import Progress

    from convoy.interfaces.camera_info_file import write_camera_info
    from convoy.interfaces.images import compress
    from convoy.perception.calibration import calibrate, undistort
    from convoy.perception.pictures import find_pictures
    from convoy.perception.survey import survey

    wanted = _board(board, square, marker, dictionary)
    shown = out.with_name(f"{out.stem}_undistorted.png")
    pictures = find_pictures(data, topic, without=shown)
    console = Console(stderr=True)
    with Progress(console=console) as bar:
        task = bar.add_task("looking for the board", total=pictures.count)
        found = survey(pictures, wanted, lambda: bar.advance(task))
    print(_summary(found, pictures.count))
    with console.status("calibrating"):
        result = calibrate(found.views, found.size, model)
    write_camera_info(out, result.info, name)
    undistorted = undistort(found.sample.to("bgr8"), result.info)
    shown.write_bytes(compress(undistorted, "bgr8", found.sample.header, "png").data.tobytes())
    _print(result, model)
    print(f"wrote {out} and {shown}")
    if json_file:
        json_file.write_text(json.dumps(_figures(found, pictures.count, result), indent=2) + "\n")


def _board(board: tuple[str, str], square: float, marker: float | None, dictionary: str) -> Board:
    import re

    from convoy.perception.boards import CalibrationError, Charuco, Chessboard

    kind, size = board
    counts = re.fullmatch(r"(\d{1,3})x(\d{1,3})", size)
    if counts is None:
        raise CalibrationError(f"The board's size is {size!r}; wanted COLUMNSxROWS, such as 9x6.")
    columns, rows = int(counts[1]), int(counts[2])
    if kind == "chessboard":
        return Chessboard(columns, rows, square)
    if kind == "charuco":
        if marker is None:
            raise CalibrationError("A ChArUco board needs --marker, the width of its markers in metres.")
        return Charuco(columns, rows, square, marker, dictionary)
    raise CalibrationError(f"There is no board {kind!r}; wanted 'chessboard' or 'charuco'.")


def _summary(found: Survey, total: int) -> str:
    said = [f"{len(found.views)} views of {total} pictures of {found.size[0]}x{found.size[1]}"]
    if found.without:
        said.append(f"no board in {found.without}")
    if found.alike:
        said.append(f"{found.alike} show it where another does")
    return ", ".join(said)


def _print(result: Calibration, model: str) -> None:
    print(f"\n{'view':<32}{'error, px':>10}")
    for name, error in result.view_errors_px.items():
        print(f"{name:<32}{error:10.3f}")
    for name, error in result.dropped_px.items():
        print(f"{name:<32}{error:10.3f}  dropped: it does not fit the others")
    print(f"{'all that were used':<32}{result.error_px:10.3f}\n")
    for name, index, deviation in zip(("fx", "fy", "cx", "cy"), (0, 4, 2, 5), result.deviations, strict=True):
        print(f"{name} = {result.info.k[index]:9.2f} px, give or take {deviation:.2f}")
    print(f"D  = {', '.join(f'{value:.5f}' for value in result.info.d)} ({result.info.distortion_model})")
    print(f"the board was seen in {100 * result.covered:.0f} % of the picture")
    if result.covered < NARROW_COVER:
        print("  Outside of that the distortion is a guess: take views in the picture's corners too.")
    if result.error_px > LARGE_ERROR_PX:
        other = "fisheye" if model == "pinhole" else "pinhole"
        print(f"  The error is large: is the board flat and the picture sharp? A wide lens may want --model {other}.")


def _figures(found: Survey, total: int, result: Calibration) -> dict[str, Any]:
    return {
        "pictures": total,
        "without_board": found.without,
        "alike": found.alike,
        "error_px": result.error_px,
        "views_px": result.view_errors_px,
        "dropped_px": result.dropped_px,
        "deviations_px": dict(zip(("fx", "fy", "cx", "cy"), result.deviations, strict=True)),
        "covered": result.covered,
        "k": result.info.k.tolist(),
        "d": result.info.d.tolist(),
        "distortion_model": result.info.distortion_model,
    }
