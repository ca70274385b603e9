"""``convoy bag`` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from convoy.bags import BagError, BagReader, BagWarning, BagWriter, QosProfile
from convoy.commands.bag import app

START_NS = 1_700_000_000_000_000_000


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    with BagWriter(tmp_path / "drive") as writer:
        writer.add_topic("/camera/image_raw", "sensor_msgs/msg/Image", QosProfile("best_effort", depth=5))
        writer.add_topic("/label_info", "vision_msgs/msg/LabelInfo", QosProfile(durability="transient_local", depth=1))
        writer.add_topic("/unused", "std_msgs/msg/String")
        writer.write("/label_info", START_NS, b"\x00\x01\x00\x00")
        # The camera starts late, and stops early: its rate is its own.
        for number in range(30):
            writer.write("/camera/image_raw", START_NS + 2_000_000_000 + number * 50_000_000, bytes(5000))
        writer.write("/label_info", START_NS + 60_000_000_000, b"\x00\x01\x00\x00")
    return tmp_path / "drive"


def test_info_shows_files_times_and_topics(bag: Path) -> None:
    lines = call("info", bag).stdout.splitlines()
    assert lines[:5] == [
        f"bag:      {bag} (mcap, 0.2 MB)",
        "files:    drive_0.mcap",
        "start:    2023-11-14 22:13:20.000000 UTC",
        "duration: 60.000 s",
        "messages: 32",
    ]
    assert [line.split(maxsplit=4) for line in lines[6:]] == [
        ["topic", "type", "messages", "Hz", "offered quality of service"],
        ["/camera/image_raw", "sensor_msgs/msg/Image", "30", "20.0", "best_effort, volatile, keep_last 5"],
        ["/label_info", "vision_msgs/msg/LabelInfo", "2", "0.0", "reliable, transient_local, keep_last 1"],
        ["/unused", "std_msgs/msg/String", "0", "-", "reliable, volatile, keep_last 10"],
    ]


def test_info_as_json(bag: Path, tmp_path: Path) -> None:
    shown = call("info", bag, "--json", tmp_path / "info.json").stdout
    assert "duration: 60.000 s" in shown
    found = json.loads((tmp_path / "info.json").read_text())
    assert found == json.loads(call("info", bag, "--json", "-").stdout)
    assert found["storage"] == "mcap"
    assert found["duration_s"] == 60
    assert found["files"] == [{"name": "drive_0.mcap", "bytes": (bag / "drive_0.mcap").stat().st_size}]
    camera = found["topics"][0]
    assert (camera["name"], camera["messages"]) == ("/camera/image_raw", 30)
    assert camera["rate_hz"] == pytest.approx(20)
    assert camera["qos"] == [
        {"reliability": "best_effort", "durability": "volatile", "history": "keep_last", "depth": 5}
    ]
    assert camera["type_hash"].startswith("RIHS01_")
    assert found["damage"] == []


def test_check_finds_damage_that_the_index_does_not_show(bag: Path, tmp_path: Path) -> None:
    assert call("info", bag, "--check").exit_code == 0
    file = bag / "drive_0.mcap"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] + b"noise" + whole[len(whole) // 2 + 5 :])
    with pytest.warns(BagWarning, match="fails its checksum"):
        result = call("info", bag, "--check", "--json", tmp_path / "info.json")
    assert result.exit_code == 1
    (said,) = json.loads((tmp_path / "info.json").read_text())["damage"]
    assert said.startswith(f"{file} has a chunk that fails its checksum")


def test_import_makes_a_bag_of_a_tub(tmp_path: Path) -> None:
    tub = tmp_path / "tub"
    (tub / "images").mkdir(parents=True)
    records: list[dict[str, Any]] = []
    for index in range(5):
        (tub / "images" / f"{index}.jpg").write_bytes(b"\xff\xd8\xff\xff\xd9")
        records.append({"_index": index, "cam/image_array": f"{index}.jpg", "user/angle": 1.0, "user/throttle": 1.0})
    (tub / "catalog_0.catalog").write_text("\n".join(json.dumps(record) for record in [*records, {}]))
    (tub / "manifest.json").write_text(json.dumps({"paths": ["catalog_0.catalog"], "deleted_indexes": [0]}))
    out = tmp_path / "bag.mcap"
    options = ("--rate", 10, "--max-steering-angle", 0.3, "--max-speed", 5)
    with pytest.warns(BagWarning, match="1 of 5 records are skipped"):
        result = call("import", f"tub:{tub}", out, *options)
    assert result.stdout == f"{out}: 8 messages of 4 records, 1 skipped\n"
    with BagReader(out) as bag:
        assert bag.duration == pytest.approx(0.3)
        drive = bag.deserialize(next(bag.messages(["/drive"]))).drive
        assert (drive.steering_angle, drive.speed) == (pytest.approx(-0.3), 5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("info", "nowhere"), "There is no bag at nowhere"),
        (("import", "tub:nowhere", "out"), "nowhere is no donkeycar tub: there is no such folder"),
        (("import", "udacity:nowhere", "out"), "There is no driving log at nowhere"),
        (("import", "udacity:nowhere", "out", "--max-speed", "1"), "--max-speed is for tubs"),
        (("import", "drives/monday", "out"), "'drives/monday' names no recording; wanted tub:DIR or udacity:DIR"),
    ],
)
def test_mistakes_are_named(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(BagError, match=said):
        call(*arguments)
