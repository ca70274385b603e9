"""How the traffic and the expert do, and what a step costs: ``python benchmarks/traffic.py [--json FILE]``.

First a soak: traffic alone, in many towns, the ego car on rails among it; overlaps of outlines are counted, and the
longest that anybody stands. Then the expert on test towns, and the 50 scenarios. No figure is a promise; the tests hold
the promises.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from convoy_sim import expert
from convoy_sim.metrics import Metrics
from convoy_sim.outlines import hits, hits_disc
from convoy_sim.pedestrians import PERSON_RADIUS_M
from convoy_sim.scenarios import suite
from convoy_sim.traffic import Density
from convoy_sim.world import STEP_S, World

CHECK_EVERY = 4


def soak(seed: int, density: Density, minutes: float) -> dict[str, float]:
    """Let the traffic of a town run."""
    world = World(seed, density)
    traffic, ego = world.traffic, world.agent
    agents = [ego, *(car.agent for car in traffic.cars)]
    stood, longest, overlaps, metres = np.zeros(len(agents)), 0.0, 0, 0.0
    steps = round(minutes * 60 / STEP_S)
    for step in range(steps):
        speed = max(0.0, ego.speed + ego.plan.acceleration * STEP_S)
        ego.s, ego.speed = ego.s + (ego.speed + speed) / 2 * STEP_S, speed
        traffic.move(step * STEP_S, STEP_S)
        traffic.plan((step + 1) * STEP_S, STEP_S)
        speeds = np.array([agent.speed for agent in agents])
        metres += speeds.sum() * STEP_S
        stood = np.where(speeds > 0.2, 0.0, stood + STEP_S)
        longest = max(longest, float(stood.max()))
        if step % CHECK_EVERY == 0:
            boxes = traffic.outlines()
            for at, (x, y, heading, length, width) in enumerate(boxes.tolist()):
                box = (x, y, heading, length, width)
                overlaps += len(hits(box, boxes[at + 1 :]))
                overlaps += sum(hits_disc(box, p.x, p.y, PERSON_RADIUS_M) for p in traffic.people)
    return {
        "seed": seed,
        "cars": density.cars,
        "people": density.people,
        "minutes": minutes,
        "overlaps": overlaps,
        "longest_stand_s": round(longest, 1),
        "mean_speed_kmh": metres / len(agents) / steps / STEP_S * 3.6,
    }


def expert_drives(towns: range, density: Density, weather: str) -> dict[str, float]:
    """The expert for a minute in each town, and what a step of the world costs meanwhile."""
    total, taken = Metrics(), []
    for seed in towns:
        world = World(seed, density, weather)
        while world.time_s < 60.0 - STEP_S / 2:
            command = expert.drive(world)
            start = time.perf_counter()
            world.step(*command)
            taken.append(time.perf_counter() - start)
        total += world.metrics
    micros = np.percentile(np.array(taken) * 1e6, [50, 99])
    return total.as_dict() | {"step_p50_us": micros[0], "step_p99_us": micros[1]}


def scenarios(blind: bool) -> dict[str, float]:
    """All scenarios, by the expert, or by one who steers as the expert and never brakes for anybody."""
    total, hit = Metrics(), 0
    for scenario in suite():
        staged = scenario.begin()

        def policy(world: World = staged.world) -> tuple[float, float]:
            command = expert.drive(world)
            return (command.steering_angle, min(9.0, world.agent.plan.limit)) if blind else command

        metrics = staged.play(policy)
        hit += metrics.events["collision"] > 0
        total += metrics
    return {"scenarios": len(suite()), "with_collision": hit} | total.as_dict()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--towns", type=int, default=10, help="towns to soak in")
    parser.add_argument("--minutes", type=float, default=10.0, help="of simulated time in each")
    arguments = parser.parse_args()
    found: dict[str, object] = {}
    rows = []
    for seed in range(arguments.towns):
        for density in (Density(15, 20), Density(40, 80)):
            rows.append(soak(1000 + seed, density, arguments.minutes))
            print("soak", json.dumps(rows[-1]), flush=True)
    found["soak"] = rows
    for name, density, weather in (
        ("expert", Density(), "clear"),
        ("expert, rain", Density(), "rain"),
        ("expert, dense", Density(40, 60), "clear"),
    ):
        found[name] = expert_drives(range(1100, 1120), density, weather)
        print(name, json.dumps(found[name]), flush=True)
    for name, blind in (("scenarios, expert", False), ("scenarios, blind", True)):
        found[name] = scenarios(blind)
        print(name, json.dumps(found[name]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
