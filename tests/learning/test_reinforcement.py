"""Reinforcement: what a policy is told, every algorithm's way from learning to a model file, and what a kill costs."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest

pytest.importorskip("mujoco", reason="drives in the simulator (extra 'sim')")
pytest.importorskip("torch", reason="training needs the extra 'learn'")
pytest.importorskip("stable_baselines3", reason="training needs the extra 'learn'")

import torch
from gymnasium import spaces
from stable_baselines3.common.vec_env import DummyVecEnv
from tests.driving.tiny import write_drive_model

from convoy.inference import ModelCard, Session
from convoy.learning.driving_nets import INSTRUCTIONS, DrivingNet
from convoy.learning.driving_weights import load_weights
from convoy.learning.errors import LearningError
from convoy.learning.reinforcement import learn as learning
from convoy.learning.reinforcement.agents import new_agent
from convoy.learning.reinforcement.camera_net import CameraFeatures, CameraNet, begin_with, parts
from convoy.learning.reinforcement.environments import environment
from convoy.learning.reinforcement.guided_ppo import GuidedPPO
from convoy.learning.reinforcement.learn import Check, examine, learn
from convoy.learning.reinforcement.options import Algorithm, ReinforcementOptions
from convoy_sim.actions import STAND_BELOW_MPS, command, discrete
from convoy_sim.features import NAMES

SHIPPED = Path(__file__).parents[2] / "models" / "drive_il.onnx"
SMALL = ReinforcementOptions(steps=300, seconds=2.0, envs=1, check_every=150)
SIZE = (66, 200, 3)


class Noise(gymnasium.Env):
    """Shows noise, as large as what is told of the world; the simulator needs OpenGL. Advice is to go straight."""

    def __init__(self, options: ReinforcementOptions) -> None:
        seen = {"seen": spaces.Box(-1, 1, (1152,), np.float32)} if options.start else {}
        self.observation_space = spaces.Dict(
            instruction=spaces.Box(0, 1, (len(INSTRUCTIONS),), np.float32),
            known=spaces.Box(-1, 1, (len(NAMES),), np.float32),
            advised=spaces.Box(-1, 1, (2,), np.float32),
            **seen or {"image": spaces.Box(0, 255, SIZE, np.uint8)},
        )
        discrete_actions = options.algo is Algorithm.dqn
        self.action_space = spaces.Discrete(44) if discrete_actions else spaces.Box(-1, 1, (2,), np.float32)
        self._rng = np.random.default_rng(0)

    def _tell(self) -> dict[str, np.ndarray]:
        told = {name: self._rng.normal(0, 1, space.shape) for name, space in self.observation_space.items()}
        told |= {"instruction": np.eye(len(INSTRUCTIONS))[self._rng.integers(4)], "advised": np.array([0.0, 0.5])}
        return {
            name: told[name].clip(space.low, space.high).astype(space.dtype)
            for name, space in self.observation_space.items()
        }

    def reset(self, **_):
        return self._tell(), {}

    def step(self, _):
        return self._tell(), 0.0, False, False, {}

    def set_difficulty(self, _: float) -> None: ...


@pytest.fixture
def noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning in noise, with ever higher rewards."""
    rewards = itertools.count()
    monkeypatch.setattr(learning, "environments", lambda options, seed: DummyVecEnv([lambda: Noise(options)]))
    monkeypatch.setattr(learning, "environment", lambda options, *_, **__: Noise(options))
    monkeypatch.setattr(learning, "examine", lambda agent, env: Check(0, 0, next(rewards)))


@pytest.fixture(scope="module")
def net() -> DrivingNet:
    return load_weights(SHIPPED, dropout=0.0).eval()


