"""``convoy bag``: what is in a bag, bags of what is on the network, and of other programs' recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from convoy.bags import BagReader, Recording, Topic

app = typer.Typer(no_args_is_help=True, help="Look into bags, record them, and make them of other recordings.")


@app.command()
def info(
    bag: Annotated[Path, typer.Argument(help="rosbag2 folder, .mcap or .db3 file.", show_default=False)],
    check: Annotated[
        bool, typer.Option("--check", help="Read every message; exit code 1 where anything is damaged.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write it to FILE; - is the screen.")] = None,
) -> None:
    """Show a bag's files, time, and topics with their rates and quality of service.

    Example: convoy bag info bags/drive
    """
    import json
    import sys

    from rich.console import Console

    from convoy.bags import BagReader

    with BagReader(bag) as reader:
        if check:
            with Console(stderr=True).status("reading every message"):
                for _ in reader.messages():
                    pass
        found = _describe(reader)
    if json_file:
        text = json.dumps(found, indent=2) + "\n"
        if str(json_file) == "-":
            sys.stdout.write(text)
        else:
            json_file.write_text(text)
    if str(json_file) != "-":
        _print(found)
    if check and found["damage"]:
        raise typer.Exit(1)


def _describe(bag: BagReader) -> dict[str, Any]:
    topics = [
        {
            "name": topic.name,
            "type": topic.type,
            "messages": topic.count,
            "rate_hz": _rate_hz(bag, topic),
            "qos": [
                {
                    "reliability": qos.reliability,
                    "durability": qos.durability,
                    "history": qos.history,
                    "depth": qos.depth,
                }
                for qos in topic.qos
            ],
            "type_hash": topic.type_hash,
            "encoding": topic.encoding,
        }
        for topic in bag.topics.values()
    ]
    files = [{"name": file.name, "bytes": file.stat().st_size} for file in bag.files]
    return {
        "bag": str(bag.path),
        "storage": bag.storage,
        "files": files,
        "start_ns": bag.start_ns,
        "end_ns": bag.end_ns,
        "duration_s": bag.duration,
        "messages": bag.message_count,
        "topics": topics,
        "damage": bag.damage,
    }


def _rate_hz(bag: BagReader, topic: Topic) -> float | None:
    """Count from the topic's own first message to its last, which a search from the bag's end on finds soonest."""
    if topic.count < 2:
        return None
    first = next(bag.messages([topic.name]), None)
    last, window_ns = None, 1_000_000_000
    while first and last is None:
        for record in bag.messages([topic.name], start_ns=max(first.log_time_ns, bag.end_ns - window_ns)):
            last = record
        window_ns *= 4
    if first is None or last is None or last.log_time_ns == first.log_time_ns:
        return None
    return (topic.count - 1) * 1e9 / (last.log_time_ns - first.log_time_ns)


def _print(found: dict[str, Any]) -> None:
    from datetime import UTC, datetime

    start = datetime.fromtimestamp(found["start_ns"] / 1e9, UTC)
    size = sum(file["bytes"] for file in found["files"])
    files = found["files"]
    print(f"bag:      {found['bag']} ({found['storage']}, {size / 1e6:.1f} MB)")
    print(f"files:    {', '.join(file['name'] for file in files)}")
    print(f"start:    {start:%Y-%m-%d %H:%M:%S.%f} UTC")
    print(f"duration: {found['duration_s']:.3f} s")
    print(f"messages: {found['messages']}\n")
    rows = [("topic", "type", "messages", "Hz", "offered quality of service")]
    for topic in found["topics"]:
        rate = "-" if topic["rate_hz"] is None else f"{topic['rate_hz']:.1f}"
        offers = dict.fromkeys(
            f"{qos['reliability']}, {qos['durability']}, {qos['history']} {qos['depth']}" for qos in topic["qos"]
        )
        rows.append((topic["name"], topic["type"], str(topic["messages"]), rate, " | ".join(offers) or "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, type_, count, rate, qos in rows:
        print(f"{name:<{widths[0]}}  {type_:<{widths[1]}}  {count:>{widths[2]}}  {rate:>{widths[3]}}  {qos}")


@app.command()
def record(
    topics: Annotated[
        list[str] | None, typer.Argument(metavar="[TOPICS]...", help="Names of topics, also of some yet to come.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Record all topics, as they appear.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The new bag \\[default: rosbag2_DATE-TIME]", show_default=False)
    ] = None,
) -> None:
    """Record topics of the ROS 2 network until Ctrl-C, as mcap, with their publishers' quality of service.

    Example: convoy bag record /camera/image_raw/compressed /drive -o bags/drive
    """
    from datetime import datetime
    from os import getpid

    from convoy.bags import BagError, BagWriter
    from convoy.hosts.dds import Participant
    from convoy.hosts.dds.recorder import Recorder
    from convoy.hosts.process import log_to_console, stop_requested

    if bool(topics) == everything:
        raise BagError("Give the names of the topics to record, or --all.")
    log_to_console()
    stopping = stop_requested()
    out = out or Path(f"rosbag2_{datetime.now():%Y_%m_%d-%H_%M_%S}")
    with Participant() as participant, BagWriter(out) as writer:
        recorder = Recorder(participant, participant.node(f"_convoy_record_{getpid()}"), writer, topics or ())
        recorded = recorder.run(stopping)
    print(f"{out}: {sum(recorded.messages.values())} messages, {recorded.bytes / 1e6:.1f} MB")
    for topic, count in sorted(recorded.messages.items()):
        print(f"  {count:8} {topic}")
    if recorded.dropped:
        raise BagError(f"{recorded.dropped} messages were dropped, because the disk was too slow.")


@app.command("import")
def import_(
    source: Annotated[
        str,
        typer.Argument(metavar="tub:DIR|udacity:DIR", help="donkeycar tub (version 2), or folder of driving_log.csv."),
    ],
    out: Annotated[Path, typer.Argument(help="The new bag: a folder, or a file that ends in .mcap.")],
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Hz, to count the stamps \\[default: those of the recording]")
    ] = None,
    max_steering_angle: Annotated[
        float | None, typer.Option(min=0, help="rad at full lock \\[default: 0.4 for tubs, 25 degrees for Udacity]")
    ] = None,
    max_speed: Annotated[float | None, typer.Option(min=0, help="m/s at full throttle, of tubs \\[default: 2]")] = None,
) -> None:
    """Make a bag of a drive: JPEG images, and the human's commands on /drive.

    Example: convoy bag import tub:drives/monday bags/monday --rate 20
    """
    from rich.console import Console
    from rich.progress import Progress

    from convoy.bags import import_recording

    recording = _read(source, rate, max_steering_angle, max_speed)
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("importing", total=len(recording.samples))
        count = import_recording(recording, out, lambda done, _: bar.update(task, completed=done))
    print(f"{out}: {count} messages of {len(recording.samples)} records, {len(recording.skipped)} skipped")


def _read(source: str, rate: float | None, max_steering_angle: float | None, max_speed: float | None) -> Recording:
    from convoy.bags import BagError, read_tub, read_udacity

    kind, _, path = source.partition(":")
    scale = {} if max_steering_angle is None else {"max_steering_angle": max_steering_angle}
    if kind == "tub" and path:
        return read_tub(path, rate, **scale, **({} if max_speed is None else {"max_speed": max_speed}))
    if kind == "udacity" and path:
        if max_speed is not None:
            raise BagError("--max-speed is for tubs; a Udacity log has the speed itself.")
        return read_udacity(path, rate, **scale)
    raise BagError(f"{source!r} names no recording; wanted tub:DIR or udacity:DIR.")
