"""The simulator's speed beside gymnasium's CarRacing-v3, frames per second and as ratios.

Every subject lives in a process of its own, ready to go on; they take turns of about a second, round after round, so
that whatever else the machine does weighs on all alike. Figures are medians over the rounds, ratios medians of each
round's ratio.

    python benchmarks/sim.py --json sim.json

What is measured of the simulator:
    picture   a 200 x 66 colour picture, traffic in its new places each time
    parts     colour, depth, class mask, instance mask and boxes at 320 x 240; also two processes at once
    drive     a step of the world (vehicle, traffic, an expert at the wheel) and its 200 x 66 picture
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import typer

SMALL, MEDIUM = (200, 66), (320, 240)
PARTS = ("rgb", "depth", "classes", "instances", "boxes")
VIEW_DEGREES = 80.0
RECORDED_STEPS = 600
"""Steps of a drive that are shown again and again."""


def main(
    town: Annotated[int, typer.Option(help="Seed of the town.")] = 1100,
    weather: Annotated[str, typer.Option(help="Weather.")] = "clear",
    rounds: Annotated[int, typer.Option(help="How often all take their turn.", min=1)] = 8,
    seconds: Annotated[float, typer.Option(help="Length of a turn.", min=0.1)] = 1.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Measure everything; print a table and write JSON."""
    subjects = {
        "CarRacing-v3": [Subject(car_racing)],
        "picture": [Subject(picture, town, weather)],
        "drive": [Subject(drive, town, weather)],
        "parts": [Subject(parts, town, weather)],
    }
    subjects["parts, two processes"] = [*subjects["parts"], Subject(parts, town, weather)]
    rates: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, together in subjects.items():
            for subject in together:
                subject.start(seconds)
            rates[name].append(sum(subject.rate() for subject in together))
    for subject in {subject for together in subjects.values() for subject in together}:
        subject.end()
    rows = []
    print(f"{'':24} {'frames/s':>9} {'of CarRacing-v3':>16}")
    for name, found in rates.items():
        ratio = statistics.median(own / other for own, other in zip(found, rates["CarRacing-v3"], strict=True))
        rows.append({"subject": name, "frames_per_s": statistics.median(found), "of_car_racing": ratio})
        print(f"{name:24} {statistics.median(found):>9.0f} {ratio:>15.2f}x")
    if json_file:
        machine = {"processor": _processor(), "cores": os.cpu_count(), "system": platform.platform()}
        result = {"machine": machine, "renderer": _renderer(), "town": town, "weather": weather, "rows": rows}
        json_file.write_text(json.dumps(result, indent=2) + "\n")


class Subject:
    """A process that makes frames when told to; `make` gives, there, the function that makes one."""

    def __init__(self, make: Callable[..., Callable[[], Any]], *arguments: Any) -> None:
        # Not forked: a GL context must not be shared.
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other, make, arguments), daemon=True)
        self._process.start()
        other.close()
        self.start(0.1)
        self.rate()

    def start(self, seconds: float) -> None:
        self._pipe.send(seconds)

    def rate(self) -> float:
        """Frames per second of the turn."""
        frames, seconds = self._pipe.recv()
        return float(frames / seconds)

    def end(self) -> None:
        self._pipe.send(None)
        self._process.join()


def _work(pipe: Connection, make: Callable[..., Callable[[], Any]], arguments: tuple[Any, ...]) -> None:
    frame = make(*arguments)
    while (seconds := pipe.recv()) is not None:
        start, frames = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            frame()
            frames += 1
        pipe.send((frames, time.perf_counter() - start))


def car_racing() -> Callable[[], Any]:
    """A step of CarRacing-v3 under random commands; it draws 96 x 96 pixels."""
    import gymnasium

    environment = gymnasium.make("CarRacing-v3")
    environment.reset(seed=0)
    environment.action_space.seed(0)

    def frame() -> None:
        _, _, terminated, truncated, _ = environment.step(environment.action_space.sample())
        if terminated or truncated:
            environment.reset()

    return frame


def picture(town: int, weather: str) -> Callable[[], Any]:
    return _shown_again(town, weather, SMALL, ("rgb",))


def parts(town: int, weather: str) -> Callable[[], Any]:
    return _shown_again(town, weather, MEDIUM, PARTS)


def drive(town: int, weather: str) -> Callable[[], Any]:
    from convoy_sim import expert
    from convoy_sim.cameras import Pinhole
    from convoy_sim.rig import Rig
    from convoy_sim.world import World

    world = World(town, weather=weather)
    rig, camera = Rig(world), Pinhole.of_view(*SMALL, VIEW_DEGREES)

    def frame() -> None:
        command = expert.drive(world)
        world.step(command.steering_angle, command.speed)
        rig.look()
        rig.render(camera)

    return frame


def _shown_again(town: int, weather: str, size: tuple[int, int], want: tuple[str, ...]) -> Callable[[], Any]:
    """Frames of a drive whose steps were worked out before."""
    from itertools import cycle

    import numpy as np

    from convoy_sim import expert
    from convoy_sim.cameras import Pinhole
    from convoy_sim.scene import CarView, PersonView, Pose, Scene
    from convoy_sim.world import World

    world = World(town, weather=weather)
    steps = []
    for _ in range(RECORDED_STEPS):
        command = expert.drive(world)
        world.step(command.steering_angle, command.speed)
        state, traffic = world.state, world.traffic
        cars = [CarView(n, c.x, c.y, c.heading, c.model, c.colour) for n, c in enumerate(traffic.cars)]
        people = [PersonView(n, p.x, p.y, p.heading, p.outfit, p.walked) for n, p in enumerate(traffic.people)]
        lights = world.town.light_states(world.time_s)
        steps.append((Pose(state.x, state.y, state.heading), cars, people, lights))
    scene, camera, rng = Scene(world.town, weather), Pinhole.of_view(*size, VIEW_DEGREES), np.random.default_rng(0)
    again = cycle(steps)

    def frame() -> None:
        pose, cars, people, lights = next(again)
        scene.set_movers(cars, people, lights)
        scene.render(pose, camera, want, rng)

    return frame


def _renderer() -> str:
    """What draws: a GPU's name or, for example, llvmpipe."""
    from convoy_sim import gl

    gl.context()
    from OpenGL import GL

    return str(GL.glGetString(GL.GL_RENDERER).decode())


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in info.open() if "model name" in line] if info.exists() else []
    return models[0] if models else platform.processor() or platform.machine()


if __name__ == "__main__":
    typer.run(main)
