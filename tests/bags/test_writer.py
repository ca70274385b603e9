"""Writing bags: as rosbag2 writes them, always the same bytes, and nothing lost when the writer dies."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader

from convoy.bags import BagError, BagReader, BagWarning, BagWriter, QosProfile, mcap_writer
from convoy.interfaces import cdr
from convoy.interfaces.messages import AckermannDriveStamped, InterfaceError, make, type_hash

STRING = "std_msgs/msg/String"
DRIVE = "ackermann_msgs/msg/AckermannDriveStamped"


def copy(source: Path, target: Path) -> None:
    with BagReader(source) as bag, BagWriter(target) as writer:
        for topic in bag.topics.values():
            writer.add_topic(topic.name, topic.type, topic.qos, topic.definition, topic.type_hash)
        for record in bag.messages():
            writer.write(record.topic, record.log_time_ns, record.data, record.publish_time_ns)


@pytest.mark.parametrize("name", ["rc_track", "kitchen", "rc_track_sqlite3"])
def test_a_copy_has_all_that_ros2_bag_record_wrote(shared: Path, tmp_path: Path, name: str) -> None:
    copy(shared / "bags" / name, tmp_path / name)
    with BagReader(shared / "bags" / name) as bag, BagReader(tmp_path / name) as written:
        assert written.topics == bag.topics
        for record, original in zip(written.messages(), bag.messages(), strict=True):
            assert record._replace(sequence=0) == original._replace(sequence=0)


def test_metadata_has_the_form_of_ros2_bag_record(shared: Path, tmp_path: Path) -> None:
    copy(shared / "bags" / "rc_track", tmp_path / "rc_track")
    genuine, written = (
        (path / "metadata.yaml").read_text() for path in (shared / "bags" / "rc_track", tmp_path / "rc_track")
    )
    # Alike to the letter but for the order of topics, which is no matter of form.
    assert sorted(written.splitlines()) == sorted(genuine.splitlines())
    described, expected = (yaml.safe_load(text)["rosbag2_bagfile_information"] for text in (written, genuine))
    for information in (described, expected):
        information["topics_with_message_count"].sort(key=lambda topic: topic["topic_metadata"]["name"])
    assert described == expected
    summaries = []
    for path in (shared / "bags" / "rc_track", tmp_path / "rc_track"):
        with (path / "rc_track_0.mcap").open("rb") as file:
            summaries.append(make_reader(file).get_summary())
    genuine_channels, channels = (
        {
            channel.topic: (channel.message_encoding, channel.metadata, summary.schemas[channel.schema_id].encoding)
            for channel in summary.channels.values()
        }
        for summary in summaries
    )
    assert channels == genuine_channels


def test_other_readers_find_indexes_checksums_and_statistics(forms: Any, messages: Any, tmp_path: Path) -> None:
    path = forms.convoy(tmp_path / "bag", messages)
    with (path / "bag_0.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert reader.get_header().profile == "ros2"
        found = [(channel.topic, message.log_time, message.data) for _, channel, message in reader.iter_messages()]
        assert found == messages
        summary = reader.get_summary()
    assert summary.statistics.message_count == 300
    assert summary.statistics.chunk_count == len(summary.chunk_indexes)
    assert all(chunk.message_index_offsets for chunk in summary.chunk_indexes)
    assert all(schema.encoding == "ros2msg" for schema in summary.schemas.values())
    with AnyReader([path]) as other:
        assert [(connection.topic, time, data) for connection, time, data in other.messages()] == messages


def test_definitions_and_quality_of_service_travel_with_the_bag(tmp_path: Path) -> None:
    class Offer:
        reliability, durability, depth = "best_effort", "transient_local", 3

    rosout = QosProfile(durability="transient_local", depth=1000, lifespan_ns=10_000_000_000)
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/drive", DRIVE, Offer())
        writer.add_topic("/log", STRING, [rosout, QosProfile()])
        writer.write("/drive", 5, cdr.serialize(make(AckermannDriveStamped)), publish_time_ns=4)
        assert writer.message_count == 1
    with BagReader(tmp_path / "bag") as bag:
        assert bag.topics["/drive"].qos == (QosProfile("best_effort", "transient_local", 3),)
        assert bag.topics["/log"].qos == (rosout, QosProfile())
        assert bag.topics["/drive"].type_hash == type_hash(DRIVE)
        text = bag.topics["/drive"].definition.text
        for nested in ("std_msgs/Header", "builtin_interfaces/Time", "ackermann_msgs/AckermannDrive"):
            assert f"{'=' * 80}\nMSG: {nested}\n" in text
        (record,) = bag.messages()
        assert (record.log_time_ns, record.publish_time_ns, record.sequence) == (5, 4, 0)


def test_the_same_messages_give_the_same_bytes(forms: Any, messages: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        forms.convoy(tmp_path / name / "bag", messages)
        forms.convoy(tmp_path / name / "single.mcap", messages)
    for file in ("bag/bag_0.mcap", "bag/metadata.yaml", "single.mcap"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert not (tmp_path / "one" / "metadata.yaml").exists()


def test_chunks_are_closed_by_size_and_by_time(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag.mcap") as writer:
        writer.add_topic("/slow", STRING)
        writer.add_topic("/large", STRING)
        for second in range(5):
            writer.write("/slow", second * 1_000_000_000, b"\x00\x01\x00\x00")
        for number in range(6):
            writer.write("/large", 5_000_000_000 + number, bytes(400_000))
    with (tmp_path / "bag.mcap").open("rb") as file:
        chunks = make_reader(file).get_summary().chunk_indexes
    assert all(chunk.message_end_time - chunk.message_start_time <= 1_000_000_000 for chunk in chunks)
    assert all(chunk.uncompressed_size < 1_500_000 for chunk in chunks)
    assert len(chunks) == 5
    with BagReader(tmp_path / "bag.mcap") as bag:
        assert (bag.start_ns, bag.end_ns) == (0, 5_000_000_005)


WRITES_UNTIL_IT_IS_STOPPED = """
import sys, time
from convoy.bags import BagError, BagWriter
try:
    with BagWriter(sys.argv[1]) as writer:
        writer.add_topic("/count", "std_msgs/msg/String")
        for number in range(int(sys.argv[2])):
            writer.write("/count", number * 10_000_000, bytes([0, 1, 0, 0]) + number.to_bytes(4, "little") * 20)
        print("written", flush=True)
        time.sleep(60)
