"""The tracker: the same number for the same thing, in every run."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from convoy.graph import check_component
from convoy.graph.bench import Bench
from convoy.interfaces import cdr
from convoy.interfaces.messages import Header, make, time
from convoy.perception import reports
from convoy.perception.boxes import Found
from convoy.perception.tracking import Tracker

STEP_NS = 50_000_000
START_NS = 1_700_000_000_000_000_000
Thing = tuple[str, float, float, float]
"""Class, left edge, upper edge, score; all things are 40 by 80 pixels."""


def detections(number: int, *things: Thing) -> Any:
    header = make(Header, stamp=time(START_NS + number * STEP_NS), frame_id="camera")
    names = sorted({thing[0] for thing in things})
    boxes = np.array([[x, y, x + 40, y + 80] for _, x, y, _ in things], np.float32).reshape(-1, 4)
    labels = np.array([names.index(thing[0]) for thing in things], np.int64)
    scores = np.array([thing[3] for thing in things])
    found = Found(boxes, scores, labels, np.arange(len(things)))
    return reports.detections(header, found, names, [""] * len(things))


def ids(bench: Bench) -> list[dict[float, str]]:
    """For each message, the ids by their left edge."""
    return [
        {round(reports.corners(one.bbox)[0]): one.id for one in message.detections}
        for message in bench.results("tracks")
    ]


def follow(active: Callable[..., Bench], frames: list[list[Thing]], **parameters: Any) -> list[dict[float, str]]:
    bench = active(Tracker, **parameters)
    for number, things in enumerate(frames):
        bench.deliver("detections", detections(number, *things))
    return ids(bench)


def test_things_keep_their_numbers_as_they_move(active: Callable[..., Bench]) -> None:
    frames = [[("car", 100.0 + 4 * k, 50.0, 0.9), ("car", 400.0 - 4 * k, 60.0, 0.8)] for k in range(20)]
    for k, found in enumerate(follow(active, frames)):
        assert found == {100 + 4 * k: "1", 400 - 4 * k: "2"}


def test_all_else_of_a_detection_stays_as_it_is(active: Callable[..., Bench]) -> None:
    bench = active(Tracker)
    message = detections(0, ("car", 100.0, 50.0, 0.9), ("person", 200.0, 50.0, 0.7))
    bench.deliver("detections", message)
    (tracks,) = bench.results("tracks")
    assert sorted(one.id for one in tracks.detections) == ["1", "2"]
    for one in tracks.detections:
        one.id = ""
    assert bytes(cdr.serialize(tracks)) == bytes(cdr.serialize(message))


def test_a_thing_that_is_hidden_for_a_while_is_known_again(active: Callable[..., Bench]) -> None:
    frames: list[list[Thing]] = [[("car", 100.0, 50.0, 0.9)]] * 5 + [[]] * 6 + [[("car", 100.0, 50.0, 0.9)]] * 2
    assert follow(active, frames)[-1] == {100: "1"}
    assert follow(active, frames, memory=3)[-1] == {100: "2"}


def test_a_poor_detection_continues_a_track_and_begins_none(active: Callable[..., Bench]) -> None:
    frames: list[list[Thing]] = [[("car", 100.0, 50.0, 0.9)]] * 3
    frames += [[("car", 100.0, 50.0, 0.2), ("car", 400.0, 50.0, 0.3)]] * 3
    assert follow(active, frames)[-1] == {100: "1"}


def test_things_of_two_classes_are_never_one(active: Callable[..., Bench]) -> None:
    frames: list[list[Thing]] = [[("car", 100.0, 50.0, 0.9)]] * 3 + [[("person", 100.0, 50.0, 0.9)]] * 3
    found = follow(active, frames)
    assert (found[2], found[-1]) == ({100: "1"}, {100: "2"})


def test_when_the_bag_starts_over_all_things_are_new(active: Callable[..., Bench]) -> None:
    bench = active(Tracker)
    for number in (0, 1, 2, 0):
        bench.deliver("detections", detections(number, ("car", 100.0, 50.0, 0.9)))
    assert ids(bench) == [{100: "1"}] * 3 + [{100: "2"}]


CROWD = """
import hashlib, numpy as np
from tests.perception.test_tracking import crowd
print(crowd())
"""


def crowd() -> str:
    """A hash of all that is said of a crowd of things."""
    rng = np.random.default_rng(0)
    bench = Bench(Tracker("tracker", {}), START_NS)
    bench.component.configure()
    bench.component.activate()
    at, speed = rng.uniform(0, 600, (30, 2)), rng.normal(0, 5, (30, 2))
    for number in range(30):
        at += speed
        things = [(("car", "person")[k % 2], *at[k].tolist(), float(rng.uniform(0.2, 1))) for k in range(30)]
        bench.deliver("detections", detections(number, *things))
    said = b"".join(sent.data for sent in bench.sent if sent.output == "tracks")
    return hashlib.sha256(said).hexdigest()


def test_the_same_in_every_process(root: Any) -> None:
    """The library hashes with a seed of the process; nothing of that may show."""
    runs = {
        subprocess.run(
            [sys.executable, "-c", CROWD], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    }
    assert runs == {crowd()}


def test_it_keeps_to_the_contract() -> None:
    check_component(Tracker, {}, {"detections": [detections(k, ("car", 100.0, 50.0, 0.9)) for k in range(4)]})
