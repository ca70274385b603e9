"""Drives in the simulator, in lock-step: the same on every run, judged by their messages, and safe when parts fail."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.driving.tiny import write_drive_model

from convoy.bags import BagReader
from convoy.errors import ConvoyError
from convoy.evaluation.drive import Drive, DriveError, Driven, drive, launch_arguments
from convoy.evaluation.drive_report import summary, write_report
from convoy.evaluation.replay import replay
from convoy.graph import Component
from convoy.hosts.in_process import InProcess, Published
from convoy.interfaces import cdr
from convoy.interfaces.messages import NANOSECONDS, AckermannDrive, AckermannDriveStamped, Header, make, time, type_name
from convoy.launch import build, default_launch_file, load

pytest.importorskip("mujoco", reason="drives in the simulator (extra 'sim')")

SECONDS = 4.0
QUIET = {"cars": "3", "people": "3"}
DRIVE = type_name(AckermannDriveStamped)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drive_model(tmp_path_factory.mktemp("models") / "tiny.onnx")


def plan(policy: str | Path, seconds: float = SECONDS, **arguments: str) -> Drive:
    given = launch_arguments(str(policy), 3, 0, "clear") | QUIET | arguments
    return Drive(default_launch_file("drive"), given, seconds)


@pytest.fixture(scope="module")
def driven(model: Path, opengl: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Driven, Path]:
    """A drive of the tiny model, and its folder; wet, since rain is drawn by chance."""
    folder = tmp_path_factory.mktemp("driven")
    return drive(plan(model, weather="rain", transport="png"), folder, video=True), folder


def test_two_drives_are_the_same_to_the_byte(driven: tuple[Driven, Path], model: Path, tmp_path: Path) -> None:
    drive(plan(model, weather="rain", transport="png"), tmp_path)
    (one, other) = (json.loads((folder / "metrics.json").read_text()) for folder in (driven[1], tmp_path))
    assert one.pop("timing") != other.pop("timing")
    assert one == other
    assert (driven[1] / "drive.mcap").read_bytes() == (tmp_path / "drive.mcap").read_bytes()


def test_the_bag_tells_the_same_of_the_drive(driven: tuple[Driven, Path]) -> None:
    result, folder = driven
    log = result.drive.log()
    with BagReader(folder / "drive.mcap") as bag:
        for record in bag.messages():
            log.add(record.topic, record.type, record.data)
        assert bag.topics["/camera/image_raw/compressed"].count == SECONDS * 20
        assert bag.topics["/policy/drive"].count == SECONDS * 20
    log.finish()
    assert log.as_dict() == result.log.as_dict()


def test_the_bag_replayed_without_the_simulator_gives_the_commands_that_were_driven(
    driven: tuple[Driven, Path], model: Path, tmp_path: Path
) -> None:
    arguments = {"simulate": "false", "model": str(model)}
    replay(driven[1] / "drive.mcap", default_launch_file("drive"), arguments, tmp_path)
    commands = []
    for bag_path in (driven[1] / "drive.mcap", tmp_path / "replay.mcap"):
        with BagReader(bag_path) as bag:
            commands.append([bytes(record.data) for record in bag.messages(["/policy/drive"])])
    assert len(commands[0]) == SECONDS * 20
    assert commands[0] == commands[1]


def test_what_is_measured(driven: tuple[Driven, Path]) -> None:
    metrics = json.loads((driven[1] / "metrics.json").read_text())
    assert metrics["elapsed_s"] == pytest.approx(SECONDS)
    assert (metrics["steps"], metrics["steps_without_command"]) == (80, 0)
    assert metrics["km"] == pytest.approx(3.0 * SECONDS / 1000, rel=0.4)
    assert 0 <= metrics["autonomy"] <= 1
    assert metrics["steering_mae_rad"] > 0.01
    assert metrics["failures"] == {"/simulator": 0, "/drive_policy": 0, "/supervisor": 0}
    assert set(metrics["timing"]["stage_ms"]) == {"decode", "inference", "projection", "publish", "runtime"}


def test_the_report_shows_the_drive_and_needs_no_network(driven: tuple[Driven, Path]) -> None:
    result, folder = driven
    page = write_report(result, folder).read_text()
    assert page.count("data:image/jpeg;base64,") == 12
    assert page.count("<svg") == 4
    for said in ("Where it drove", "Lateral error", "Film strip", "tiny, version 1", "autonomy", "weather=rain"):
        assert said in page.replace("weather:=rain", "weather=rain"), said
    assert 'src="http' not in page
    assert summary(result.metrics()).startswith(f"autonomy {100 * result.log.metrics.autonomy:.1f} %, ")


def test_the_film_has_a_picture_for_each_step(driven: tuple[Driven, Path]) -> None:
    cv2 = pytest.importorskip("cv2")
    film = cv2.VideoCapture(str(driven[1] / "drive.mp4"))
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == SECONDS * 20
    assert film.get(cv2.CAP_PROP_FPS) == 20


def test_the_expert_needs_no_intervention_and_no_pictures() -> None:
    result = drive(plan("expert", 30.0, images="false"))
    metrics = result.metrics()
    assert (metrics["autonomy"], metrics["interventions"], metrics["red_lights_run"]) == (1.0, 0, 0)
    assert metrics["steering_mae_rad"] == pytest.approx(0.0, abs=1e-3)
    assert metrics["mean_speed_mps"] > 4.0


def test_a_launch_file_without_a_simulator_is_refused() -> None:
    steering = default_launch_file("steering")
    with pytest.raises(DriveError, match=r"steering\.launch\.yaml starts no simulator"):
        drive(Drive(steering, {}, 1.0))


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConvoyError, match=r"none\.onnx does not exist"):
        drive(plan(tmp_path / "none.onnx", images="false"))


# Faults, in the middle of a drive.


@dataclass
class Loop:
    """The drive's graph in a test's hands."""

    executor: InProcess
    components: dict[str, Component]
    published: list[Published] = field(default_factory=list)

    @classmethod
    def start(cls, drive_: Drive) -> Loop:
        published: list[Published] = []
        loop = cls(InProcess(published.append), {}, published)
        for component, node in build(load(drive_.launch, drive_.arguments)):
            loop.executor.add(component, node)
            loop.components[component.name] = component
        loop.executor.start(0)
        return loop

    def until(self, seconds: float) -> None:
        self.executor.run_until(round(seconds * NANOSECONDS))

    def feed(self, seconds: float, topic: str, type_: str, data: Any) -> None:
        self.executor.feed(round(seconds * NANOSECONDS), topic, type_, data)

    def command(self, after_s: float = 0.0) -> list[tuple[float, Any]]:
        """What reached the car, and when."""
        found = [p for p in self.published if p.topic == "/drive" and p.time_ns >= after_s * NANOSECONDS]
        return [(p.time_ns / NANOSECONDS, cdr.deserialize(p.data, p.type_name).drive) for p in found]

    @property
    def speed(self) -> float:
        return self.components["simulator"].world.state.speed  # type: ignore[attr-defined]


@pytest.fixture
def start() -> Any:
    loops: list[Loop] = []

    def start_(drive_: Drive) -> Loop:
        loops.append(Loop.start(drive_))
        return loops[-1]

    yield start_
    for loop in loops:
        loop.executor.stop()


Start = Callable[[Drive], Loop]


def test_a_camera_that_stops_stops_the_car(opengl: None, start: Start, model: Path) -> None:
    loop = start(plan(model))
    loop.until(2.0)
    assert loop.speed > 2.0
    loop.components["simulator"].set_parameters({"image": False})
    loop.until(5.0)
    assert loop.speed == 0.0
    stopped = next(at for at, command in loop.command(2.0) if command.speed == 0.0)
    assert stopped - 2.0 <= 0.5  # stale_after
    loop.components["simulator"].set_parameters({"image": True})
    loop.until(6.5)
    assert loop.speed > 1.0


def test_a_command_that_is_not_finite_reaches_no_wheel(start: Start) -> None:
    loop = start(plan("expert", images="false"))
    loop.until(1.0)
    for step in range(20):
        at = 1.0 + step * 0.05 + 0.01
        header = make(Header, stamp=time(round(at * NANOSECONDS)))
        drive_ = make(AckermannDrive, steering_angle=math.nan, speed=14.0)
        data = cdr.serialize(make(AckermannDriveStamped, header=header, drive=drive_))
        loop.feed(at, "/expert/drive", DRIVE, data)
        if step == 10:
            loop.feed(at, "/drive", DRIVE, data)
    loop.until(2.5)
    assert all(math.isfinite(command.steering_angle) and command.speed < 14.0 for _, command in loop.command())
    assert loop.components["supervisor"].dropped == 20  # type: ignore[attr-defined]
    assert loop.components["simulator"].failures == 1
    assert loop.speed > 2.0


def test_garbage_instead_of_images_is_reported_and_driven_through(opengl: None, start: Start, model: Path) -> None:
    loop = start(plan(model))
    for step in range(10):
        loop.feed(
            1.0 + step * 0.05 + 0.01, "/camera/image_raw", "sensor_msgs/msg/Image", b"\x00\x01\x00\x00" + b"\xff" * 60
        )
    loop.until(2.5)
    assert loop.components["drive_policy"].failures == 10
    assert loop.speed > 2.0


def test_a_policy_that_gives_nothing_stands_and_that_is_counted(start: Start, model: Path) -> None:
    loop = start(plan(model, images="false"))
    loop.until(4.5)
    assert loop.speed == 0.0
    loop.until(6.0)
    assert loop.components["simulator"].world.metrics.events["stall"] == 1  # type: ignore[attr-defined]


def test_a_namespace_moves_the_whole_drive_but_not_the_transforms() -> None:
    result = drive(plan("expert", 3.0, images="false", namespace="car"))
    assert result.metrics()["failures"] == {"/car/simulator": 0, "/car/supervisor": 0}
    assert len(result.log.steps) == 60
    simulator = result.drive.simulator().name
    assert (simulator.topic("camera/image_raw"), simulator.topic("tf")) == ("/car/camera/image_raw", "/tf")


def test_with_an_operator_who_does_nothing_the_drive_is_the_same(start: Start) -> None:
    alone, watched = (start(plan("expert", images="false", operator=operator)) for operator in ("false", "true"))
    alone.until(3.0)
    watched.until(3.0)
    assert watched.command() == alone.command()


def test_an_operator_takes_over_and_whose_link_is_lost_stands(start: Start) -> None:
    loop = start(plan("expert", images="false", operator="true"))
    at = 0.01
    while at < 4.0:
        header = make(Header, stamp=time(round(at * NANOSECONDS)))
        drive_ = make(AckermannDrive, steering_angle=0.1, speed=1.0) if at > 2.0 else make(AckermannDrive)
        stamped = make(AckermannDriveStamped, header=header, drive=drive_)
        loop.feed(at, "/joystick/drive", DRIVE, cdr.serialize(stamped))
        at += 0.05
    assert loop.speed == pytest.approx(1.0, abs=0.2)
    lost = at - 0.05
    loop.until(6.0)
    assert next(when for when, command in loop.command(lost) if command.speed == 0.0) - lost <= 0.3
    assert loop.speed == 0.0
