"""``convoy calibrate actuator``: a car's centre, travel, direction and speed limits, found step by step on a stand."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal

import typer


def actuator(
    device: Annotated[
        Literal["pca9685", "vesc", "serial"],
        typer.Option(help="What moves the car; see docs/car.md.", show_default=False),
    ],
    port: Annotated[str, typer.Option(help="Serial port of a VESC or a microcontroller.")] = "/dev/ttyACM0",
    baud_rate: Annotated[int, typer.Option(help="Of the serial port.")] = 115200,
    i2c_bus: Annotated[int, typer.Option(help="Of a PCA9685: the number in /dev/i2c-1.")] = 1,
    i2c_address: Annotated[int, typer.Option(help="Of a PCA9685: 64 is 0x40.")] = 0x40,
    outputs: Annotated[tuple[int, int], typer.Option(help="Of a PCA9685: of steering and throttle.")] = (0, 1),
    arming: Annotated[float, typer.Option(help="Seconds of neutral that the motor controller wants first.")] = 1.0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The parameter file of the car.")] = Path("car.yaml"),
) -> None:
    """Find a car's centre, travel, direction and speed limits, and write them for launch/car.launch.yaml.

    The wheels must be off the ground. The motor runs for one second at a time, after each step that you enter, and less
    when you type; it is off at the start, at the end, and when this ends for any reason.

    Example: convoy calibrate actuator --device serial --port /dev/ttyACM0 --out car.yaml
    """
    import sys

    from convoy.commands.actuator_dialog import find
    from convoy.commands.dialog import Dialog
    from convoy.devices.errors import CalibrationError

    if out.is_dir() or not out.parent.is_dir():
        raise CalibrationError(
            f"{out} can't be written: {'it is a folder' if out.is_dir() else 'its folder is missing'}."
        )
    bus: dict[str, Any] = {"port": port, "baud_rate": baud_rate}
    if device == "pca9685":
        bus = {"i2c_bus": i2c_bus, "i2c_address": i2c_address, "outputs": list(outputs)}
    _end_once()
    find({"device": device, **bus, "arming": arming}, Dialog(sys.stdin.fileno()), out)


def _end_once() -> None:
    """Take every way in which a terminal ends a program, a closed one too, for Ctrl-C; and only the first.

    What comes later must not disturb what puts the car to rest. Nor is the program to be halted with the motor running.
    """
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in ends:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in ends:
        signal.signal(number, end)
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
