"""``convoy topics``: what is on the network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def topics(
    only: Annotated[
        list[str] | None, typer.Argument(metavar="[TOPICS]...", help="Absolute names; all where none is given.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long to listen.")] = 3.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything to FILE; - is the screen.")] = None,
) -> None:
    """List the topics of the ROS 2 network with their types, publishers, subscriptions and rates.

    Example: convoy topics /camera/image_raw --seconds 5
    """
    import json
    import sys
    from os import getpid

    from rich.console import Console

    from convoy.errors import ConvoyError, nearest
    from convoy.hosts.dds import Participant
    from convoy.hosts.dds.survey import survey
    from convoy.hosts.process import log_to_console

    log_to_console("warn")
    with Participant() as participant, Console(stderr=True).status(f"listening for {seconds:g} s"):
        found = survey(participant, participant.node(f"_convoy_topics_{getpid()}"), seconds, only or [])
        known = {endpoint.topic for endpoint in participant.discovery.endpoints()}
    for name in only or []:
        if name not in known:
            raise ConvoyError(
                f"There is no topic {name!r} in domain {participant.domain_id}; "
                f"nearest first: {', '.join(nearest(name, known)) or 'there is none at all'}."
            )
    if json_file:
        rows = [
            {
                "topic": topic.name,
                "types": topic.types,
                "publishers": topic.publishers,
                "subscriptions": topic.subscriptions,
                "messages": topic.messages,
                "rate_hz": topic.rate_hz,
                "bytes_per_s": topic.bytes_per_s,
            }
            for topic in found
        ]
        text = json.dumps({"domain": participant.domain_id, "seconds": seconds, "topics": rows}, indent=2) + "\n"
        if str(json_file) == "-":
            sys.stdout.write(text)
            return
        json_file.write_text(text)
    if not found:
        print(f"Nobody publishes or subscribes in domain {participant.domain_id}.")
        return
    print(f"{'Hz':>8} {'kB/s':>10}  topic [type]: publishers -> subscriptions")
    for topic in found:
        rate = "-" if topic.rate_hz is None else f"{topic.rate_hz:.1f}"
        bandwidth = "-" if topic.bytes_per_s is None else f"{topic.bytes_per_s / 1000:.1f}"
        print(
            f"{rate:>8} {bandwidth:>10}  {topic.name} [{', '.join(topic.types)}]: "
            f"{_names(topic.publishers)} -> {_names(topic.subscriptions)}"
        )


def _names(nodes: list[str]) -> str:
    return ", ".join(node or "(no node)" for node in nodes) or "nobody"
