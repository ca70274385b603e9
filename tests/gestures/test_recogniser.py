"""Gestures are named once each, soon after their end, whatever the stream of skeletons is like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.gestures.conftest import SECOND, START, skeleton

from convoy.errors import ConvoyError
from convoy.evaluation.gestures import recognise, score_streams
from convoy.gestures.recogniser import GestureRecogniser
from convoy.graph import Level, check_component
from convoy.graph.bench import Bench
from convoy.inference import CARD_KEY, ModelCard, ModelOutput, SeriesInput
from convoy.interfaces.messages import Header, make, nanoseconds, time
from convoy.interfaces.skeletons import body_skeleton
from convoy_sim.hands import Person, Stream

PERSON = 700
"""Nobody that the shipped model was trained on."""


@pytest.fixture(scope="module")
def stream() -> Stream:
    return Person(PERSON).stream(60)


class Watcher:
    """A recogniser on a bench."""

    def __init__(self, model: Path, **parameters: Any) -> None:
        self.bench = Bench(GestureRecogniser("gesture_recogniser", {"model": model} | parameters), START)
        self.bench.component.configure()
        self.bench.component.activate()

    def see(self, seconds: float, message: Any) -> None:
        self.bench.pass_time(max(0, START + round(seconds * SECOND) - self.bench.now()))
        self.bench.deliver("hands", message)

    def watch(self, stream: Stream, **fields: Any) -> list[str]:
        for seconds, joints in zip(stream.times.tolist(), stream.joints, strict=True):
            self.see(seconds, skeleton(joints, seconds, **fields))
        return self.labels

    @property
    def labels(self) -> list[str]:
        return [gesture.label for gesture in self.bench.results("gesture")]


def right(found: list[str], stream: Stream) -> float:
    """Share of a stream's gestures that were named, in their order, each once."""
    left = list(found)
    hits = 0
    for event in stream.events:
        if event.gesture in left:
            left = left[left.index(event.gesture) + 1 :]
            hits += 1
    return hits / len(stream.events)


def test_keeps_the_contract_of_components(gesture_model: Path, stream: Stream) -> None:
    frames = zip(stream.times[:300:2].tolist(), stream.joints[:300:2], strict=True)
    check_component(
        GestureRecogniser, {"model": str(gesture_model)}, {"hands": [skeleton(joints, t) for t, joints in frames]}
    )


def test_names_the_gestures_of_a_stranger_soon_after_their_end(gesture_model: Path, stream: Stream) -> None:
    score = score_streams([(stream, recognise(stream, gesture_model))])
    assert score.f1 >= 0.9
    assert score.false_alarms_per_minute <= 1
    assert score.delay_p95_s <= 0.4


def test_a_gesture_says_when_and_how_long_it_was(gesture_model: Path, stream: Stream) -> None:
    watcher = Watcher(gesture_model)
    watcher.watch(stream, hand_id=7)
    gestures = watcher.bench.results("gesture")
    event = stream.events[0]
    first = next(g for g in gestures if g.label == event.gesture)
    end = (nanoseconds(first.header.stamp) - START) / SECOND
    assert abs(end - event.end) < 0.3
    assert abs(nanoseconds(first.duration) / SECOND - (event.end - event.start)) < 0.4
    assert first.header.frame_id == "camera_optical"
    assert first.hand_id == 7
    assert 0.6 <= first.confidence <= 1


def test_missing_joints_and_dropped_frames_do_little_harm(gesture_model: Path, stream: Stream) -> None:
    random = np.random.default_rng(0)
    joints = stream.joints.copy()
    joints[random.random(joints.shape[:2]) < 0.15] = np.nan
    kept = random.random(len(joints)) > 0.1
    worse = replace(stream, times=stream.times[kept], joints=joints[kept])
    assert right(Watcher(gesture_model).watch(worse), stream) >= 0.8


def test_uneven_stamps_do_little_harm(gesture_model: Path, stream: Stream) -> None:
    random = np.random.default_rng(1)
    times = np.sort(stream.times + random.normal(0, 0.006, stream.times.shape))
    assert right(Watcher(gesture_model).watch(replace(stream, times=times)), stream) >= 0.8


def test_a_finger_that_is_never_seen_is_no_error(gesture_model: Path, stream: Stream) -> None:
    joints = stream.joints.copy()
    joints[:, 18:22] = np.nan
    watcher = Watcher(gesture_model)
    watcher.watch(replace(stream, joints=joints))
    assert not watcher.bench.reported("Errors", Level.ERROR)


