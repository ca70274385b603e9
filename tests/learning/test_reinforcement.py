"""Reinforcement: what a policy is told, every algorithm's way from learning to a model file, and what a kill costs."""

from __future__ import annotations

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
from convoy.learning.reinforcement.camera_net import CameraFeatures, CameraNet, begin_with
from convoy.learning.reinforcement.coach import load_coach
from convoy.learning.reinforcement.environments import NOT_TOLD, environment
from convoy.learning.reinforcement.learn import Check, learn
from convoy.learning.reinforcement.options import Algorithm, Observation, ReinforcementOptions
from convoy_sim.environment import MEASUREMENTS, STAND_BELOW_MPS, command, discrete
from convoy_sim.features import NAMES
from convoy_sim.traffic import Density
from convoy_sim.world import World

SMALL = ReinforcementOptions(steps=300, seconds=2.0, envs=1, check_every=150, scratch=True)
SIZE = (66, 200, 3)


@pytest.fixture
def short_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "VALIDATION_DRIVES", 1)
    monkeypatch.setattr(learning, "VALIDATION_SCENARIOS", 1)


def test_a_coach_is_told_what_one_look_tells_and_no_more() -> None:
    env = environment(SMALL, "val", learning=False)
    seen, _ = env.reset(seed=0, options={"town": 1000, "drive": 0})
    assert env.observation_space.contains(seen)
    assert len(seen) == len(NAMES) - len(NOT_TOLD)
    assert {"speed", "yaw_rate", "steering_angle"} <= set(NOT_TOLD) <= set(NAMES)


@pytest.mark.parametrize("algo", Algorithm)
def test_every_algorithm_learns_and_is_kept(algo: Algorithm, short_checks: None, tmp_path: Path) -> None:
    checks: list[Check] = []
    options = replace(SMALL, algo=algo, curriculum=True, randomise=True, shield=True)
    learn(options, tmp_path, report=checks.append)
    assert checks[0].steps == 0
    assert checks[-1].steps >= 300
    assert checks[-1].best_reward == max(check.reward for check in checks)
    assert list((tmp_path / "tensorboard").rglob("events.*"))
    world = World(1000, Density(3, 3))
    angle, speed = load_coach(tmp_path)(world, world.state.x, world.state.y, world.state.heading)
    assert abs(angle) <= 0.5
    assert 0.0 <= speed <= 12.0


@pytest.mark.parametrize("algo", [Algorithm.ppo, Algorithm.sac])
def test_it_goes_on_where_it_was_and_only_with_the_same_options(
    algo: Algorithm, short_checks: None, tmp_path: Path
) -> None:
    options = replace(SMALL, algo=algo)
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


def test_it_stops_early_without_progress(short_checks: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewards = iter([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])
    monkeypatch.setattr(learning, "examine", lambda agent, env: Check(0, 0, next(rewards)))
    last: list[Check] = []
    learn(replace(SMALL, steps=100_000, check_every=50, patience=2), tmp_path, report=last.append)
    assert (last[-1].worse, last[-1].best, last[-1].best_reward) == (2, 0, 5.0)


# With pixels.


class Noise(gymnasium.Env):
    """Shows noise, as large as what the camera sees; the simulator needs OpenGL."""

    observation_space = spaces.Dict(
        image=spaces.Box(0, 255, SIZE, np.uint8), measurements=spaces.Box(-1, 1, (len(MEASUREMENTS),), np.float32)
    )

    def __init__(self, discrete_actions: bool) -> None:
        self.action_space = spaces.Discrete(44) if discrete_actions else spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, **_):
        return self.observation_space.sample(), {}

    def step(self, _):
        return self.observation_space.sample(), 0.0, False, False, {}


@pytest.fixture
def net() -> DrivingNet:
    torch.manual_seed(1)
    return DrivingNet(0.0, batch_norm=False).eval()


@pytest.mark.parametrize("algo", Algorithm)
def test_the_exported_net_does_what_the_policy_does(algo: Algorithm, net: DrivingNet, tmp_path: Path) -> None:
    options = replace(SMALL, algo=algo, observation=Observation.pixels)
    agent = new_agent(options, DummyVecEnv([lambda: Noise(algo is Algorithm.dqn)]), tmp_path)
    begin_with(agent, net)
    images = np.random.default_rng(0).integers(0, 255, (2, *SIZE), np.uint8)
    given = CameraNet(agent)(torch.from_numpy(images)).detach().numpy()
    assert given.shape == (2, len(INSTRUCTIONS), 2)
    for n, k in np.ndindex(2, len(INSTRUCTIONS)):
        told = np.zeros(len(MEASUREMENTS), np.float32)
        told[1 + k] = 1.0
        action, _ = agent.predict({"image": images[n], "measurements": told}, deterministic=True)
        pair = discrete(int(action)) if algo is Algorithm.dqn else tuple(np.clip(action, -1, 1).tolist())
        assert given[n, k] == pytest.approx(command(pair), abs=1e-5)
    if algo is Algorithm.ppo:
        wanted = net(torch.from_numpy(images)).detach().numpy()
        assert given[..., 0] == pytest.approx(wanted[..., 0], abs=1e-5)
        moves = wanted[..., 1] > STAND_BELOW_MPS
        assert given[..., 1][moves] == pytest.approx(wanted[..., 1][moves], abs=1e-4)


def test_frozen_convolutions_stay_as_they_are(net: DrivingNet) -> None:
    features = CameraFeatures(Noise.observation_space, freeze=True)
    learnt = {type(layer).__name__ for layer in features.body for p in layer.parameters() if p.requires_grad}
    assert learnt == {"Linear"}


def test_a_net_is_what_its_model_file_is() -> None:
    path = Path(__file__).parents[2] / "models" / "drive_il.onnx"
    images = np.random.default_rng(0).integers(0, 255, (3, *SIZE), np.uint8)
    given = load_weights(path, dropout=0.1).eval()(torch.from_numpy(images)).detach().numpy()
    session = Session.load(path, task="drive", device="cpu")
    assert given == pytest.approx(np.stack([session.run(image)["commands"] for image in images]), abs=1e-4)


def test_a_model_of_another_network_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(LearningError, match=r"tiny\.onnx is drive by another network; wanted a PilotNet"):
        load_weights(write_drive_model(tmp_path / "tiny.onnx"), dropout=0.0)


# As a user calls it.

TINY = ("--steps", "64", "--check-every", "32", "--envs", "1", "--towns", "2", "--rounds", "0", "--epochs", "1")


def train(folder: Path, *more: str) -> subprocess.Popen[str]:
    command_line = [sys.executable, "-m", "convoy", "train", "drive", "--out", "mine.onnx", "--seconds", "1.5", *TINY]
    return subprocess.Popen([*command_line, *more], cwd=folder, stderr=subprocess.PIPE, text=True)


def test_a_killed_training_goes_on_to_a_model_that_drives_by_camera(opengl: None, tmp_path: Path) -> None:
    arguments = ("--algo", "ppo", "--scratch", "--batch-size", "8")
    first = train(tmp_path, *arguments)
    state = tmp_path / "runs/train/mine/coach/learning.json"
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
    assert "coach" in card.description
    assert "--algo ppo" in card.command
    assert "--resume" not in card.command
