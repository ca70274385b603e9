"""The worlds in which a policy learns: `convoy/Drive-v0` of train towns, many at a time."""

from __future__ import annotations

import os
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

from convoy.driving.shield import Shield
from convoy.learning.demonstrations import VIEW, WEATHERS, front_projector
from convoy.learning.reinforcement.options import Algorithm, Observation, ReinforcementOptions
from convoy_sim.environment import Drive
from convoy_sim.features import NAMES
from convoy_sim.rig import Rig

NOT_TOLD = ("speed", "yaw_rate", "steering_angle", "closing_speed")
"""Features that one picture does not show. A coach that used them could not be imitated by a camera net."""
TOLD = [at for at, name in enumerate(NAMES) if name not in NOT_TOLD]
"""Where in the features stands what a coach is told."""

SHIELD_MIN_TIME_S, SHIELD_DECELERATION = 0.3, 7.0
"""As config/drive.param.yaml sets the supervisor's."""
DRIVES_PER_TOWN = 4


class CoachView(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Tells of the features what a coach may know."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation_space = spaces.Box(-1.0, 1.0, (len(TOLD),), np.float32)

    def observation(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        return observation[TOLD]


class CameraLook:
    """Takes the picture that the policy's camera net sees, see `convoy.learning.demonstrations.VIEW`."""

    def __init__(self) -> None:
        self._projector = front_projector()

    def __call__(self, rig: Rig) -> NDArray[np.uint8]:
        picture = rig.render().rgb
        assert picture is not None  # asked for
        return self._projector.project(picture)


def environment(options: ReinforcementOptions, towns: str = "train", learning: bool = True) -> gymnasium.Env[Any, Any]:
    """Make one environment; one for `learning`, or one in which to see what was learnt, at full difficulty."""
    pixels = options.observation is Observation.pixels
    env: gymnasium.Env[Any, Any] = Drive(
        towns,
        observation="pixels" if pixels else "features",
        discrete_actions=options.algo is Algorithm.dqn,
        weathers=WEATHERS if pixels else ("clear", "rain"),  # features know of the weather that roads are wet
        difficulty=0.0 if learning and options.curriculum else 1.0,
        randomise=learning and options.randomise,
        seconds=options.seconds,
        drives_per_town=DRIVES_PER_TOWN if learning else 1,
        scenarios=options.scenarios if learning else 0.0,
        shield=Shield(SHIELD_MIN_TIME_S, SHIELD_DECELERATION) if options.shield else None,
        size=(VIEW.width, VIEW.height),
        look=CameraLook() if pixels else None,
    )
    return env if pixels else CoachView(env)


def environments(options: ReinforcementOptions, seed: int) -> VecEnv:
    """Make `options.envs` of them, each in a process of its own where there is more than one core."""

    def make() -> gymnasium.Env[Any, Any]:
        return Monitor(environment(options))

    makers = [make] * options.envs
    alone = len(os.sched_getaffinity(0)) == 1 or options.envs == 1
    envs = DummyVecEnv(makers) if alone else SubprocVecEnv(makers, start_method="spawn")
    envs.seed(seed)
    return envs
