"""What a user relies on when replaying a bag."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.bags import BagError, BagReader, BagWriter
from convoy.evaluation.replay import replay
from convoy.evaluation.report import summary, write_report
from convoy.graph import ComponentError
from convoy.interfaces import cdr
from convoy.launch.errors import LaunchError

Bag = Callable[..., Path]


@pytest.fixture
def launch(root: Path) -> Path:
    return root / "launch" / "steering.launch.yaml"


def frames(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "frames.jsonl").read_text().splitlines()]


def test_two_replays_give_the_same_bytes(drive_bag: Bag, launch: Path, tmp_path: Path) -> None:
    bag = drive_bag()
    for name in ("one", "two"):
        replay(bag, launch, {}, tmp_path / name)
    for file in ("frames.jsonl", "replay.mcap"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_second_replay_into_the_same_folder_takes_the_place_of_the_first(
    drive_bag: Bag, launch: Path, tmp_path: Path
) -> None:
    replay(drive_bag(12), launch, {}, tmp_path / "out")
    replay(drive_bag(5, name="shorter"), launch, {}, tmp_path / "out")
    assert len(frames(tmp_path / "out")) == 5


def test_every_frame_has_its_results_and_the_human_s(drive_bag: Bag, launch: Path, tmp_path: Path) -> None:
    replay(drive_bag(12), launch, {"speed": "0.5"}, tmp_path / "out")
    lines = frames(tmp_path / "out")
    assert [line["frame"] for line in lines] == list(range(12))
    for number, line in enumerate(lines):
        assert set(line["results"]) == {"/policy/drive", "/drive"}
        assert line["results"]["/policy/drive"]["header"]["frame_id"] == "camera_optical"
        assert line["results"]["/policy/drive"]["drive"]["speed"] == 0.5
        assert line["recorded"]["/drive"]["drive"]["steering_angle"] == pytest.approx(0.2 * math.sin(number / 3))
        assert "ms" not in json.dumps(line).replace("__msgtype__", "")


def test_a_recorded_topic_that_the_graph_publishes_is_withheld_and_kept(
    drive_bag: Bag, launch: Path, tmp_path: Path
) -> None:
    bag = drive_bag(6)
    replay(bag, launch, {}, tmp_path / "out")
    with BagReader(tmp_path / "out" / "replay.mcap") as made, BagReader(bag) as recorded:
        kept = [bytes(record.data) for record in made.messages(["/recorded/drive"])]
        assert kept == [bytes(record.data) for record in recorded.messages(["/drive"])]
        theirs = {bytes(record.data) for record in recorded.messages(["/drive"])}
        assert not theirs & {bytes(record.data) for record in made.messages(["/drive"])}
        assert made.topics["/policy/drive"].type == "ackermann_msgs/msg/AckermannDriveStamped"


def test_raw_and_compressed_images_give_the_same_commands(drive_bag: Bag, launch: Path, tmp_path: Path) -> None:
    replay(drive_bag(name="raw", raw=True), launch, {}, tmp_path / "from_raw")
    replay(drive_bag(name="png"), launch, {}, tmp_path / "from_png")
    raw, png = frames(tmp_path / "from_raw"), frames(tmp_path / "from_png")
    assert [line["results"] for line in raw] == [line["results"] for line in png]
    assert {line["image"] for line in raw} == {"/camera/image_raw"}


def test_the_figures_are_those_of_the_frames(drive_bag: Bag, launch: Path, tmp_path: Path) -> None:
    result = replay(drive_bag(12), launch, {}, tmp_path / "out")
    lines = frames(tmp_path / "out")
    steered = np.array([line["results"]["/drive"]["drive"]["steering_angle"] for line in lines])
    human = np.array([line["recorded"]["/drive"]["drive"]["steering_angle"] for line in lines])
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics == result.metrics
    assert metrics["frames"] == 12
    assert metrics["rmse_rad"] == pytest.approx(np.sqrt(np.mean((steered - human) ** 2)))
    assert metrics["mae_rad"] == pytest.approx(np.mean(np.abs(steered - human)))
    constant = next(iter(result.models.values())).constant
    assert constant is not None
    assert metrics["constant_rmse_rad"] == pytest.approx(np.sqrt(np.mean((human - constant) ** 2)))
    assert metrics["floor_ratio"] > 1
    assert set(metrics["stage_ms"]) == {"decode", "inference", "publish", "runtime"}
    assert len((tmp_path / "out" / "timings.jsonl").read_text().splitlines()) == 12


def test_without_a_human_there_is_nothing_to_compare(drive_bag: Bag, launch: Path, tmp_path: Path) -> None:
    result = replay(drive_bag(human=False), launch, {}, tmp_path / "out")
    assert result.metrics["frames"] == 12
    assert result.metrics["rmse_rad"] is None
    assert "12 frames" in summary(result.metrics)
    write_report(result)


def test_a_damaged_image_costs_its_own_result_and_no_other(drive_bag: Bag, launch: Path, tmp_path: Path) -> None:
    result = replay(drive_bag(8, damaged=frozenset({3})), launch, {}, tmp_path / "out")
    assert [bool(line["results"].get("/policy/drive")) for line in frames(tmp_path / "out")] == [
        number != 3 for number in range(8)
    ]
    assert result.metrics["failures"]["steering_policy"] == 1
    assert "1 failures of steering_policy" in summary(result.metrics)


def test_live_latency_drops_what_a_live_robot_would(drive_bag: Bag, launch: Path, tmp_path: Path) -> None:
    # No machine steers at 20 kHz: of the frames that come meanwhile, the last one waits.
    bag = drive_bag(60, rate_hz=20_000.0)
    result = replay(bag, launch, {}, tmp_path / "live", realtime=True)
    dropped = result.metrics["dropped"]["/camera/image_raw/compressed"]
    answered = sum("/policy/drive" in line["results"] for line in frames(tmp_path / "live"))
    assert dropped > 0
    assert answered >= 1
    assert answered <= 60 - dropped / 2  # two components take images
    assert result.metrics["latency_ms"]["/policy/drive"]["p50"] > 0
    assert all(line["results"] for line in frames(tmp_path / "live")[:1])


def test_a_wrong_topic_lists_those_that_are_there(drive_bag: Bag, launch: Path, tmp_path: Path) -> None:
    with pytest.raises(BagError, match=r"has none there.*nearest first: /camera/image_raw/compressed.*image:=TOPIC"):
        replay(drive_bag(), launch, {"image": "/camera/image"}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_and_empty_bags_are_named(launch: Path, tmp_path: Path) -> None:
    with pytest.raises(BagError, match=r"There is no bag at .*nowhere"):
        replay(tmp_path / "nowhere", launch, {}, tmp_path / "out")
    with BagWriter(tmp_path / "empty"):
        pass
    with pytest.raises(BagError, match=r"empty holds no message"):
        replay(tmp_path / "empty", launch, {}, tmp_path / "out")


def test_a_model_that_does_not_fit_is_named(drive_bag: Bag, launch: Path, tmp_path: Path, root: Path) -> None:
    model = tmp_path / "cut.onnx"
    model.write_bytes((root / "models" / "rc_steering.onnx").read_bytes()[:5000])
    with pytest.raises(ComponentError, match=r"steering_policy: configure failed: .*cut\.onnx"):
        replay(drive_bag(), launch, {"model": str(model)}, tmp_path / "out")


def test_a_parameter_out_of_range_is_named(drive_bag: Bag, launch: Path, tmp_path: Path) -> None:
    with pytest.raises(
        LaunchError, match=r"steering_policy: parameter 'speed' is 99.0, but .*less than or equal to 40"
    ):
        replay(drive_bag(), launch, {"speed": "99.0"}, tmp_path / "out")


def test_the_report_is_one_file_that_needs_no_network(drive_bag: Bag, launch: Path, tmp_path: Path) -> None:
    report = write_report(replay(drive_bag(), launch, {}, tmp_path / "out")).read_text()
    assert not re.findall(r'(?:src|href)="(?!data:|#)', report)
    assert report.count("<svg") == 3
    assert report.count("data:image/jpeg") == 12
    assert "rc_steering" in report
    assert "MIT" in report


@pytest.mark.parametrize(
    ("bag", "count", "truth"),
    [("rc_track", 400, True), ("rc_track_sqlite3", 120, True), ("street", 101, False), ("kitchen", 40, False)],
)
def test_real_bags_replay_the_same_twice(
    shared: Path, launch: Path, tmp_path: Path, bag: str, count: int, truth: bool
) -> None:
    results = [replay(shared / "bags" / bag, launch, {}, tmp_path / name) for name in ("one", "two")]
    assert (tmp_path / "one/frames.jsonl").read_bytes() == (tmp_path / "two/frames.jsonl").read_bytes()
    assert (tmp_path / "one/replay.mcap").read_bytes() == (tmp_path / "two/replay.mcap").read_bytes()
    assert results[0].metrics["frames"] == count
    assert (results[0].metrics["rmse_rad"] is not None) == truth
    assert not any(results[0].metrics["failures"].values())


def test_the_shipped_model_steers_the_held_out_drive(shared: Path, launch: Path, tmp_path: Path) -> None:
    metrics = replay(shared / "bags" / "rc_track_end", launch, {}, tmp_path / "out").metrics
    assert metrics["frames"] == 160
    assert metrics["rmse_rad"] <= 0.6 * metrics["constant_rmse_rad"]


def test_a_stamp_is_read_without_decoding(drive_bag: Bag) -> None:
    with BagReader(drive_bag(2)) as bag:
        for record in bag.messages():
            message = cdr.deserialize(record.data, record.type)
            assert cdr.header_stamp(record.data, record.type) == record.log_time_ns - 1_000_000
            assert message.header.stamp.sec == record.log_time_ns // 10**9
