"""Drives a launch file's graph in real time, each component a ROS 2 participant in a process of its own."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from convoy.bags import BagReader
from convoy.evaluation.drive import Drive, DriveError, Driven, Progress, open_bag
from convoy.evaluation.drive_film import DriveFilm
from convoy.evaluation.drive_log import DriveLog
from convoy.evaluation.replay import percentiles
from convoy.graph import QoS
from convoy.hosts.dds import Participant
from convoy.hosts.dds.domain import LOOPBACK
from convoy.hosts.dds.recorder import Recorder
from convoy.interfaces import cdr

START_WITHIN_S = 90.0
"""When a drive that has not begun is given up."""
STOP_WITHIN_S = 15.0
POLL_S = 0.1
_DOMAINS = range(1, 230)


def drive(plan: Drive, folder: Path, *, video: bool = False, progress: Progress = lambda log: None) -> Driven:
    """Make a drive live over DDS.

    Writes ``drive.mcap``, as it was received, ``metrics.json``, ``launch.log`` with all that the components say, and
    with `video` ``drive.mp4`` into `folder`. All is confined to this machine, and to a domain of its own, unless
    ``ROS_DOMAIN_ID`` and ``CYCLONEDDS_URI`` say otherwise.

    Raises:
        LaunchError, DriveError, ModelError: the launch file can't be driven with, or the drive has not come about.
        BagError: the bag can't be written any more.
    """
    plan.models()  # one that can't be read is told before anything starts
    live = plan.log()
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.SystemRandom().choice(_DOMAINS)))
    os.environ.setdefault("CYCLONEDDS_URI", LOOPBACK)
    stopping = threading.Event()
    with open_bag(folder) as writer, Participant() as participant, ThreadPoolExecutor(1) as threads:
        watcher = participant.node(f"_convoy_drive_{os.getpid()}")
        for topic, type_name in live.types.items():
            if topic not in live.images:
                watcher.subscription(topic, type_name, QoS(), _feed(live, topic, type_name))
        recorder = Recorder(participant, participant.node(f"_convoy_record_{os.getpid()}"), writer)
        recording = threads.submit(recorder.run, stopping)
        try:
            with _launched(plan, folder / "launch.log") as launcher:
                _watch(plan, live, launcher, recording, progress)
        finally:
            stopping.set()
        recording.result()
    driven = _judge(plan, folder, video)
    driven.write_metrics(folder)
    return driven


def _feed(log: DriveLog, topic: str, type_name: str) -> Any:
    return lambda data, sent: log.add(topic, type_name, data)


@contextmanager
def _launched(plan: Drive, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The launch file, started by ``convoy launch``; it is stopped in the end, and its nodes with it."""
    arguments = [f"{name}:={value}" for name, value in plan.arguments.items()]
    command = [sys.executable, "-P", "-m", "convoy", "launch", str(plan.launch), *arguments]
    with (
        output.open("wb") as file,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        ) as launcher,
    ):
        try:
            yield launcher
        finally:
            launcher.send_signal(signal.SIGINT)
            try:
                launcher.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                launcher.kill()  # and its guard stops the nodes


def _watch(
    plan: Drive, live: DriveLog, launcher: subprocess.Popen[bytes], recording: Future[Any], progress: Progress
) -> None:
    """Look on until enough has been driven."""
    begun = time.monotonic()
    while len(live.steps) < plan.steps:
        time.sleep(POLL_S)
        progress(live)
        if recording.done():
            return  # it has failed, and says so
        if launcher.poll() is not None:
            raise DriveError(f"The components have ended, exit code {launcher.returncode}; see launch.log.")
        if not live.steps and time.monotonic() - begun > START_WITHIN_S:
            raise DriveError(f"Nothing has moved within {START_WITHIN_S:.0f} s; see launch.log.")
    progress(live)


def _judge(plan: Drive, folder: Path, video: bool) -> Driven:
    """Read the bag, up to the time that was wanted."""
    commands: dict[int, int] = {}
    with BagReader(folder / "drive.mcap") as bag, ExitStack() as stack:
        film = stack.enter_context(closing(DriveFilm(folder / "drive.mp4"))) if video else None
        log = plan.log(film)
        truth = plan.truth(log)
        for record in bag.messages(bag.topics.keys() & (log.types.keys() | log.overlays | truth.results)):
            log.add(record.topic, record.type, record.data)
            truth.add(record.topic, record.type, record.data, truth=record.topic in log.types)
            if record.topic == log.drive:
                stamp = cdr.header_stamp(record.data, record.type) or 0
                commands.setdefault(stamp, record.publish_time_ns - stamp)
            if len(log.steps) >= plan.steps:
                break
        else:
            log.finish()
    stamps = [step.stamp_ns for step in log.steps]
    latencies = np.array([commands[stamp] for stamp in stamps if stamp in commands]) / 1e6
    wall_s = (stamps[-1] - stamps[0]) / 1e9 if stamps else 0.0
    timing: dict[str, Any] = {
        "wall_s": wall_s,
        "realtime_factor": len(stamps) * plan.seconds / plan.steps / wall_s if wall_s else 0.0,
        "supervisor_stops": sum(stamps[0] < stamp < stamps[-1] for stamp in commands.keys() - {*stamps})
        if stamps
        else 0,
    }
    if latencies.size:
        timing["latency_ms"] = percentiles(latencies)
    return Driven(plan, log, timing, seen=truth.figures())
