"""The algorithms, set up for driving: networks, exploration, and how they are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import DQN, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from convoy.learning.errors import LearningError
from convoy.learning.reinforcement.camera_net import CameraFeatures, CameraPolicy
from convoy.learning.reinforcement.guided_ppo import BATCH, DEVIATIONS, EPOCHS, GuidedPPO
from convoy.learning.reinforcement.options import Algorithm, ReinforcementOptions

ALGORITHMS: dict[Algorithm, type[BaseAlgorithm]] = {
    Algorithm.ppo: GuidedPPO,
    Algorithm.sac: SAC,
    Algorithm.td3: TD3,
    Algorithm.dqn: DQN,
}
BEST, LAST, MEMORY, OPTIONS = "best.zip", "last.zip", "memory.pkl", "options.json"
"""Files in the folder of a learning."""
GAMMA = 0.98
"""Five seconds at 10 Hz."""
ROLLOUT = 2048
"""Steps of all environments between two updates of PPO, at most."""
BUFFER = {True: 50_000, False: 20_000}
"""Steps that off-policy algorithms remember, with a start and without; one takes 10 or 80 kB."""
WARM_UP = 2000
"""Steps before off-policy algorithms begin to learn, at most."""
HIDDEN = [128, 128]
"""Layers of the critics of off-policy algorithms."""


def new_agent(options: ReinforcementOptions, envs: VecEnv, logs: Path) -> BaseAlgorithm:
    """Set up an algorithm that has learnt nothing; `logs` takes TensorBoard's files."""
    common: dict[str, Any] = {
        "env": envs,
        "gamma": GAMMA,
        "seed": options.seed,
        "device": _device(options),
        "tensorboard_log": str(logs),
    }
    if options.algo is Algorithm.ppo:
        steps = max(min(ROLLOUT, options.check_every) // options.envs, 2)
        agent = GuidedPPO(
            CameraPolicy,
            **common,
            guidance=options.guidance,
            learning_rate=_falling(options.learning_rate),
            n_steps=steps,
            batch_size=min(BATCH, steps * options.envs),
            n_epochs=EPOCHS,
        )
        with torch.no_grad():
            agent.policy.log_std.copy_(torch.tensor(DEVIATIONS).log())
        return agent
    common |= {"learning_rate": options.learning_rate, "buffer_size": BUFFER[bool(options.start)]}
    common |= {"learning_starts": min(WARM_UP, options.check_every), "train_freq": 8, "gradient_steps": -1}
    common |= {"batch_size": 256}
    # No layer is between the net and its heads.
    arch: Any = [] if options.algo is Algorithm.dqn else {"pi": [], "qf": HIDDEN}
    kwargs = {"net_arch": arch, "features_extractor_class": CameraFeatures}
    if options.algo is Algorithm.sac:
        return SAC("MultiInputPolicy", **common, policy_kwargs=kwargs)
    if options.algo is Algorithm.td3:
        noise = NormalActionNoise(np.zeros(2), np.full(2, 0.1))
        return TD3("MultiInputPolicy", **common, policy_kwargs=kwargs, action_noise=noise)
    return DQN("MultiInputPolicy", **common, policy_kwargs=kwargs, target_update_interval=2000)


def last_agent(options: ReinforcementOptions, folder: Path, envs: VecEnv) -> BaseAlgorithm:
    """Read the agent that was kept last, to go on learning, with what it remembers."""
    agent = ALGORITHMS[options.algo].load(folder / LAST, env=envs, device=_device(options))
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
    """Write what an off-policy agent remembers; of pictures that would be gigabytes, and it fills anew."""
    space = agent.observation_space
    if isinstance(agent, OffPolicyAlgorithm) and isinstance(space, spaces.Dict) and "image" not in space.spaces:
        draft = folder / f"{MEMORY}.part"
        with draft.open("wb") as file:
            agent.save_replay_buffer(file)
        draft.replace(folder / MEMORY)


def _device(options: ReinforcementOptions) -> str:
    """Dense layers alone learn as fast without an accelerator."""
    return "cpu" if options.start else "auto"


def _falling(rate: float) -> Any:
    return lambda left: rate * left