@pytest.mark.parametrize("algo", Algorithm)
def test_every_algorithm_learns_and_is_kept(algo: Algorithm, noise: None, tmp_path: Path) -> None:
    checks: list[Check] = []
    options = replace(SMALL, algo=algo, start="a.onnx", curriculum=True)
    learn(options, tmp_path, report=checks.append)
    assert checks[0].steps == 0
    assert checks[-1].steps >= 300
    assert checks[-1].best_reward == max(check.reward for check in checks)
    assert list((tmp_path / "tensorboard").rglob("events.*"))


@pytest.mark.parametrize("algo", [Algorithm.ppo, Algorithm.sac])
def test_it_goes_on_where_it_was_and_only_with_the_same_options(algo: Algorithm, noise: None, tmp_path: Path) -> None:
    options = replace(SMALL, algo=algo, start="a.onnx")
    with pytest.raises(LearningError, match="no run to resume"):
        learn(options, tmp_path, resume=True)
    seen: list[Check] = []

    def stop(check: Check) -> None:
        seen.append(check)
        if check.steps >= 150:
            raise KeyboardInterrupt

    with pytest.raises(LearningError, match="--resume goes on"):
        learn(options, tmp_path, report=stop)
    state = json.loads((tmp_path / "learning.json").read_text())
    assert 150 <= state["steps"] < 300
    with pytest.raises(LearningError, match=r"seconds = 2\.0, now it is 3\.0"):
        learn(replace(options, seconds=3.0), tmp_path, resume=True)
    rest: list[Check] = []
    agent = learn(options, tmp_path, resume=True, report=rest.append)
    assert agent.num_timesteps in {check.best for check in rest}
    assert min(check.steps for check in rest) >= state["steps"]
    assert rest[-1].steps >= 300
    rest.clear()
    learn(options, tmp_path, resume=True, report=rest.append)
    assert not rest, "what has ended is not begun again"


def test_it_stops_early_without_progress(noise: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewards = iter([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])
    monkeypatch.setattr(learning, "examine", lambda agent, env: Check(0, 0, next(rewards)))
    last: list[Check] = []
    options = replace(SMALL, start="a.onnx", steps=100_000, check_every=50, patience=2)
    learn(options, tmp_path, report=last.append)
    assert (last[-1].worse, last[-1].best, last[-1].best_reward) == (2, 0, 5.0)


def test_ppo_follows_advice_while_there_is_any(net: DrivingNet, tmp_path: Path) -> None:
    options = replace(SMALL, start="a.onnx", guidance=1.0)
    agent = new_agent(options, DummyVecEnv([lambda: Noise(options)]), tmp_path)
    assert isinstance(agent, GuidedPPO)
    begin_with(agent, net)
    seen, _ = Noise(options).reset()

    def missed() -> float:
        return float(np.abs(agent.predict(seen, deterministic=True)[0] - seen["advised"]).sum())

    before, judged = missed(), agent.policy.value_net.weight.clone()
    agent.learn(900)
    assert missed() < before / 2
    assert not torch.equal(agent.policy.value_net.weight, judged)


@pytest.mark.parametrize("algo", Algorithm)
def test_the_exported_net_does_what_the_policy_does(algo: Algorithm, net: DrivingNet, tmp_path: Path) -> None:
    options = replace(SMALL, algo=algo)
    agent = new_agent(options, DummyVecEnv([lambda: Noise(options)]), tmp_path)
    begin_with(agent, net)
    images = np.random.default_rng(0).integers(0, 255, (2, *SIZE), np.uint8)
    given = CameraNet(agent)(torch.from_numpy(images)).detach().numpy()
    assert given.shape == (2, len(INSTRUCTIONS), 2)
    nothing = {"known": np.zeros(len(NAMES), np.float32), "advised": np.zeros(2, np.float32)}
    for n, k in np.ndindex(2, len(INSTRUCTIONS)):
        told = nothing | {"image": images[n], "instruction": np.eye(len(INSTRUCTIONS), dtype=np.float32)[k]}
        action, _ = agent.predict(told, deterministic=True)
        pair = discrete(int(action)) if algo is Algorithm.dqn else tuple(np.clip(action, -1, 1).tolist())
        assert given[n, k] == pytest.approx(command(pair), abs=1e-4)
    if algo is Algorithm.ppo:
        wanted = net(torch.from_numpy(images)).detach().numpy()
        assert given[..., 0] == pytest.approx(wanted[..., 0], abs=1e-4)
        moves = wanted[..., 1] > STAND_BELOW_MPS
        assert given[..., 1][moves] == pytest.approx(wanted[..., 1][moves], abs=1e-3)


def test_convolutions_of_the_start_are_looked_through_once(net: DrivingNet, tmp_path: Path) -> None:
    options = replace(SMALL, start=str(SHIPPED))
    agent = new_agent(options, DummyVecEnv([lambda: Noise(options)]), tmp_path)
    layers = {type(layer).__name__ for layer in agent.policy.modules()}
    assert "Conv2d" not in layers
    begin_with(agent, net)
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (2, *SIZE), np.uint8))
    given, wanted = CameraNet(agent, parts(net)[0])(images), net(images)
    assert given[..., 0].detach().numpy() == pytest.approx(wanted[..., 0].detach().numpy(), abs=1e-4)


