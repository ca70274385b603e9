"""Reading damaged bags: what was written before the damage comes back, never anything else, with a warning."""

from __future__ import annotations

import random
import warnings
from pathlib import Path
from typing import Any

import pytest

from convoy.bags import BagError, BagReader, BagWarning, mcap_writer

CHECKED_FORMS = ("plain", "zstd", "lz4", "no index", "no summary", "convoy")
"""Those whose chunks carry checksums, so that flipped bytes show."""
SAMPLES = 60


@pytest.fixture
def whole(forms: Any, messages: Any, tmp_path: Path, request: Any, monkeypatch: Any) -> bytes:
    """The bytes of an mcap file in the form that the test names, with many chunks."""
    path = tmp_path / "whole.mcap"
    if request.param == "convoy":
        monkeypatch.setattr(mcap_writer, "CHUNK_BYTES", 4096)
        return forms.convoy(path, messages).read_bytes()
    return forms.mcap(path, messages, request.param).read_bytes()


def salvage(forms: Any, path: Path) -> tuple[list[Any], list[str]]:
    """Return what can be read, and what was said about the rest."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BagWarning)
        try:
            bag = BagReader(path)
        except BagError as error:
            return [], [str(error)]
        found = forms.read(bag)
    assert [str(warning.message) for warning in caught] == bag.damage
    assert bag.message_count == len(found)
    return found, bag.damage


@pytest.mark.parametrize("whole", [*CHECKED_FORMS, "no checksums", "no chunks"], indirect=True)
def test_mcap_that_is_cut_off_anywhere(forms: Any, messages: Any, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.mcap"
    for size in sorted(random.Random(1).sample(range(len(whole)), SAMPLES)):
        path.write_bytes(whole[:size])
        found, damage = salvage(forms, path)
        assert found == messages[: len(found)]
        assert len(damage) == 1
        # Chunks hold about twenty messages; only those of the last one may be beyond reach.
        there = sum(data in whole[:size] for _, _, data in messages) if b"zstd" not in whole else len(found)
        assert len(found) >= there - 20


@pytest.mark.parametrize("whole", ["plain", "no checksums", "no chunks", "convoy"], indirect=True)
def test_uncompressed_mcap_loses_no_message_that_is_whole(
    forms: Any, messages: Any, whole: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "cut.mcap"
    for number in (0, 1, 20, 77, 150, 299):
        data = messages[number][2]
        path.write_bytes(whole[: whole.index(data) + len(data)])
        assert salvage(forms, path)[0] == messages[: number + 1]


@pytest.mark.parametrize("whole", CHECKED_FORMS, indirect=True)
def test_mcap_with_a_flipped_byte(forms: Any, messages: Any, whole: bytes, tmp_path: Path) -> None:
    random_ = random.Random(2)
    path = tmp_path / "flipped.mcap"
    for place in sorted(random_.sample(range(len(whole)), SAMPLES)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ random_.randrange(1, 256)]) + whole[place + 1 :])
        found, damage = salvage(forms, path)
        assert found == messages[: len(found)]
        assert damage or len(found) == len(messages)


@pytest.mark.parametrize("whole", ["plain", "zstd"], indirect=True)
def test_damage_names_the_file_and_what_is_lost(forms: Any, messages: Any, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bag.mcap"
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes(16) + whole[middle + 16 :])
    with BagReader(path) as bag:
        assert bag.damage == []
        with pytest.warns(BagWarning, match="messages are lost") as caught:
            found = forms.read(bag)
        lost = {name: 100 - [topic for topic, _, _ in found].count(name) for name in ("/a", "/b", "/c")}
        said = str(caught[0].message)
        assert said == bag.damage[0]
        assert said.startswith(f"{path} has a chunk that")
        assert f"{300 - len(found)} of 300 messages are lost" in said
        assert "(" + ", ".join(f"{name} {count}" for name, count in lost.items()) + ")" in said
        # What is known to be lost is not said twice, and no longer counted.
        assert forms.read(bag) == found
        assert bag.damage == [said]
        assert sum(topic.count for topic in bag.topics.values()) == len(found)


def test_metadata_tells_how_much_was_lost(forms: Any, messages: Any, tmp_path: Path) -> None:
    path = forms.rosbag2(tmp_path / "bag", messages, "mcap")
    (file,) = path.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:30_000])
    found, (said,) = salvage(forms, path)
    assert 0 < len(found) < 300
    assert said.startswith(f"{file} ends early, after 30000 bytes; {300 - len(found)} of 300 messages are lost (/a ")


@pytest.mark.parametrize("plugin", ["mcap", "sqlite3"])
@pytest.mark.parametrize("mode", ["file", "message"])
def test_damaged_compression(forms: Any, messages: Any, tmp_path: Path, plugin: str, mode: str) -> None:
    path = forms.rosbag2(tmp_path / "bag", messages, plugin, mode)
    (file,) = (found for found in path.iterdir() if found.name != "metadata.yaml")
    whole = file.read_bytes()
    random_ = random.Random(3)
    for _ in range(20):
        place = random_.randrange(len(whole) // 3, len(whole) - 200)
        file.write_bytes(whole[:place])
        found, damage = salvage(forms, path)
        assert found == messages[: len(found)]
        assert damage
        # Neither these frames of zstd nor what is in them carry checksums: not all noise can be told from messages.
        file.write_bytes(whole[:place] + random_.randbytes(200) + whole[place + 200 :])
        found, damage = salvage(forms, path)
        assert len(found) <= 300
        assert [time_ns for _, time_ns, _ in found] == sorted(time_ns for _, time_ns, _ in found)


@pytest.mark.parametrize("large", [600, 20_000])
def test_sqlite3_that_is_cut_off_anywhere(forms: Any, tmp_path: Path, large: int) -> None:
    messages = forms.messages(300, large)
    path = forms.rosbag2(tmp_path / "bag", messages, "sqlite3")
    (file,) = path.glob("*.db3")
    whole = file.read_bytes()
    for size in sorted([*random.Random(4).sample(range(len(whole)), SAMPLES), len(whole) - 1]):
        file.write_bytes(whole[:size])
        found, damage = salvage(forms, path)
        assert found == messages[: len(found)]
        assert len(damage) == 1
        if size > len(whole) // 2:
            assert len(found) > 300 * (size / len(whole) - 0.3)


@pytest.mark.parametrize("filling", ["zeros", "noise"])
def test_sqlite3_with_a_broken_page(forms: Any, messages: Any, tmp_path: Path, filling: str) -> None:
    path = forms.rosbag2(tmp_path / "bag", messages, "sqlite3")
    (file,) = path.glob("*.db3")
    whole = file.read_bytes()
    page = random.Random(5).randbytes(4096) if filling == "noise" else bytes(4096)
    seen = set()
    for number in range(len(whole) // 4096):
        file.write_bytes(whole[: number * 4096] + page + whole[(number + 1) * 4096 :])
        found, damage = salvage(forms, path)
        assert found == messages[: len(found)]
        assert damage or len(found) == 300
        seen.add(len(found))
    assert len(seen) > 5


def test_a_deep_sqlite3_tree_is_read_up_to_the_cut(forms: Any, tmp_path: Path) -> None:
    # Over a thousand leaves: the pages that lead to the first of them lie far behind them in the file.
    messages = forms.messages(3600, 3000)
    path = forms.rosbag2(tmp_path / "bag", messages, "sqlite3")
    (file,) = path.glob("*.db3")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 10])
    found, _ = salvage(forms, path)
    assert found == messages[: len(found)]
    assert len(found) > 250


@pytest.mark.parametrize("plugin", ["mcap", "sqlite3"])
def test_one_damaged_file_of_several_costs_only_its_own_messages(
    forms: Any, messages: Any, tmp_path: Path, plugin: str
) -> None:
    ending = {"mcap": "mcap", "sqlite3": "db3"}[plugin]
    bag = tmp_path / "bag"
    bag.mkdir()
    for number in range(3):
        part = forms.rosbag2(tmp_path / f"part_{number}", messages[number * 100 : (number + 1) * 100], plugin)
        next(part.glob(f"*.{ending}")).rename(bag / f"bag_{number}.{ending}")
    middle = bag / f"bag_1.{ending}"
    middle.write_bytes(middle.read_bytes()[:20_000])
    found, (said,) = salvage(forms, bag)
    assert str(middle) in said
    assert found[:100] == messages[:100]
    assert found[-100:] == messages[-100:]
    assert found[100:-100] == messages[100 : len(found) - 100]
    middle.write_bytes(b"")
    found, (said,) = salvage(forms, bag)
    assert found == messages[:100] + messages[200:]
    assert said == f"{middle} is empty"


def test_missing_file_and_broken_metadata_are_named(forms: Any, messages: Any, tmp_path: Path) -> None:
    path = forms.rosbag2(tmp_path / "bag", messages, "mcap")
    metadata = path / "metadata.yaml"
    text = metadata.read_text()
    metadata.write_text(text.replace("relative_file_paths:\n", "relative_file_paths:\n  - bag_9.mcap\n"))
    assert salvage(forms, path) == (messages, [f"{path / 'bag_9.mcap'} is missing"])
    for broken in ("rosbag2_bagfile_information: [", "other: 1", "", "\x00\x01", text.replace("files:", "files: 7 #")):
        metadata.write_text(broken)
        found, (said,) = salvage(forms, path)
        assert found == messages
        assert said.startswith(f"{metadata} cannot be read")


def test_fewer_messages_than_the_metadata_counts(forms: Any, messages: Any, tmp_path: Path) -> None:
    path = forms.rosbag2(tmp_path / "bag", messages, "sqlite3")
    metadata = path / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("message_count: 100", "message_count: 101", 1))
    found, (said,) = salvage(forms, path)
    assert found == messages
    assert "does not hold all that metadata.yaml counts; 1 of 301 messages are lost" in said


def test_lengths_beyond_reason_take_no_memory(forms: Any, messages: Any, tmp_path: Path) -> None:
    path = forms.mcap(tmp_path / "bag.mcap", messages, "zstd")
    whole = bytearray(path.read_bytes())
    chunk = whole.index(b"\x04\x00\x00\x00zstd") - 37
    for place, width in ((chunk + 1, 8), (chunk + 25, 8), (chunk + 45, 8)):
        for value in (2**40, 2**62, 2**64 - 1):
            broken = whole.copy()
            broken[place : place + width] = value.to_bytes(width, "little")
            path.write_bytes(broken)
            found, damage = salvage(forms, path)
            assert found == messages[: len(found)]
            assert damage
