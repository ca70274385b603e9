"""Reading whole bags: every form of rosbag2, one order, no more memory than needed."""

from __future__ import annotations

import shutil
import sqlite3
import tracemalloc
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from mcap.writer import Writer as McapWriter
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from convoy.bags import BagError, BagReader, BagWarning, BagWriter, QosProfile
from convoy.interfaces import cdr
from convoy.interfaces.messages import AckermannDriveStamped, InterfaceError, make, store, type_hash

STRING = "std_msgs/msg/String"
MCAP_FORMS = ("plain", "zstd", "lz4", "no checksums", "no chunks", "no index", "no summary")


@pytest.fixture(autouse=True)
def _whole_bags_give_no_warning() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", BagWarning)
        yield


@pytest.mark.parametrize("mode", ["none", "file", "message"])
@pytest.mark.parametrize("plugin", ["mcap", "sqlite3"])
def test_every_storage_and_compression_gives_the_same(
    forms: Any, messages: Any, tmp_path: Path, plugin: str, mode: str
) -> None:
    path = forms.rosbag2(tmp_path / "bag", messages, plugin, mode)
    with BagReader(path) as bag:
        assert forms.read(bag) == messages
        assert bag.storage == plugin
        assert {name: topic.count for name, topic in bag.topics.items()} == {"/a": 100, "/b": 100, "/c": 100}
        assert bag.topics["/a"].type == STRING
        # rosbags keeps the hash of mcap bags in their metadata alone.
        assert bag.topics["/a"].type_hash == (type_hash(STRING) if plugin == "sqlite3" else "")
        assert (bag.start_ns, bag.end_ns) == (messages[0][1], messages[-1][1])
        assert bag.duration == pytest.approx(0.299)
        assert bag.message_count == 300
        assert bag.damage == []


@pytest.mark.parametrize("form", MCAP_FORMS)
def test_every_form_of_mcap_gives_the_same(forms: Any, messages: Any, tmp_path: Path, form: str) -> None:
    with BagReader(forms.mcap(tmp_path / "bag.mcap", messages, form)) as bag:
        assert forms.read(bag) == messages
        assert {name: topic.count for name, topic in bag.topics.items()} == {"/a": 100, "/b": 100, "/c": 100}
        assert (bag.start_ns, bag.end_ns) == (messages[0][1], messages[-1][1])


@pytest.mark.parametrize("plugin", ["mcap", "sqlite3"])
@pytest.mark.parametrize("mode", ["none", "file"])
def test_a_single_file_and_a_folder_without_metadata_are_bags(
    forms: Any, messages: Any, tmp_path: Path, plugin: str, mode: str
) -> None:
    path = forms.rosbag2(tmp_path / "bag", messages, plugin, mode)
    (path / "metadata.yaml").unlink()
    (file,) = path.iterdir()
    for found in (path, file):
        with BagReader(found) as bag:
            assert forms.read(bag) == messages


@pytest.mark.parametrize("has_metadata", [True, False])
def test_split_files_are_merged_in_order_of_time(forms: Any, messages: Any, tmp_path: Path, has_metadata: bool) -> None:
    bag_path = tmp_path / "bag"
    bag_path.mkdir()
    # Twelve files that overlap a little, so that bag_10 must sort behind bag_9, and two files are open together.
    parts = [messages[i * 25 : (i + 1) * 25] for i in range(12)]
    for part, following in pairwise(parts):
        part[-2], following[1] = following[1], part[-2]
    for number, part in enumerate(parts):
        forms.mcap(bag_path / f"bag_{number}.mcap", part, "zstd")
    if has_metadata:
        information = {
            "version": 9,
            "storage_identifier": "mcap",
            "relative_file_paths": [f"bag_{number}.mcap" for number in range(12)],
            "topics_with_message_count": [],
            "files": [{"path": f"bag_{number}.mcap", "message_count": 25} for number in range(12)],
        }
        (bag_path / "metadata.yaml").write_text(yaml.safe_dump({"rosbag2_bagfile_information": information}))
    with BagReader(bag_path) as bag:
        assert [file.name for file in bag.files] == [f"bag_{number}.mcap" for number in range(12)]
        assert forms.read(bag) == messages
        assert bag.topics["/b"].count == 100


