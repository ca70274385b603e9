"""The shipped shared model sees on a recorded street what it saw when it was shipped, on every provider."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from tests.evaluation import golden_street
from tests.evaluation.golden_street import BAG, COMMAND, FILE, MODEL, TOLERANCES, differences, key, watch
from tests.perception import painted

from convoy.bags import BagWriter
from convoy.inference import ModelError, Session
from convoy.interfaces import cdr
from convoy.interfaces.images import compress
from convoy.interfaces.messages import Header, make, time
from convoy.perception.shared import SharedPerception

LEAST = SharedPerception.Parameters.model_fields["min_score"].default


@pytest.mark.parametrize("device", TOLERANCES)
def test_the_street_looks_as_it_did(device: str, shared: Path, tmp_path: Path) -> None:
    for needed in (BAG, MODEL, FILE):
        if not needed.exists():
            pytest.skip(f"needs {needed.name}" + f", written by `{COMMAND}`" * (needed == FILE))
    golden = json.loads(FILE.read_text())
    assert golden["model"] == key(MODEL), f"{FILE.name} is of another model; see what changed, then `{COMMAND}`"
    if device not in golden["providers"]:
        pytest.skip(f"nothing is kept for {device}; `{COMMAND} {device}` on a machine that has it")
    try:
        Session.load(MODEL, "perception", device)
    except ModelError as error:
        pytest.skip(str(error))
    found = watch(BAG, MODEL, device, tmp_path)
    assert differences(golden["providers"][device], found, TOLERANCES[device], LEAST) == []


def drive(path: Path) -> Path:
    """A bag in which a red and a green thing stay, while all else gets bluer, and so farther away."""
    with BagWriter(path) as bag:
        bag.add_topic("/camera/image_raw/compressed", "sensor_msgs/msg/CompressedImage")
        for number in range(31):
            stamp = painted.STAMP + number * 50_000_000
            header = make(Header, stamp=time(stamp), frame_id="camera")
            image = compress(painted.scene(blue=100 + number), "rgb8", header, "png")
            bag.write("/camera/image_raw/compressed", stamp, cdr.serialize(image))
    return path


def test_the_same_model_sees_the_same_and_another_one_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bag, model = drive(tmp_path / "bag"), painted.write_model(tmp_path / "perception.onnx", "perception")
    first, again = (watch(bag, model, "cpu", tmp_path / name) for name in ("first", "again"))
    assert first == again
    assert len(first) == 4
    assert [name for name, *_ in first[0]["boxes"]] == ["red", "green"]
    assert first[0]["boxes"][0][2:] == list(painted.RED)
    assert set(first[0]["mask"]) == {"0", "1", "2"}
    assert first[0]["depth"][0] < first[3]["depth"][0]
    for name, value in {"DEPTH_M": 52.0, "COLOURS": painted.COLOURS[::-1]}.items():
        with monkeypatch.context() as patch:
            patch.setattr(painted, name, value)
            changed = painted.write_model(tmp_path / f"{name}.onnx", "perception")
        assert differences(first, watch(bag, changed, "cpu", tmp_path / name), TOLERANCES["cpu"], LEAST), name


def test_what_is_off_by_little_is_the_same_and_by_more_is_not() -> None:
    frame = {"boxes": [["car", 0.8, 10.0, 10.0, 40.0, 40.0]], "mask": "0123" * 48, "depth": [5.0, 50.0, math.inf] * 16}

    def compared(**changed: object) -> list[str]:
        return differences([frame] * 3, [frame, frame | changed, frame], TOLERANCES["cpu"], LEAST)

    assert compared() == []
    assert compared(boxes=[["car", 0.81, 10.5, 10.0, 40.0, 40.9]], depth=[5.09, 50.9, math.inf] * 16) == []
    assert compared(boxes=[*frame["boxes"], ["car", 0.31, 0.0, 0.0, 9.0, 9.0]]) == [], "only just reported"
    for boxes in ([["bus", *frame["boxes"][0][1:]]], [], [["car", 0.7, *frame["boxes"][0][2:]]], frame["boxes"] * 0):
        assert "have no counterpart" in compared(boxes=boxes)[0]
    assert "of another class" in compared(mask="1" * 192)[0]
    assert "of the depths" in compared(depth=[5.3, 50.0, math.inf] * 16)[0]
    assert "of the depths" in compared(depth=[5.0, 50.0, 59.0] * 16)[0]
    assert compared(mask="1" + frame["mask"][1:]) == []
    assert differences([frame], [], TOLERANCES["cpu"], LEAST) == ["0 frames, wanted 1"]


def test_writing_keeps_what_is_of_the_same_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden_street, "BAG", drive(tmp_path / "bag"))
    monkeypatch.setattr(golden_street, "MODEL", painted.write_model(tmp_path / "perception.onnx", "perception"))
    monkeypatch.setattr(golden_street, "FILE", tmp_path / "golden.json")
    golden_street.write("cpu")
    written = json.loads((tmp_path / "golden.json").read_text())
    assert list(written["providers"]) == ["cpu"]
    written["providers"]["cuda"] = []
    (tmp_path / "golden.json").write_text(json.dumps(written))
    golden_street.write("cpu")
    assert json.loads((tmp_path / "golden.json").read_text()) == written
    (tmp_path / "golden.json").write_text(json.dumps(written | {"model": "older"}))
    golden_street.write("cpu")
    assert list(json.loads((tmp_path / "golden.json").read_text())["providers"]) == ["cpu"]
