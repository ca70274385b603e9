"""The worlds in which a policy learns: `convoy/Drive-v0` of train towns, many at a time, and what is told of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv
from torch import nn

from convoy.driving.shield import Shield
from convoy.learning.demonstrations import VIEW, WEATHERS, front_projector
from convoy.learning.driving_nets import INSTRUCTIONS
from convoy.learning.driving_weights import load_weights
from convoy.learning.reinforcement.camera_net import parts
from convoy.learning.reinforcement.options import Algorithm, ReinforcementOptions
from convoy_sim import expert
from convoy_sim.actions import action
from convoy_sim.environment import Drive
from convoy_sim.features import NAMES, features
from convoy_sim.rig import Rig
from convoy_sim.scenarios import KINDS

SHIELD_MIN_TIME_S, SHIELD_DECELERATION = 0.6, 7.0
"""As config/drive.param.yaml sets the supervisor's."""
DRIVES_PER_TOWN = 12
"""Another town is another scene, which takes as long as a thousand steps."""
REPEAT = 2
"""Steps of the world that an action holds while a policy learns: what costs most is to render pictures."""
SCENARIO_M = (45.0, 10.0)
"""Before and behind where somebody gets in the way, a policy that learns drives."""


class CameraLook:
    """Takes the picture that the policy's camera net sees, see `convoy.learning.demonstrations.VIEW`."""

    def __init__(self) -> None:
        self._projector = front_projector()

    def __call__(self, rig: Rig) -> NDArray[np.uint8]:
        picture = rig.render().rgb
        assert picture is not None  # asked for
        return self._projector.project(picture)


class Told(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Tells what the parts of a learner are told.

    ``image`` is the camera's view, (66, 200, 3); or, with `eye`, convolutions that stay as they are, ``seen`` is what
    they make of it: computed once, a step costs less to learn from, and to keep. ``instruction`` is 1 for the one that
    holds, else 0. What the policy never sees helps those who judge it: ``known`` are the features of the world
    (`convoy_sim.features`), ``advised`` is the action that the expert would take.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], eye: nn.Module | None) -> None:
        super().__init__(env)
        self._eye = eye
        shown = spaces.Box(0, 255, (VIEW.height, VIEW.width, 3), np.uint8)
        told: dict[str, spaces.Space[Any]] = {
            "instruction": spaces.Box(0.0, 1.0, (len(INSTRUCTIONS),), np.float32),
            "known": spaces.Box(-1.0, 1.0, (len(NAMES),), np.float32),
            "advised": spaces.Box(-1.0, 1.0, (2,), np.float32),
        }
        if eye is None:
            told["image"] = shown
        else:
            size = self._see(np.zeros(shown.shape, np.uint8)).shape
            told["seen"] = spaces.Box(-np.inf, np.inf, size, np.float32)
        self.observation_space = spaces.Dict(told)

    def observation(self, observation: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        world = self.env.unwrapped.world  # type: ignore[attr-defined]
        state, image = world.state, observation["image"]
        advised = action(*expert.relabel(world, state.x, state.y, state.heading))
        return {
            "instruction": observation["measurements"][-len(INSTRUCTIONS) :],
            "known": features(world),
            "advised": np.array(advised, np.float32),
        } | ({"image": image} if self._eye is None else {"seen": self._see(image)})

    def _see(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert self._eye is not None
        with torch.inference_mode():
            view = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
            return self._eye(view * 2 - 1)[0].numpy()


def environment(options: ReinforcementOptions, towns: str = "train", learning: bool = True) -> gymnasium.Env[Any, Any]:
    """Make one environment; one for `learning`, or one in which to see what was learnt, at full difficulty.

    Raises:
        ModelError, LearningError: of `options.start`, see `load_weights`.
    """
    eye = parts(load_weights(Path(options.start), dropout=0.0).eval())[0] if options.start else None
    drive = Drive(
        towns,
        observation="pixels",
        discrete_actions=options.algo is Algorithm.dqn,
        weathers=WEATHERS,
        difficulty=0.0 if learning and options.curriculum else 1.0,
        randomise=learning and options.randomise,
        seconds=options.seconds,
        drives_per_town=DRIVES_PER_TOWN if learning else 1 + len(KINDS),
        repeat=REPEAT,
        scenarios=options.scenarios if learning else 0.0,
        scenario_m=SCENARIO_M,
        shield=Shield(SHIELD_MIN_TIME_S, SHIELD_DECELERATION) if options.shield else None,
        size=(VIEW.width, VIEW.height),
        look=CameraLook(),
    )
    return Told(drive, eye)


def environments(options: ReinforcementOptions, seed: int) -> VecEnv:
    """Make `options.envs` of them, each in a process of its own where there is more than one core."""

    def make() -> gymnasium.Env[Any, Any]:
        torch.set_num_threads(1)
        return Monitor(environment(options))

    makers = [make] * options.envs
    alone = len(os.sched_getaffinity(0)) == 1 or options.envs == 1
    envs = DummyVecEnv(makers) if alone else SubprocVecEnv(makers, start_method="spawn")
    envs.seed(seed)
    return envs