@pytest.mark.parametrize("form", MCAP_FORMS)
def test_messages_come_by_log_time_wherever_they_lie_in_the_file(forms: Any, tmp_path: Path, form: str) -> None:
    messages = forms.messages()
    shuffled = [messages[(i * 37) % 300] for i in range(300)]
    with BagReader(forms.mcap(tmp_path / "bag.mcap", shuffled, form)) as bag:
        assert forms.read(bag) == messages


@pytest.mark.parametrize("plugin", ["mcap", "sqlite3"])
def test_messages_of_one_instant_come_by_topic_then_as_written(forms: Any, tmp_path: Path, plugin: str) -> None:
    topics = ["/c", "/a", "/b", "/a", "/c", "/b"]
    written = [(topic, 7_000_000_000, bytes([0, 1, 0, 0, number])) for number, topic in enumerate(topics)]
    with BagReader(forms.rosbag2(tmp_path / "bag", written, plugin)) as bag:
        assert [(record.topic, record.data[4]) for record in bag.messages()] == [
            ("/a", 1),
            ("/a", 3),
            ("/b", 2),
            ("/b", 5),
            ("/c", 0),
            ("/c", 4),
        ]


def test_sequence_decides_within_a_topic(tmp_path: Path) -> None:
    path = tmp_path / "bag.mcap"
    with path.open("wb") as file:
        writer = McapWriter(file)
        writer.start("ros2")
        channel = writer.register_channel("/a", "cdr", writer.register_schema(STRING, "ros2msg", b"string data"))
        for sequence in (2, 0, 1):
            writer.add_message(channel, 5, bytes([0, 1, 0, 0]), 5, sequence)
        writer.finish()
    with BagReader(path) as bag:
        assert [record.sequence for record in bag.messages()] == [0, 1, 2]


@pytest.mark.parametrize("form", ["plain", "no chunks", "sqlite3"])
def test_topics_and_times_are_chosen(forms: Any, messages: Any, tmp_path: Path, form: str) -> None:
    if form == "sqlite3":
        path = forms.rosbag2(tmp_path / "bag", messages, "sqlite3")
    else:
        path = forms.mcap(tmp_path / "bag.mcap", messages, form)
    start_ns, end_ns = messages[40][1], messages[200][1]
    with BagReader(path) as bag:
        assert forms.read(bag, topics=["/b"]) == [message for message in messages if message[0] == "/b"]
        assert forms.read(bag, start_ns=start_ns, end_ns=end_ns) == messages[40:200]
        assert forms.read(bag, topics=["/a", "/c"], start_ns=start_ns) == [
            message for message in messages[40:] if message[0] != "/b"
        ]
        assert forms.read(bag, topics=[]) == []