def test_two_hands_that_swap_ids_are_told_apart(gesture_model: Path, stream: Stream) -> None:
    watcher = Watcher(gesture_model)
    still = stream.joints[0] + np.array([0.5, 0.0, 0.0], np.float32)
    for number, (seconds, joints) in enumerate(zip(stream.times.tolist(), stream.joints, strict=True)):
        swapped = (number // 40) % 2
        watcher.see(seconds, skeleton(joints, seconds, hand_id=1 + swapped))
        watcher.see(seconds, skeleton(still, seconds, hand_id=2 - swapped))
    assert right(watcher.labels, stream) >= 0.8


def test_a_wrong_number_of_joints_is_an_error_and_the_next_frame_is_fine(gesture_model: Path, stream: Stream) -> None:
    watcher = Watcher(gesture_model)
    watcher.see(0.0, skeleton(stream.joints[0][:21], 0.0))
    assert watcher.bench.reported("Errors", Level.ERROR) == [
        "hands: A convoy_msgs/msg/HandSkeleton has 21 joints, wanted 22 (NaN where not seen)."
    ]
    watcher.see(0.1, skeleton(stream.joints[1], 0.1))
    assert watcher.bench.reported("Errors")[-1] == "hands works again"


def test_joints_far_from_any_hand_are_an_error(gesture_model: Path, stream: Stream) -> None:
    watcher = Watcher(gesture_model)
    watcher.see(0.0, skeleton(stream.joints[0] * 1e6, 0.0))
    assert "m away" in watcher.bench.reported("Errors", Level.ERROR)[0]


def test_frames_of_nothing_but_nan_are_no_news(gesture_model: Path) -> None:
    watcher = Watcher(gesture_model)
    for number in range(60):
        watcher.see(number / 30, skeleton(np.full((22, 3), np.nan), number / 30))
    assert watcher.labels == []
    assert not watcher.bench.reported("Errors", Level.ERROR)


def test_no_hand_for_minutes_is_said_and_nothing_is_kept(gesture_model: Path, stream: Stream) -> None:
    watcher = Watcher(gesture_model)
    watcher.see(0.0, skeleton(stream.joints[0], 0.0))
    watcher.bench.pass_time(300 * SECOND)
    assert watcher.bench.reported("Hands")[-1] == "no hand for 300 s"
    shifted = replace(stream, times=stream.times + 301)
    assert right(watcher.watch(shifted), stream) >= 0.9


def test_after_time_went_back_it_goes_on(gesture_model: Path, stream: Stream) -> None:
    watcher = Watcher(gesture_model)
    first = list(watcher.watch(stream))
    watcher.bench.jump(START)
    assert watcher.watch(stream) == first * 2


def test_a_hand_that_its_source_is_not_sure_of_is_ignored(gesture_model: Path, stream: Stream) -> None:
    assert Watcher(gesture_model).watch(stream, confidence=0.2) == []


def series_model(path: Path, channels: int) -> Path:
    """Write a genuine model without training: it tells whether the first channel rises or falls."""
    onnx = pytest.importorskip("onnx", reason="makes an ONNX file with the package onnx (extra 'learn')")
    helper, types = onnx.helper, onnx.TensorProto
    constants = [
        helper.make_tensor("first", types.INT64, [], [0]),
        helper.make_tensor("last", types.INT64, [], [15]),
        helper.make_tensor("sharpness", types.FLOAT, [2], [20.0, -20.0]),
    ]
    nodes = [
        helper.make_node("Gather", ["series", "last"], ["end"], axis=0),
        helper.make_node("Gather", ["series", "first"], ["start"], axis=0),
        helper.make_node("Sub", ["end", "start"], ["moved"]),
        helper.make_node("Gather", ["moved", "first"], ["rise"], axis=0),
        helper.make_node("Mul", ["rise", "sharpness"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=-1),
    ]
    series = helper.make_tensor_value_info("series", types.FLOAT, [16, channels])
    named = helper.make_tensor_value_info("probabilities", types.FLOAT, [2])
    net = helper.make_graph(nodes, "rise", [series], [named], constants)
    model = helper.make_model(net, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    card = ModelCard(
        name="rise",
        task="gestures",
        description="Tells whether the first channel rises.",
        input=SeriesInput(steps=16, channels=channels, quantity="joints"),
        outputs=(ModelOutput(name="probabilities", unit="probability"),),
        classes=("right", "left"),
        licence="CC0-1.0",
        revision="0",
        command="none",
    )
    helper.set_model_props(model, {CARD_KEY: card.model_dump_json()})
    path.write_bytes(model.SerializeToString())
    return path


def test_gestures_of_arms_are_named_by_a_model_of_arms(tmp_path: Path) -> None:
    watcher = Watcher(series_model(tmp_path / "arms.onnx", 24))
    beside = np.array([[-0.3, 0.25], [-0.3, 0.0], [-0.3, 0.2], [-0.3, 0.22]])  # tip, elbow, wrist, thumb
    rest = np.stack([[x * side, y, 2.0] for x, y in beside for side in (1, -1)])

    def swept(seconds: float) -> float:
        there, back = (np.clip((seconds - start) / 0.8, 0, 1) for start in (2.0, 5.0))
        return 0.5 * float(sum(sign * s**3 * (10 - 15 * s + 6 * s * s) for sign, s in ((1, there), (-1, back))))

    for seconds in np.arange(0, 8, 1 / 30).tolist():
        arms = rest.copy()
        arms[[0, 4, 6], 0] += swept(seconds)
        header = make(Header, stamp=time(START + round(seconds * SECOND)))
        watcher.bench.pass_time(max(0, START + round(seconds * SECOND) - watcher.bench.now()))
        watcher.bench.deliver("body", body_skeleton(arms, header=header, id=3, confidence=0.9))
        watcher.bench.deliver("hands", skeleton(np.zeros((22, 3)), seconds))
    assert watcher.labels == ["right", "left"]
    assert {gesture.hand_id for gesture in watcher.bench.results("gesture")} == {3}
    assert watcher.bench.reported("Hands")[-1] == "persons in view"


def test_a_model_of_something_else_is_refused(tmp_path: Path, gesture_model: Path) -> None:
    with pytest.raises(ConvoyError, match="does not exist"):
        Watcher(tmp_path / "none.onnx")
    with pytest.raises(ConvoyError, match=r"rise reads 10 channels: joints; wanted the 66 of x, y, z .* or the 24 of"):
        Watcher(series_model(tmp_path / "ten.onnx", 10))
    with pytest.raises(ConvoyError, match="'model' is read when the component is configured"):
        Watcher(gesture_model).bench.component.set_parameters({"model": str(tmp_path / "other.onnx")})
