"""Learning by reinforcement: checks on validation towns, early stopping, checkpoints, resume."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from convoy.learning.errors import LearningError
from convoy.learning.fit import InterruptedTrainingError
from convoy.learning.reinforcement.agents import (
    BEST,
    LAST,
    OPTIONS,
    best_agent,
    keep,
    keep_memory,
    last_agent,
    new_agent,
)
from convoy.learning.reinforcement.environments import REPEAT, environment, environments
from convoy.learning.reinforcement.options import ReinforcementOptions
from convoy_sim.scenarios import KINDS
from convoy_sim.seeds import SPLITS
from convoy_sim.world import STEP_S

VALIDATION_TOWNS = 4
"""In each there is a drive in traffic, and then a scenario of each kind."""
FULL_DIFFICULTY_AT = 0.5
"""Share of the steps after which a curriculum has come to an end."""
_DIFFICULTY_STEPS = 20
_STATE, _LOGS = "learning.json", "tensorboard"
_SHOWN = (
    "reward",
    "autonomy",
    "mean_speed_mps",
    "collisions",
    "shield_stops",
    "steering_rate_rad_s",
    "mean_jerk_mps3",
)


@dataclass(frozen=True)
class Check:
    """How far the learning is, and how well the policy drives in validation towns.

    Attributes:
        steps, of: of all environments together; done and wanted.
        reward: mean of an episode, of drives and scenarios. best_reward, best: the highest so far, after so many steps.
        autonomy, mean_speed_mps: of the drives. collisions: in the scenarios.
        shield_stops: how often the shield braked, in all of them.
        steering_rate_rad_s, mean_jerk_mps3: how fast the wheels turn and the acceleration changes, in all of them.
        worse: checks since the best.
    """

    steps: int
    of: int
    reward: float = -np.inf
    best_reward: float = -np.inf
    best: int = 0
    autonomy: float = 0.0
    mean_speed_mps: float = 0.0
    collisions: int = 0
    shield_stops: int = 0
    steering_rate_rad_s: float = 0.0
    mean_jerk_mps3: float = 0.0
    worse: int = 0


def learn(
    options: ReinforcementOptions,
    folder: Path,
    resume: bool = False,
    report: Callable[[Check], None] = lambda check: None,
    prepare: Callable[[BaseAlgorithm], None] = lambda agent: None,
) -> BaseAlgorithm:
    """Learn to drive; gives the agent as it was at its best check.

    `folder` takes checkpoints, TensorBoard's files and the options. With `resume` the learning in it goes on from the
    last check: the same agent, in other episodes than without the interruption. `prepare` is given a new agent first.

    Raises:
        LearningError: there is nothing to resume, or it had other options.
        InterruptedTrainingError: Ctrl-C.
    """
    torch.set_num_threads(1)  # the networks are small
    state = _open(folder, options, resume)
    if state.steps < options.steps and state.worse < options.patience:
        _learn(options, folder, state, report, prepare)
    return best_agent(folder)


def _learn(
    options: ReinforcementOptions,
    folder: Path,
    state: Check,
    report: Callable[[Check], None],
    prepare: Callable[[BaseAlgorithm], None],
) -> None:
    envs = environments(options, options.seed + state.steps)
    watched = environment(options, "val", learning=False)
    try:
        if state.steps:
            agent = last_agent(options, folder, envs)
        else:
            agent = new_agent(options, envs, folder / _LOGS)
            prepare(agent)
        checks = _Checks(options, folder, state, watched, report)
        agent.learn(options.steps - state.steps, checks, log_interval=10, reset_num_timesteps=not state.steps)
        if checks.state.steps < agent.num_timesteps and checks.state.worse < options.patience:
            checks.check()
    except KeyboardInterrupt:
        raise InterruptedTrainingError(
            f"Stopped; the last check's checkpoint is in {folder}. The same command with --resume goes on from there."
        ) from None
    finally:
        envs.close()
        watched.close()


class _Checks(BaseCallback):
    """Looks how well the policy drives, every so many steps; keeps it, and ends the learning when it gets no better."""

    def __init__(
        self,
        options: ReinforcementOptions,
        folder: Path,
        state: Check,
        watched: gymnasium.Env[Any, Any],
        report: Callable[[Check], None],
    ) -> None:
        super().__init__()
        self.state = state
        self._options, self._folder, self._watched, self._report = options, folder, watched, report
        self._difficulty = -1.0

    def _on_training_start(self) -> None:
        if not self.state.steps:
            self.check()
        self._set_difficulty()

    def _on_step(self) -> bool:
        if self.num_timesteps - self.state.steps >= self._options.check_every:
            self.check()
        elif self.num_timesteps % 1000 < self.training_env.num_envs:
            self._report(replace(self.state, steps=self.num_timesteps))
        self._set_difficulty()
        return self.state.worse < self._options.patience

    def check(self) -> None:
        """Look, report, keep."""
        old = self.state
        seen = examine(self.model, self._watched)
        better = seen.reward > old.best_reward
        self.state = replace(
            seen,
            steps=self.num_timesteps,
            of=self._options.steps,
            best_reward=max(seen.reward, old.best_reward),
            best=self.num_timesteps if better else old.best,
            worse=0 if better else old.worse + 1,
        )
        for name in _SHOWN:
            self.logger.record(f"validation/{name}", getattr(self.state, name))
        self.logger.dump(self.num_timesteps)
        if better:
            keep(self.model, self._folder / BEST)
        keep_memory(self.model, self._folder)
        keep(self.model, self._folder / LAST)
        # What is told last counts: a run that is killed before goes on from the check before.
        _write(self._folder / _STATE, asdict(self.state))
        self._report(self.state)

    def _set_difficulty(self) -> None:
        if not self._options.curriculum:
            return
        share = self.num_timesteps / (FULL_DIFFICULTY_AT * self._options.steps)
        difficulty = min(round(share * _DIFFICULTY_STEPS) / _DIFFICULTY_STEPS, 1.0)
        if difficulty != self._difficulty:
            self._difficulty = difficulty
            self.training_env.env_method("set_difficulty", difficulty)


def examine(agent: BaseAlgorithm, env: gymnasium.Env[Any, Any]) -> Check:
    """Drive through validation towns, without exploration: drives with traffic, and scenarios of all kinds."""
    rounds: list[dict[str, Any]] = []
    for town in SPLITS["val"][:VALIDATION_TOWNS]:
        rounds.append({"town": town, "drive": 0, "scenario": ""})
        rounds += [{"drive": town + number, "scenario": kind} for number, kind in enumerate(KINDS)]
    reward, collisions, stops = 0.0, 0, 0
    interventions = seconds = metres = turned = jerked = 0.0
    steps = 0
    for plan in rounds:
        seen, where = env.reset(seed=plan.get("town"), options=plan)
        over, info = False, dict[str, Any]()
        before: tuple[float, float] | None = None
        while not over:
            action, _ = agent.predict(seen, deterministic=True)
            seen, worth, failed, ended, info = env.step(action)
            reward += float(worth)
            over = failed or ended
            vehicle = env.unwrapped.world.vehicle.state  # type: ignore[attr-defined]
            turned += abs(vehicle.steering_angle - before[0]) if before else 0.0
            jerked += abs(vehicle.acceleration - before[1]) if before else 0.0
            before, steps = (vehicle.steering_angle, vehicle.acceleration), steps + 1
        figures = info["metrics"]
        stops += info.get("shield_stops", 0)
        if where["scenario"]:
            collisions += figures["collisions"]
        else:
            interventions += figures["interventions"] + figures["red_lights_run"]
            seconds += figures["elapsed_s"]
            metres += 1000 * figures["km"]
    env.close()  # what it takes to render
    return Check(
        0,
        0,
        reward / len(rounds),
        autonomy=max(0.0, 1.0 - 6.0 * interventions / seconds),
        mean_speed_mps=metres / seconds,
        collisions=collisions,
        shield_stops=stops,
        steering_rate_rad_s=turned / (steps * REPEAT * STEP_S),
        mean_jerk_mps3=jerked / (steps * REPEAT * STEP_S),
    )


def _open(folder: Path, options: ReinforcementOptions, resume: bool) -> Check:
    """The state to go on from; a new run's folder is made ready."""
    given = json.loads(json.dumps(asdict(options)))
    if not resume:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (BEST, LAST, _STATE):
            (folder / name).unlink(missing_ok=True)
        _write(folder / OPTIONS, given)
        return Check(0, options.steps)
    if not (folder / OPTIONS).exists():
        raise LearningError(f"There is no run to resume in {folder}; run the command without --resume.")
    before = json.loads((folder / OPTIONS).read_text())
    for name in sorted(before.keys() | given.keys()):
        if before.get(name) != given.get(name):
            raise LearningError(
                f"The run in {folder} was started with {name} = {before.get(name)}, now it is {given.get(name)}; "
                "use the same options, or start anew without --resume."
            )
    state = folder / _STATE  # missing if the run was killed before the first check
    return Check(**json.loads(state.read_text())) if state.exists() else Check(0, options.steps)


def _write(path: Path, values: dict[str, Any]) -> None:
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(values, indent=1) + "\n")
    draft.replace(path)