def test_memory_holds_a_part_of_the_bag(tmp_path: Path) -> None:
    path = tmp_path / "bag.mcap"
    with BagWriter(path) as writer:
        writer.add_topic("/image", "sensor_msgs/msg/Image")
        writer.add_topic("/drive", STRING)
        image = bytes(500_000)
        for number in range(120):
            writer.write("/image", number * 10_000_000, image)
            writer.write("/drive", number * 10_000_000, b"\x00\x01\x00\x00")
    tracemalloc.start()
    try:
        with BagReader(path) as bag:
            kept = [record for record in bag.messages() if record.topic == "/drive"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(kept) == 120
    assert peak < 8_000_000 < path.stat().st_size / 7


SQLITE_SCHEMAS = {
    1: "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, serialization_format TEXT)",
    2: "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, serialization_format TEXT,"
    " offered_qos_profiles TEXT)",
}
QOS_OF_HUMBLE = """\
- history: 1
  depth: 5
  reliability: 2
  durability: 1
  deadline: {sec: 9223372036, nsec: 854775807}
  lifespan: {sec: 2, nsec: 500000000}
  liveliness: 1
  liveliness_lease_duration: {sec: 9223372036, nsec: 854775807}
  avoid_ros_namespace_conventions: false"""


@pytest.mark.parametrize("version", [1, 2])
def test_older_sqlite3_bags_without_definitions(messages: Any, forms: Any, tmp_path: Path, version: int) -> None:
    path = tmp_path / "old.db3"
    with sqlite3.connect(path) as database:
        database.execute(SQLITE_SCHEMAS[version])
        database.execute(
            "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB)"
        )
        ids = {"/a": 1, "/b": 2, "/c": 3}
        for name, id_ in ids.items():
            row = (id_, name, STRING, "cdr", QOS_OF_HUMBLE)[: 3 + version]
            database.execute(f"INSERT INTO topics VALUES ({', '.join('?' * len(row))})", row)
        rows = ((ids[topic], time_ns, data) for topic, time_ns, data in messages)
        database.executemany("INSERT INTO messages(topic_id, timestamp, data) VALUES (?, ?, ?)", rows)
    database.close()
    with BagReader(path) as bag:
        assert forms.read(bag) == messages
        profile = QosProfile("best_effort", "transient_local", 5, lifespan_ns=2_500_000_000)
        assert bag.topics["/a"].qos == ((profile,) if version == 2 else ())
        assert bag.topics["/a"].definition is None


@pytest.mark.parametrize("name", ["rc_track", "rc_track_end", "rc_track_sqlite3", "street", "kitchen"])
def test_recordings_of_ros2_bag_record(shared: Path, name: str) -> None:
    path = shared / "bags" / name
    metadata = yaml.safe_load((path / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    with BagReader(path) as bag, AnyReader([path]) as other:
        assert bag.message_count == metadata["message_count"]
        assert bag.start_ns == metadata["starting_time"]["nanoseconds_since_epoch"]
        assert bag.end_ns - bag.start_ns == metadata["duration"]["nanoseconds"]
        for described in metadata["topics_with_message_count"]:
            topic, expected = bag.topics[described["topic_metadata"]["name"]], described["topic_metadata"]
            assert (topic.type, topic.count) == (expected["type"], described["message_count"])
            assert topic.type_hash == expected["type_description_hash"]
            (qos,) = expected["offered_qos_profiles"]
            assert (topic.qos[0].reliability, topic.qos[0].depth) == (qos["reliability"], qos["depth"])
        for record, (connection, time_ns, data) in zip(bag.messages(), other.messages(), strict=True):
            assert (record.topic, record.log_time_ns, record.data) == (connection.topic, time_ns, data)


def test_wrong_topic_lists_those_that_are_there_nearest_first(forms: Any, tmp_path: Path) -> None:
    written = [(topic, 1, b"\x00\x01\x00\x00") for topic in ("/rosout", "/camera/image_raw", "/camera/camera_info")]
    with BagReader(forms.rosbag2(tmp_path / "bag", written, "mcap")) as bag:
        for ask in (lambda: bag.topic("/camera/image"), lambda: bag.messages(["/rosout", "/camera/image"])):
            with pytest.raises(
                BagError, match="'/camera/image'; it has /camera/image_raw, /camera/camera_info, /rosout"
            ):
                ask()


def test_what_is_no_bag_is_refused(forms: Any, tmp_path: Path) -> None:
    def refusal(path: Path) -> str:
        with pytest.raises(BagError) as caught:
            BagReader(path)
        assert str(path) in str(caught.value)
        return str(caught.value)

    assert "no bag at" in refusal(tmp_path / "missing")
    (tmp_path / "folder").mkdir()
    assert "no bag: no file" in refusal(tmp_path / "folder")
    (tmp_path / "empty.mcap").touch()
    assert "is empty" in refusal(tmp_path / "empty.mcap")
    (tmp_path / "text.mcap").write_text("not a bag")
    assert "neither an mcap nor an sqlite3 file: it begins with b'not a bag'" in refusal(tmp_path / "text.mcap")
    (tmp_path / "old.bag").write_bytes(b"#ROSBAG V2.0\n")
    assert "rosbags-convert" in refusal(tmp_path / "old.bag")
    with sqlite3.connect(tmp_path / "other.db3") as database:
        database.execute("CREATE TABLE songs(id INTEGER)")
    database.close()
    assert "its tables are songs" in refusal(tmp_path / "other.db3")
    for plugin in ("mcap", "sqlite3"):
        forms.rosbag2(tmp_path / plugin, [], plugin)
        assert "no message" in refusal(tmp_path / plugin)
    other = forms.rosbag2(tmp_path / "other", [("/a", 1, b"")], "mcap") / "metadata.yaml"
    other.write_text(other.read_text().replace("storage_identifier: mcap", "storage_identifier: tape"))
    assert "'tape'; convoy reads mcap and sqlite3" in refusal(tmp_path / "other")


def write_typed(path: Path, plugin: str, type_: str, text: str, **fields: Any) -> None:
    types = get_typestore(Stores.EMPTY)
    types.register(get_types_from_msg(text, type_))
    with Writer(path, version=9, storage_plugin=StoragePlugin[plugin.upper()]) as writer:
        connection = writer.add_connection("/topic", type_, typestore=types)
        writer.write(connection, 1, types.serialize_cdr(types.types[type_](**fields), type_))


@pytest.mark.parametrize("plugin", ["mcap", "sqlite3"])
def test_unknown_types_are_decoded_by_the_bags_own_definition(tmp_path: Path, plugin: str) -> None:
    write_typed(
        tmp_path / "bag",
        plugin,
        "other_msgs/msg/Weight",
        "float64 grams\nuint8[] digits\n",
        grams=2.5,
        digits=np.array([1], np.uint8),
    )
    with BagReader(tmp_path / "bag") as bag:
        message = bag.deserialize(next(bag.messages()))
        assert (message.grams, list(message.digits)) == (2.5, [1])
        assert bag.topics["/topic"].definition.format == "ros2msg"


def test_another_version_of_a_known_type_is_decoded_by_the_bags_own_definition(tmp_path: Path) -> None:
    write_typed(tmp_path / "bag", "mcap", "std_msgs/msg/String", "uint32 number\n", number=7)
    with BagReader(tmp_path / "bag") as bag:
        assert bag.deserialize(next(bag.messages())).number == 7


def test_known_types_are_decoded_to_convoys_classes(tmp_path: Path) -> None:
    command = make(AckermannDriveStamped)
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/drive", "ackermann_msgs/msg/AckermannDriveStamped")
        writer.write("/drive", 1, cdr.serialize(command))
        writer.write("/drive", 2, b"\x00\x01\x00\x00\x01")
    with BagReader(tmp_path / "bag") as bag:
        whole, cut = bag.messages()
        assert bag.deserialize(whole) == command
        with pytest.raises(InterfaceError, match="AckermannDriveStamped"):
            bag.deserialize(cut)


def test_types_without_any_definition_and_other_encodings_are_named(tmp_path: Path) -> None:
    for name, encoding, schema in (("json", "json", b"{}"), ("bare", "cdr", b"")):
        path = tmp_path / f"{name}.mcap"
        with path.open("wb") as file:
            writer = McapWriter(file)
            writer.start("")
            channel = writer.register_channel("/x", encoding, writer.register_schema("a/msg/B", "ros2msg", schema))
            writer.add_message(channel, 1, b"{}  ", 1)
            writer.finish()
    with BagReader(tmp_path / "json.mcap") as bag, pytest.raises(BagError, match="/x is encoded as 'json'"):
        bag.deserialize(next(bag.messages()))
    with BagReader(tmp_path / "bare.mcap") as bag, pytest.raises(InterfaceError, match="a/msg/B"):
        bag.deserialize(next(bag.messages()))


def test_a_write_ahead_log_beside_the_file_is_read(forms: Any, messages: Any, tmp_path: Path) -> None:
    path = forms.rosbag2(tmp_path / "bag", messages[:150], "sqlite3")
    (file,) = path.glob("*.db3")
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    for topic, time_ns, data in messages[150:]:
        row = ({"/a": 1, "/b": 2, "/c": 3}[topic], time_ns, data)
        database.execute("INSERT INTO messages(topic_id, timestamp, data) VALUES (?, ?, ?)", row)
    # As a recorder leaves it that is killed before it merges the log.
    for part in path.glob("*.db3*"):
        shutil.copy(part, tmp_path / part.name)
    database.close()
    with BagReader(tmp_path / file.name) as bag:
        assert forms.read(bag) == messages


def test_store_is_not_changed_by_a_bags_definitions(tmp_path: Path) -> None:
    before = dict(store.types)
    write_typed(tmp_path / "bag", "mcap", "other_msgs/msg/Weight", "float64 grams\n", grams=2.5)
    with BagReader(tmp_path / "bag") as bag:
        bag.deserialize(next(bag.messages()))
    assert dict(store.types) == before
