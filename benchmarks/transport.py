"""Camera images between two processes over the DDS host's wire: latency from stamp to callback, losses, CPU.

A talker stamps, encodes and publishes bgr8 images at a camera's rate; a listener in another process subscribes,
decodes (a view, no copy) and notes the age of each stamp. Both are confined to loopback, in a domain of their own.

    python benchmarks/transport.py --json transport.json

With ``--rclpy``, where a genuine ROS 2 with rmw_cyclonedds is sourced, rclpy does the same beside it, with the same
configuration of Cyclone DDS: with serialised messages (raw) and with message objects (typed).
"""

from __future__ import annotations

import json
import os
import platform
import random
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
import typer

from convoy.graph import QoS
from convoy.hosts.dds.domain import LARGE_MESSAGES, LOOPBACK, granted_receive_buffer
from convoy.hosts.dds.participant import Participant
from convoy.interfaces import cdr, messages
from convoy.interfaces.messages import Header, Image, make

Reliability = Literal["reliable", "best_effort"]
SIZES = ((640, 480), (1280, 720), (1920, 1080))
TOPIC, TYPE = "/camera/image_raw", "sensor_msgs/msg/Image"
WARM_UP = 10
"""Frames that fill caches and connections before the measured ones."""
MATCH_S = 10.0
"""How long talker and listener look for each other."""
SETTLE_S = 2.0
"""How long the listener waits for frames that are still under way."""

app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    seconds: Annotated[float, typer.Option(help="Measured time per image size.")] = 10.0,
    rate: Annotated[float, typer.Option(help="Images per second.")] = 30.0,
    rclpy: Annotated[bool, typer.Option("--rclpy", help="Measure a genuine rclpy too.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Measure all image sizes, reliable and best effort; print a table and write JSON."""
    if context.invoked_subcommand:
        return
    stacks = ("convoy", "rclpy raw", "rclpy typed") if rclpy else ("convoy",)
    rows = []
    ages = " ".join(f"{title:>6}" for title in ("mean", "p50", "p99", "max"))
    print(f"{'':>11} {'image':>10} {'qos':>12} {'sent':>5} {'lost':>5} {ages}  ms, CPU %")
    for width, height in SIZES:
        for reliability in get_args(Reliability):
            for stack in stacks:
                row = measure(stack, width, height, reliability, rate, round(seconds * rate))
                rows.append(row)
                ages = " ".join(f"{row[key]:>6.2f}" for key in ("mean_ms", "p50_ms", "p99_ms", "max_ms"))
                print(
                    f"{stack:<11} {width:>5}x{height:<4} {reliability:>12} {row['sent']:>5} {row['lost']:>5} {ages}  "
                    f"talker {row['talker_cpu_percent']:.0f}, listener {row['listener_cpu_percent']:.0f}",
                    flush=True,
                )
    if json_file:
        machine = {"processor": _processor(), "cores": os.cpu_count(), "system": platform.platform()}
        result = {"machine": machine, "receive_buffer_bytes": granted_receive_buffer(), "rate_hz": rate, "rows": rows}
        json_file.write_text(json.dumps(result, indent=2) + "\n")


def measure(stack: str, width: int, height: int, reliability: str, rate: float, frames: int) -> dict[str, Any]:
    """Run one talker and one listener; returns the row of the table."""
    number = str(random.randrange(1, 200))
    own = {"CYCLONEDDS_URI": f"{LARGE_MESSAGES},{LOOPBACK}", "ROS_DOMAIN_ID": number}
    environment = {**os.environ, "RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp", **own}
    arguments = [str(width), str(height), reliability, str(rate), str(frames)]
    if stack == "convoy":
        commands = [[sys.executable, __file__, role, *arguments] for role in ("listen", "talk")]
    else:
        script, form = str(Path(__file__).parent / "rclpy" / "images.py"), stack.split()[1]
        limits = [str(WARM_UP), str(MATCH_S + SETTLE_S)]
        commands = [["python3", script, role, form, *arguments, *limits] for role in ("listen", "talk")]
    with (
        subprocess.Popen(commands[0], env=environment, stdout=subprocess.PIPE) as listener,
        subprocess.Popen(commands[1], env=environment, stdout=subprocess.PIPE) as talker,
    ):
        talked, heard = json.loads(talker.communicate()[0]), json.loads(listener.communicate()[0])
    ages = np.array(heard["ages_ms"])
    figures = ages if len(ages) else np.full(1, np.nan)
    return {
        "stack": stack,
        "width": width,
        "height": height,
        "reliability": reliability,
        "sent": frames,
        "lost": frames - len(ages),
        "mean_ms": float(figures.mean()),
        "p50_ms": float(np.percentile(figures, 50)),
        "p99_ms": float(np.percentile(figures, 99)),
        "max_ms": float(figures.max()),
        "talker_cpu_percent": talked["cpu_percent"],
        "listener_cpu_percent": heard["cpu_percent"],
    }


@app.command(hidden=True)
def talk(width: int, height: int, reliability: Reliability, rate: float, frames: int) -> None:
    """Publish images at a steady rate."""
    pixels = np.random.default_rng(0).integers(0, 255, height * width * 3, np.uint8)
    with Participant() as participant:
        publisher = participant.node("talker").publisher(TOPIC, TYPE, QoS(reliability=reliability, depth=1))
        deadline = time.monotonic() + MATCH_S
        while not publisher.matched() and time.monotonic() < deadline:
            time.sleep(0.05)
        start, cpu = time.monotonic(), _cpu_s()
        for index in range(WARM_UP + frames):
            time.sleep(max(0.0, start + index / rate - time.monotonic()))
            header = Header(stamp=messages.time(time.time_ns()), frame_id=str(index))
            image = make(Image, header=header, height=height, width=width, encoding="bgr8", step=width * 3, data=pixels)
            publisher.write(cdr.serialize(image))
        spent = _cpu_s() - cpu
        print(json.dumps({"cpu_percent": 100 * spent / (time.monotonic() - start)}))
        time.sleep(SETTLE_S)


@app.command(hidden=True)
def listen(width: int, height: int, reliability: Reliability, rate: float, frames: int) -> None:
    """Receive them and note their age."""
    ages: dict[int, float] = {}
    begun, done = threading.Event(), threading.Event()
    size = width * height * 3

    def received(data: memoryview, _: int) -> None:
        image = cdr.deserialize(data, TYPE)
        age_ms = (time.time_ns() - messages.nanoseconds(image.header.stamp)) / 1e6
        if len(image.data) != size:
            raise ValueError(f"{len(image.data)} bytes arrived of {size}")
        begun.set()
        if int(image.header.frame_id) >= WARM_UP:
            ages[int(image.header.frame_id)] = age_ms
        if len(ages) == frames:
            done.set()

    with Participant() as participant:
        participant.node("listener").subscription(TOPIC, TYPE, QoS(reliability=reliability, depth=1), received)
        begun.wait(MATCH_S + 1)
        start, cpu = time.monotonic(), _cpu_s()
        done.wait((WARM_UP + frames) / rate + SETTLE_S)
        spent = _cpu_s() - cpu
        print(json.dumps({"ages_ms": list(ages.values()), "cpu_percent": 100 * spent / (time.monotonic() - start)}))


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in info.open() if "model name" in line] if info.exists() else []
    return models[0] if models else platform.processor() or platform.machine()


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    app()