def test_a_policy_is_examined_in_traffic_and_in_scenarios(
    opengl: None, net: DrivingNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "VALIDATION_TOWNS", 1)
    options = replace(SMALL, start=str(SHIPPED))
    env = environment(options, "val", learning=False)
    seen, _ = env.reset(seed=0)
    assert env.observation_space.contains(seen)
    assert CameraFeatures(env.observation_space).eye is None
    agent = new_agent(options, DummyVecEnv([lambda: env]), tmp_path)
    begin_with(agent, net)
    check = examine(agent, env)
    assert check.autonomy == 1.0
    assert check.mean_speed_mps > 1.0
    assert check.mean_jerk_mps3 > 0.0


def test_a_net_is_what_its_model_file_is(net: DrivingNet) -> None:
    images = np.random.default_rng(0).integers(0, 255, (3, *SIZE), np.uint8)
    given = net(torch.from_numpy(images)).detach().numpy()
    session = Session.load(SHIPPED, task="drive", device="cpu")
    assert given == pytest.approx(np.stack([session.run(image)["commands"] for image in images]), abs=1e-4)


def test_a_model_of_another_network_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(LearningError, match=r"tiny\.onnx is drive by another network; wanted a PilotNet"):
        load_weights(write_drive_model(tmp_path / "tiny.onnx"), dropout=0.0)


# As a user calls it.

TINY = ("--steps", "64", "--check-every", "32", "--envs", "1")


ONE_TOWN = """
from convoy.commands import main
from convoy.learning.reinforcement import learn
learn.VALIDATION_TOWNS = 1
main()
"""


def train(folder: Path, *more: str) -> subprocess.Popen[str]:
    command_line = [sys.executable, "-c", ONE_TOWN, "train", "drive", "--out", "mine.onnx", "--seconds", "1.5", *TINY]
    return subprocess.Popen([*command_line, *more], cwd=folder, stderr=subprocess.PIPE, text=True)


def test_a_killed_training_goes_on_to_a_model_that_drives_by_camera(opengl: None, tmp_path: Path) -> None:
    arguments = ("--algo", "ppo", "--start", str(SHIPPED))
    first = train(tmp_path, *arguments)
    state = tmp_path / "runs/train/mine/policy/learning.json"
    give_up = time.monotonic() + 240
    while not state.exists():
        assert first.poll() is None, first.communicate()[1]
        assert time.monotonic() < give_up
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    second = train(tmp_path, *arguments, "--resume")
    assert second.communicate(timeout=300)[1].count("wrote mine.onnx") == 1
    card = ModelCard.read(tmp_path / "mine.onnx")
    assert (card.task, card.classes) == ("drive", INSTRUCTIONS)
    assert "PPO" in card.description
    assert "--algo ppo" in card.command
    assert "--resume" not in card.command
