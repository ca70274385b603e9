"""The vehicle moves only while somebody is there who wants it to, and stop always wins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.gestures.conftest import SECOND, START, skeleton

from convoy.gestures.commander import GestureCommander
from convoy.graph import ComponentError, check_component
from convoy.graph.bench import Bench
from convoy.interfaces.messages import (
    AckermannDrive,
    AckermannDriveStamped,
    Gesture,
    Header,
    make,
    nanoseconds,
    time,
)
from convoy.interfaces.skeletons import body_skeleton

MS = SECOND // 1000
HAND = np.zeros((22, 3))


class Crew:
    """A commander on a bench, with a hand before the camera unless told otherwise."""

    def __init__(self, commands: Path, **parameters: Any) -> None:
        self.bench = Bench(GestureCommander("gesture_commander", {"commands": commands} | parameters), START)
        self.bench.component.configure()
        self.bench.component.activate()

    def gesture(self, label: str, confidence: float = 0.95, age: float = 0.2) -> None:
        stamp = time(self.bench.now() - round(age * SECOND))
        header = make(Header, stamp=stamp)
        self.bench.deliver("gesture", make(Gesture, header=header, label=label, confidence=confidence))

    def wait(self, seconds: float, hand: bool = True) -> None:
        for _ in range(round(seconds * 20)):
            if hand:
                self.bench.deliver("hands", skeleton(HAND, 0.0))
            self.bench.pass_time(50 * MS)

    @property
    def speed(self) -> float:
        return float(self.bench.results("command")[-1].drive.speed)


@pytest.fixture
def crew(command_map: Path) -> Crew:
    crew = Crew(command_map)
    crew.wait(0.5)
    return crew


def test_keeps_the_contract_of_components(command_map: Path) -> None:
    header = make(Header, stamp=time(START))
    gestures = [make(Gesture, header=header, label=label, confidence=0.9) for label in ("swipe_up", "pinch", "grab")]
    hands = [skeleton(HAND, 0.0)] * 4
    check_component(GestureCommander, {"commands": str(command_map)}, {"gesture": gestures, "hands": hands})


def test_nothing_moves_before_it_is_told_to(crew: Crew) -> None:
    assert {command.drive.speed for command in crew.bench.results("command")} == {0.0}


def test_goes_slows_down_and_stops(crew: Crew) -> None:
    crew.gesture("swipe_up")
    crew.wait(0.2)
    assert crew.speed == 1.0
    crew.gesture("swipe_down")
    crew.wait(0.2)
    assert crew.speed == 0.5
    crew.bench.sent.clear()
    crew.gesture("grab")
    assert crew.speed == 0.0, "a stop does not wait for the next tick"


def test_a_motion_command_ends_when_its_time_is_over_unless_it_is_renewed(crew: Crew) -> None:
    crew.gesture("swipe_up")
    crew.wait(8)
    crew.gesture("swipe_up")
    crew.wait(8)
    assert crew.speed == 1.0
    crew.wait(2.5)
    assert crew.speed == 0.0
    assert "the time of the command is over" in crew.bench.reported("Command")[-1]


def test_without_a_hand_in_view_it_stops_and_stays_so(crew: Crew) -> None:
    crew.gesture("swipe_up")
    crew.wait(1.8, hand=False)
    assert crew.speed == 1.0
    crew.wait(0.4, hand=False)
    assert crew.speed == 0.0
    crew.wait(1.0, hand=True)
    assert crew.speed == 0.0


@pytest.mark.parametrize("watched", ["hands", "body"])
def test_in_view_must_be_what_commands(command_map: Path, watched: str) -> None:
    crew = Crew(command_map, watch=watched)
    seen = {"hands": skeleton(HAND, 0.0), "body": body_skeleton(np.zeros((8, 3)))}
    for what in ("hands", "body"):
        crew.bench.deliver(watched, seen[watched])
        crew.gesture("swipe_up")
        for _ in range(60):
            crew.bench.deliver(what, seen[what])
            crew.bench.pass_time(50 * MS)
        assert crew.speed == (1.0 if what == watched else 0.0)


def test_stop_counts_at_any_confidence_and_age(crew: Crew) -> None:
    for confidence, age in ((0.05, 0.2), (0.9, 30.0), (float("nan"), 0.2)):
        crew.wait(1.5)
        crew.gesture("swipe_up")
        crew.wait(0.1)
        assert crew.speed == 1.0
        crew.gesture("grab", confidence, age)
        assert crew.speed == 0.0


def test_after_a_stop_nothing_sets_it_going_for_a_while(crew: Crew) -> None:
    crew.gesture("shake")
    crew.gesture("swipe_up")
    crew.wait(0.5)
    crew.gesture("swipe_up")
    crew.wait(0.2)
    assert crew.speed == 0.0
    crew.wait(0.5)
    crew.gesture("swipe_up")
    crew.wait(0.1)
    assert crew.speed == 1.0


@pytest.mark.parametrize(("confidence", "age"), [(0.5, 0.2), (float("nan"), 0.2), (0.9, 3.0), (0.9, -3.0)])
def test_what_sets_it_going_must_be_sure_and_of_now(crew: Crew, confidence: float, age: float) -> None:
    crew.gesture("swipe_up", confidence, age)
    crew.wait(0.2)
    assert crew.speed == 0.0


def test_a_gesture_that_the_file_does_not_name_commands_nothing(crew: Crew) -> None:
    crew.gesture("expand")
    crew.gesture("no such gesture")
    crew.wait(0.2)
    assert crew.speed == 0.0
    assert crew.bench.results("action") == []


def test_actions_are_told_once(crew: Crew) -> None:
    crew.gesture("pinch")
    crew.wait(1)
    assert [action.data for action in crew.bench.results("action")] == ["photo"]


def test_faster_does_not_set_a_standing_vehicle_going(crew: Crew) -> None:
    crew.gesture("rotation_cw")
    crew.wait(0.2)
    assert crew.speed == 0.0


def test_steers_as_the_policy_does_with_its_header(crew: Crew) -> None:
    crew.gesture("swipe_up")
    crew.wait(1)
    header = make(Header, stamp=time(START + 123), frame_id="camera_optical")
    drive = make(AckermannDrive, steering_angle=0.25, speed=9.0)
    crew.bench.deliver("policy", make(AckermannDriveStamped, header=header, drive=drive))
    command = crew.bench.results("command")[-1]
    assert (command.drive.steering_angle, command.drive.speed) == (0.25, 1.0)
    assert nanoseconds(command.header.stamp) == START + 123
    crew.bench.sent.clear()
    crew.wait(0.4)
    assert crew.bench.results("command") == [], "the policy sets the pace"
    crew.wait(0.3)
    assert crew.bench.results("command")[-1].drive.steering_angle == 0.0


def test_a_clock_that_jumps_back_stops_it(crew: Crew) -> None:
    crew.gesture("swipe_up")
    crew.wait(0.5)
    crew.bench.jump(START - 60 * SECOND)
    crew.bench.pass_time(100 * MS)
    assert crew.speed == 0.0


def test_deactivation_is_a_stop(crew: Crew) -> None:
    crew.gesture("swipe_up")
    crew.wait(0.5)
    crew.bench.component.deactivate()
    assert crew.speed == 0.0


def test_a_map_with_an_unknown_gesture_is_refused(tmp_path: Path, gesture_model: Path) -> None:
    file = tmp_path / "commands.yaml"
    file.write_text("gestures: {grabb: {command: stop}}")
    with pytest.raises(ComponentError, match=r"there is no gesture 'grabb'; nearest first: grab,"):
        Crew(file, model=str(gesture_model))
