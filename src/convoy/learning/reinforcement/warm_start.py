"""A coach need not begin with nothing: it first learns to do as the expert does, and what that is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from torch.nn import functional

from convoy.learning.reinforcement.agents import GAMMA
from convoy.learning.reinforcement.environments import environment
from convoy.learning.reinforcement.options import ReinforcementOptions
from convoy_sim import expert
from convoy_sim.environment import action
from convoy_sim.world import STEP_S

STEPS = 40_000
UPDATES, BATCH = 4000, 512
PUSH_EVERY_S, PUSH_S = 5.0, 0.8
PUSH = 0.15
"""Deviation of the steering, as an action, that now and then takes the car off its line for a moment."""
STEERING_WEIGHT = 10.0
"""Steering actions are small, and matter."""

LOG_DEVIATIONS = (-3.5, -2.0)
"""Of the actions that are tried from then on, 0.015 rad and 0.8 m/s: there is little to be found beside the lane."""

Floats = NDArray[np.float32]


def follow_expert(agent: PPO, options: ReinforcementOptions) -> None:
    """Make a coach that is to learn by PPO begin as one who imitates the expert: its actions, and their values."""
    told, wanted, values = (torch.from_numpy(part) for part in _drive(replace(options, curriculum=False)))
    policy = agent.policy
    optimiser = torch.optim.Adam(policy.parameters(), 1e-3)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, UPDATES)
    chance = torch.Generator().manual_seed(options.seed)
    weights = torch.tensor([STEERING_WEIGHT, 1.0])
    for _ in range(UPDATES):
        batch = torch.randint(len(told), (BATCH,), generator=chance)
        given = policy.action_net(policy.mlp_extractor.forward_actor(told[batch]))
        error = functional.mse_loss(given * weights, wanted[batch] * weights)
        loss = error + 0.01 * functional.mse_loss(policy.predict_values(told[batch])[:, 0], values[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        fall.step()
    policy.log_std.data.copy_(torch.tensor(LOG_DEVIATIONS))


def _drive(options: ReinforcementOptions) -> tuple[Floats, Floats, Floats]:
    """Drive as the expert: what is told, the actions, and the discounted rewards that followed, for each step."""
    rng = np.random.default_rng((options.seed, 13))
    env = environment(options)
    told: list[Floats] = []
    wanted: list[tuple[float, float]] = []
    values: list[float] = []
    seen, _ = env.reset(seed=options.seed)
    while len(told) < STEPS:
        rewards: list[float] = []
        over, step, push = False, 0, 0.0
        while not over:
            world = env.unwrapped.world  # type: ignore[attr-defined]
            state = world.state
            right = action(*expert.relabel(world, state.x, state.y, state.heading))
            into = step % round(PUSH_EVERY_S / STEP_S)
            if into == 0:
                push = float(rng.normal(0.0, PUSH))
            told.append(seen)
            wanted.append(right)
            driven = np.array((right[0] + (push if into * STEP_S < PUSH_S else 0.0), right[1]), np.float32)
            seen, reward, failed, ended, _ = env.step(np.clip(driven, -1.0, 1.0))
            rewards.append(float(reward))
            over, step = failed or ended, step + 1
        values += _discounted(rewards, failed)
        seen, _ = env.reset()
    env.close()
    return np.array(told, np.float32), np.array(wanted, np.float32), np.array(values, np.float32)


def _discounted(rewards: list[float], failed: bool) -> list[float]:
    """Of each step, what follows; a drive that was only cut off would have gone on as it did on average."""
    value = 0.0 if failed else sum(rewards) / len(rewards) / (1 - GAMMA)
    found = []
    for reward in reversed(rewards):
        value = reward + GAMMA * value
        found.append(value)
    return found[::-1]
