"""The questions of ``convoy calibrate actuator``: a car on a stand, and a person who looks at its wheels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from convoy.commands.dialog import Dialog
from convoy.devices import calibration
from convoy.devices.calibration import Found
from convoy.devices.errors import CalibrationError, DeviceError
from convoy.devices.exercise import Exercise
from convoy.launch.parameters import written

T = TypeVar("T")

RUN_S, TURN_S = 1.0, 0.7
"""How long the motor runs at a time, and how long the wheels are shown at an end."""
SPAN_US = 1000
"""Of a pulse from its centre, while its travel is not known: `Channel` limits what is beyond any servo."""
SERVO_US = {"vesc": (1000, 2000)}
ANY_SERVO_US = (500, 2500)
NEUTRAL_US = (1350, 1650)
"""Where the motor is off on any controller; farther away it would run without having been asked to."""
THROTTLE_US = 500
SPAN_ERPM = 100_000
ERPM_STEP, PULSE_STEP = 500, 10


def find(device: Found, dialog: Dialog, out: Path) -> None:
    """Ask for everything, and write the file.

    Args:
        device: the parameters of the actuator that say which one it is.
        dialog: with the person who looks at the wheels.
        out: the parameter file.

    Raises:
        CalibrationError: the person did not confirm; nothing is written.
        DeviceError: the device is not there, or is lost, or the input ended; neither is anything written.
    """
    print("Lift the car so that all wheels turn freely, and keep hands, hair and cables away from them.")
    if _line(dialog, "Are the wheels off the ground? Type yes:") != "yes":
        raise CalibrationError("It was not confirmed that the wheels are off the ground; nothing was moved.")
    print("\n+ and - move by a step, ++ and -- by five, a number goes there; Enter keeps what you see.")
    explored = {"steering_travel": SPAN_US, "throttle_travel": SPAN_US, "max_erpm": SPAN_ERPM}
    found: Found = {}
    with _exercise(device | explored, dialog) as car:
        found |= _steering(car, dialog, device["device"])
        neutral = 1500 if device["device"] == "vesc" else _neutral(car, dialog)
    span = {"throttle_centre": neutral, "throttle_travel": SPAN_US, "max_erpm": SPAN_ERPM}
    with _exercise(device | found | span, dialog) as car:
        found |= _motor(car, dialog) if device["device"] == "vesc" else _throttle(car, dialog, neutral)
    found |= _limits(dialog)
    with _exercise(device | found, dialog) as car:
        _show(car, dialog, found)
    if _line(dialog, "Did it steer left, right, straight, and roll forwards? Type yes to write the file:") != "yes":
        raise CalibrationError("It was not confirmed that the car moved as it should; nothing was written.")
    _write(out, calibration.sections(device | found))
    print(f"wrote {out}; drive with: convoy launch launch/car.launch.yaml vehicle:={out}")


# What is found.


def _steering(car: Exercise, dialog: Dialog, device: str) -> Found:
    lowest, highest = SERVO_US.get(device, ANY_SERVO_US)

    def position(what: str, at: int) -> int:
        def put(pulse: int) -> None:
            car.put((pulse - 1500) / SPAN_US, car.throttle)

        put(at)
        return _tune(dialog, what, at, PULSE_STEP, lowest, highest, "us", put)

    def ends() -> Found:
        centre = position("The wheels point straight ahead at", 1500)
        left = position("They are as far left as they go without the servo humming at", centre)
        right = position("They are as far right at", centre)
        car.put((centre - 1500) / SPAN_US, car.throttle)
        return calibration.steering(centre, left, right)

    print("\nSteering")
    found = _again(ends)
    degrees = _number(dialog, "Angle of the front wheels at that end, in degrees", 23.0, 1.0, 80.0)
    return found | calibration.angle(degrees)


def _neutral(car: Exercise, dialog: Dialog) -> int:
    def put(pulse: int) -> None:
        car.rest = (pulse - 1500) / SPAN_US
        car.put(car.steering, car.rest)

    print("\nMotor")
    return _tune(dialog, "It is off, and its controller quiet, at", 1500, PULSE_STEP, *NEUTRAL_US, "us", put)


def _throttle(car: Exercise, dialog: Dialog, neutral: int) -> Found:
    def run(pulse: int) -> None:
        _run(car, dialog, (pulse - neutral) / SPAN_US)

    def ends() -> Found:
        limits = neutral - THROTTLE_US, neutral + THROTTLE_US
        starts = _tune(
            dialog,
            "The wheels just turn forwards (go by - where + turns them back) at",
            neutral,
            PULSE_STEP,
            *limits,
            "us",
            run,
        )
        full = _tune(dialog, "They turn as fast as they ever shall at", starts, 2 * PULSE_STEP, *limits, "us", run)
        return calibration.throttle(neutral, starts, full)

    return _again(ends)


def _motor(car: Exercise, dialog: Dialog) -> Found:
    def run(erpm: int) -> None:
        _run(car, dialog, erpm / SPAN_ERPM)
        print(f"  the VESC measured {car.said.get('erpm', 'nothing')}")

    def end() -> Found:
        question = "The wheels turn forwards, as fast as they ever shall, at"
        return calibration.motor(_tune(dialog, question, 0, ERPM_STEP, -SPAN_ERPM, SPAN_ERPM, "erpm", run))

    print("\nMotor: what is negative turns it the other way")
    return _again(end)


def _limits(dialog: Dialog) -> Found:
    def ask() -> Found:
        full = _number(dialog, "Speed on the ground at the fastest that you have seen, in m/s", 5.0, 0.1, 40.0)
        forwards = _number(dialog, "Never faster forwards than, in m/s", min(1.5, full), 0.1, 40.0)
        backwards = _number(dialog, "Never faster backwards than, in m/s (0: never backwards)", 0.0, 0.0, 10.0)
        return calibration.speeds(full, forwards, backwards)

    print("\nSpeed: a guess will do for now; docs/car.md says how it is measured")
    return _again(ask)


def _show(car: Exercise, dialog: Dialog, found: Found) -> None:
    _line(dialog, "\nEnter shows it all: left, right, straight, and forwards for a second.")
    for steering in (1.0, -1.0, 0.0):
        car.put(steering, 0.0)
        dialog.wait(TURN_S)
    _run(car, dialog, min(found["max_speed"] / found["full_speed"], 0.25))


# How it is asked and moved.


@contextmanager
def _exercise(parameters: Found, dialog: Dialog) -> Iterator[Exercise]:
    print(f"\n{parameters['device']}: waiting for it")
    with Exercise(parameters) as car:
        dialog.keep_alive = car.keep_alive
        try:
            yield car
        finally:
            dialog.keep_alive = lambda: None


def _run(car: Exercise, dialog: Dialog, throttle: float) -> None:
    """Run the motor for a moment; typing ends it sooner."""
    car.put(car.steering, throttle)
    dialog.wait(RUN_S)
    car.put(car.steering, car.rest)


def _tune(
    dialog: Dialog, what: str, at: int, step: int, lowest: int, highest: int, unit: str, put: Callable[[int], None]
) -> int:
    """Have a person move something until it is as it should be; returns where that is."""
    while text := _line(dialog, f"{what} {at} {unit}:"):
        moved = _accept(partial(calibration.read_step, text, at, step, lowest, highest, unit))
        if moved is not None:
            at = moved
            put(at)
    return at


def _number(dialog: Dialog, what: str, default: float, lowest: float, highest: float) -> float:
    while True:
        text = _line(dialog, f"{what} [{default:g}]:")
        value = _accept(partial(calibration.read_number, text, default, lowest, highest, what))
        if value is not None:
            return value


def _again(find: Callable[[], Found]) -> Found:
    """Ask for something until it can be."""
    while (found := _accept(find)) is None:
        pass
    return found


def _accept(read: Callable[[], T]) -> T | None:
    """Return what is read; none, and the reason on the screen, where that can't be."""
    try:
        return read()
    except CalibrationError as error:
        print(f"  {error}")
        return None


def _line(dialog: Dialog, question: str) -> str:
    text = dialog.ask(question)
    if text is None:
        raise DeviceError("The input has ended before everything was found; nothing was written.")
    return text


def _write(out: Path, sections: dict[str, Found]) -> None:
    lines = ["# A car, as convoy calibrate actuator found it: for launch/car.launch.yaml vehicle:=THIS_FILE."]
    for node, parameters in sections.items():
        lines += ["", f"/**/{node}:", "  ros__parameters:"]
        lines += [f"    {name}: {written(value)}" for name, value in parameters.items()]
    try:
        out.write_text("\n".join(lines) + "\n")
    except OSError as error:
        raise DeviceError(f"{out} can't be written: {error.strerror}") from None