except BagError as error:
    sys.exit(str(error))
"""


def read_counts(path: Path) -> list[int]:
    with pytest.warns(BagWarning, match="ends early"), BagReader(path) as bag:
        return [int.from_bytes(record.data[4:8], "little") for record in bag.messages()]


@pytest.mark.parametrize("name", ["bag", "bag.mcap"])
def test_a_process_that_is_killed_loses_no_message(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-c", WRITES_UNTIL_IT_IS_STOPPED, str(tmp_path / name), "777"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    assert read_counts(tmp_path / name) == list(range(777))


@pytest.mark.parametrize("limit", [40_000, 50_001, 100_000])
def test_a_full_disk_is_named_and_what_was_written_can_be_read(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "bag"
    process = subprocess.run(
        [sys.executable, "-c", WRITES_UNTIL_IT_IS_STOPPED, str(path), "5000"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    counts = read_counts(path)
    assert len(counts) > limit / 120 / 1.5
    assert counts == list(range(len(counts)))
    (said,) = process.stderr.splitlines()
    assert (
        said
        == f"{path / 'bag_0.mcap'} cannot be written: File too large; the {len(counts)} messages before can be read."
    )


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, said in (
        (tmp_path / "file" / "bag", "bag cannot be written: Not a directory"),
        (tmp_path / "file" / "bag.mcap", "file is there already"),
    ):
        with pytest.raises(BagError, match=said):
            BagWriter(path)


def test_ctrl_c_amid_a_message_leaves_all_before_it(tmp_path: Path, monkeypatch: Any) -> None:
    def press(*_: object) -> int:
        raise KeyboardInterrupt

    def record() -> None:
        with BagWriter(tmp_path / "bag") as writer:
            writer.add_topic("/a", STRING)
            for number in range(101):
                if number == 100:
                    monkeypatch.setattr(mcap_writer.zlib, "crc32", press)
                writer.write("/a", number, bytes([0, 1, 0, 0, number, 0, 0, 0]))

    with pytest.raises(KeyboardInterrupt):
        record()
    monkeypatch.undo()
    assert read_counts(tmp_path / "bag") == list(range(101))


def test_a_closed_bag_takes_nothing_more(tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / "bag")
    writer.add_topic("/a", STRING)
    writer.write("/a", 1, b"\x00\x01\x00\x00")
    writer.close()
    writer.close()
    for again in (lambda: writer.write("/a", 1, b""), lambda: writer.add_topic("/b", STRING)):
        with pytest.raises(BagError, match="is closed"):
            again()


def test_an_existing_bag_is_never_overwritten(forms: Any, messages: Any, tmp_path: Path) -> None:
    for name in ("bag", "bag.mcap"):
        path = forms.convoy(tmp_path / name, messages)
        with pytest.raises(BagError, match="is there already: remove it"):
            BagWriter(path)
        with BagReader(path) as bag:
            assert bag.message_count == 300


def test_wrong_use_is_named(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag.mcap") as writer:
        writer.add_topic("/a", STRING)
        with pytest.raises(BagError, match="has the topic /a already"):
            writer.add_topic("/a", STRING)
        with pytest.raises(BagError, match="'a/b' is no absolute name"):
            writer.add_topic("a/b", STRING)
        with pytest.raises(BagError, match="'String' on /b is no name of a message type"):
            writer.add_topic("/b", "String")
        with pytest.raises(InterfaceError, match="unknown_msgs/msg/Thing"):
            writer.add_topic("/b", "unknown_msgs/msg/Thing")
        with pytest.raises(BagError, match="/b was not added"):
            writer.write("/b", 1, b"")
        with pytest.raises(BagError, match="-5 ns"):
            writer.write("/a", -5, b"")
        writer.write("/a", 1, b"\x00\x01\x00\x00")
    with BagReader(tmp_path / "bag.mcap") as bag:
        assert bag.message_count == 1
        assert bag.damage == []
