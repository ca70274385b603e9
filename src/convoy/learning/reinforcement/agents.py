"""The algorithms, set up for driving: networks, exploration, and how they are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from convoy.learning.errors import LearningError
from convoy.learning.reinforcement.camera_net import CameraFeatures
from convoy.learning.reinforcement.options import Algorithm, Observation, ReinforcementOptions

ALGORITHMS: dict[Algorithm, type[BaseAlgorithm]] = {
    Algorithm.ppo: PPO,
    Algorithm.sac: SAC,
    Algorithm.td3: TD3,
    Algorithm.dqn: DQN,
}
BEST, LAST, MEMORY, OPTIONS = "best.zip", "last.zip", "memory.pkl", "options.json"
"""Files in the folder of a learning."""
GAMMA = 0.99
"""Five seconds at 20 Hz."""
ROLLOUT = 4096
"""Steps of all environments between two updates of PPO, at most."""
LOG_DEVIATION = -2.0
"""Of PPO's first actions, 0.07 rad and 0.8 m/s: wilder steering leaves the lane before anything is learnt."""
BUFFER = {Observation.coach: 200_000, Observation.pixels: 20_000}
"""Steps that off-policy algorithms remember; one with pixels takes 80 kB."""
WARM_UP = 2000
"""Steps before off-policy algorithms begin to learn, at most."""
HIDDEN = [128, 128]
_CRITIC = {Algorithm.ppo: "vf", Algorithm.sac: "qf", Algorithm.td3: "qf"}


def new_agent(options: ReinforcementOptions, envs: VecEnv, logs: Path) -> BaseAlgorithm:
    """Set up an algorithm that has learnt nothing; `logs` takes TensorBoard's files."""
    pixels = options.observation is Observation.pixels
    common: dict[str, Any] = {
        "env": envs,
        "gamma": GAMMA,
        "seed": options.seed,
        "device": "auto" if pixels else "cpu",
        "tensorboard_log": str(logs),
    }
    policy, extra = _policy(options)
    if options.algo is Algorithm.ppo:
        steps = max(min(ROLLOUT, options.check_every) // options.envs, 2)
        return PPO(
            policy,
            **common,
            learning_rate=_falling(options.learning_rate),
            n_steps=steps,
            batch_size=min(256, steps * options.envs),
            policy_kwargs=extra | {"log_std_init": LOG_DEVIATION},
        )
    common |= {"learning_rate": options.learning_rate, "buffer_size": BUFFER[options.observation]}
    common |= {"learning_starts": min(WARM_UP, options.check_every), "train_freq": 8, "gradient_steps": -1}
    common |= {"batch_size": 256}
    if options.algo is Algorithm.sac:
        return SAC(policy, **common, policy_kwargs=extra)
    if options.algo is Algorithm.td3:
        noise = NormalActionNoise(np.zeros(2), np.full(2, 0.1))
        return TD3(policy, **common, policy_kwargs=extra, action_noise=noise)
    return DQN(policy, **common, policy_kwargs=extra, target_update_interval=2000)


def last_agent(options: ReinforcementOptions, folder: Path, envs: VecEnv) -> BaseAlgorithm:
    """Read the agent that was kept last, to go on learning, with what it remembers."""
    agent = ALGORITHMS[options.algo].load(folder / LAST, env=envs, device="cpu")
    if isinstance(agent, OffPolicyAlgorithm) and (folder / MEMORY).exists():
        agent.load_replay_buffer(folder / MEMORY)
    return agent


def best_agent(folder: Path) -> BaseAlgorithm:
    """Read the best agent of a learning.

    Raises:
        LearningError: there is none in the folder.
    """
    if not (folder / BEST).exists() or not (folder / OPTIONS).exists():
        raise LearningError(f"{folder} has no policy; wanted the folder of a learning by reinforcement.")
    algorithm = Algorithm(json.loads((folder / OPTIONS).read_text())["algo"])
    return ALGORITHMS[algorithm].load(folder / BEST, device="cpu")


def keep(agent: BaseAlgorithm, path: Path) -> None:
    """Write an agent to a file, whole or not at all."""
    draft = path.with_suffix(".part.zip")
    agent.save(draft)
    draft.replace(path)


def keep_memory(agent: BaseAlgorithm, folder: Path) -> None:
    """Write what an off-policy agent remembers; of pixels that would be gigabytes, and it fills anew."""
    if isinstance(agent, OffPolicyAlgorithm) and not isinstance(agent.observation_space, spaces.Dict):
        draft = folder / f"{MEMORY}.part"
        with draft.open("wb") as file:
            agent.save_replay_buffer(file)
        draft.replace(folder / MEMORY)


def _falling(rate: float) -> Any:
    return lambda left: rate * left


def _policy(options: ReinforcementOptions) -> tuple[str, dict[str, Any]]:
    """The kind of policy, and what it is made of; one for pixels has no layer between the net and its heads."""
    if options.observation is Observation.coach:
        smooth = options.algo is Algorithm.ppo
        return "MlpPolicy", {"net_arch": HIDDEN, "activation_fn": torch.nn.Tanh if smooth else torch.nn.ReLU}
    arch: Any = [] if options.algo is Algorithm.dqn else {"pi": [], _CRITIC[options.algo]: HIDDEN}
    features = {"features_extractor_class": CameraFeatures, "features_extractor_kwargs": {"freeze": options.freeze}}
    return "MultiInputPolicy", {"net_arch": arch} | features
