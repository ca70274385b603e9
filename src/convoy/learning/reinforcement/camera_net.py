"""The camera net that drives, PilotNet with a head for each instruction, as a policy of stable-baselines3, and back.

What its last layer is told is the net's features, once for each instruction, and zero but for the one that holds: a
linear layer on them is a head for each instruction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3 import DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from convoy.learning.driving_nets import ANGLE_SCALE, INSTRUCTIONS, SPEED_SCALE, DrivingNet
from convoy_sim.environment import FULL_ANGLE, FULL_SPEED, STAND_BELOW_MPS, discrete

FEATURES = 64
_BLOCK = FEATURES + 1
"""The features of an instruction, and a 1 for the head's bias."""


class CameraFeatures(BaseFeaturesExtractor):
    """PilotNet without its last layer, its features told as the module says. `freeze` keeps the convolutions."""

    def __init__(self, observation_space: spaces.Dict, freeze: bool = False) -> None:
        super().__init__(observation_space, len(INSTRUCTIONS) * _BLOCK)
        # stable-baselines3's orthogonal weights need the usual memory format.
        net = DrivingNet(dropout=0.0, batch_norm=False).to(memory_format=torch.contiguous_format)
        self.body = net.net[:-1]
        if freeze:
            for layer in self.body:
                layer.requires_grad_(not isinstance(layer, nn.Conv2d))

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Of views (N, 3, 66, 200) in 0..1 and measurements, see `convoy_sim.environment`."""
        told = observations["measurements"][:, -len(INSTRUCTIONS) :]
        return blocks(self.body(observations["image"] * 2 - 1), told)


def blocks(features: Tensor, told: Tensor) -> Tensor:
    """(N, 4 x 65) of features (N, 64), and of 1 for the instruction that holds, else 0, (N, 4)."""
    with_one = torch.cat([features, torch.ones_like(features[:, :1])], dim=1)
    return (told[:, :, None] * with_one[:, None, :]).flatten(1)


def begin_with(agent: BaseAlgorithm, net: DrivingNet) -> None:
    """Give an agent the weights of a driving net; one of PPO then drives as the net does.

    The other algorithms' last layers mean something else; they begin with nothing in them.
    """
    for features in _features(agent.policy):
        features.body.load_state_dict(net.net[:-1].state_dict())
    if isinstance(agent, PPO):
        head, last = net.net[-1], agent.policy.action_net
        assert isinstance(head, nn.Linear) and isinstance(last, nn.Linear)  # noqa: PT018
        weight = torch.cat([head.weight, head.bias[:, None]], dim=1).view(len(INSTRUCTIONS), 2, _BLOCK).clone()
        weight[:, 1, -1] += 0.5
        scale = torch.tensor([ANGLE_SCALE / FULL_ANGLE, 2 * SPEED_SCALE / FULL_SPEED])
        weight *= scale[None, :, None]
        weight[:, 1, -1] -= 1.0
        with torch.no_grad():
            last.weight.copy_(weight.transpose(0, 1).flatten(1))
            last.bias.zero_()


class CameraNet(nn.Module):
    """What an agent of pixels does, as `convoy.learning.driving_nets.DrivingNet` gives it: uint8 views to commands."""

    told: Tensor
    table: Tensor

    def __init__(self, agent: BaseAlgorithm) -> None:
        super().__init__()
        self.body = next(_features(agent.policy)).body
        self.head = _head(agent)
        self.register_buffer("told", torch.eye(len(INSTRUCTIONS)))
        actions = agent.action_space.n if isinstance(agent.action_space, spaces.Discrete) else 0
        self.register_buffer("table", torch.tensor([discrete(number) for number in range(int(actions))]))

    def forward(self, images: Tensor) -> Tensor:
        features = self.body(images.permute(0, 3, 1, 2).float() / 255 * 2 - 1)
        given = [self.head(blocks(features, self.told[k].expand(len(features), -1))) for k in range(len(INSTRUCTIONS))]
        actions = torch.stack(given, dim=1)
        if len(self.table):
            actions = self.table[actions.argmax(dim=-1)]
        actions = actions.clamp(-1.0, 1.0)
        speed = (actions[..., 1] + 1) / 2 * FULL_SPEED
        return torch.stack([actions[..., 0] * FULL_ANGLE, speed * (speed > STAND_BELOW_MPS)], dim=-1)


def _features(policy: Any) -> Iterator[CameraFeatures]:
    """All that a policy has, the one that acts first."""
    found = [module for module in policy.modules() if isinstance(module, CameraFeatures)]
    yield from found


def _head(agent: BaseAlgorithm) -> nn.Module:
    policy: Any = agent.policy
    if isinstance(agent, PPO):
        return policy.action_net
    if isinstance(agent, SAC):
        return nn.Sequential(policy.actor.mu, nn.Tanh())
    if isinstance(agent, TD3):
        return policy.actor.mu
    assert isinstance(agent, DQN)
    return policy.q_net.q_net
