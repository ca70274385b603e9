"""The camera net that drives, PilotNet with a head for each instruction, as a policy of stable-baselines3, and back.

What its last layer is told is the net's features, once for each instruction, and zero but for the one that holds: a
linear layer on them is a head for each instruction.
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3 import DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import MultiInputActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from convoy.learning.driving_nets import ANGLE_SCALE, INSTRUCTIONS, SPEED_SCALE, DrivingNet
from convoy_sim.actions import FULL_ANGLE, FULL_SPEED, STAND_BELOW_MPS, discrete

FEATURES = 64
_BLOCK = FEATURES + 1
"""The features of an instruction, and a 1 for the head's bias."""
JUDGE = 128
"""Neurons in each layer of the net that judges a state."""
VALUE_SCALE = 10.0
"""Typical size of the value of a state."""


def parts(net: DrivingNet) -> tuple[nn.Sequential, nn.Sequential, nn.Linear]:
    """A net's convolutions, which give one row for each view, the dense layers after them, and the last layer."""
    layers = list(net.net)
    dense = 1 + next(at for at, layer in enumerate(layers) if isinstance(layer, nn.Flatten))
    head = layers[-1]
    assert isinstance(head, nn.Linear)
    return nn.Sequential(*layers[:dense]), nn.Sequential(*layers[dense:-1]), head


class CameraFeatures(BaseFeaturesExtractor):
    """PilotNet without its last layer, its features told as the module says.

    Attributes:
        eye: the convolutions, where what is told are views; else what they saw is told.
        dense: the layers after them.
    """

    def __init__(self, observation_space: spaces.Dict) -> None:
        super().__init__(observation_space, len(INSTRUCTIONS) * _BLOCK)
        # stable-baselines3's orthogonal weights need the usual memory format.
        net = DrivingNet(dropout=0.0, batch_norm=False).to(memory_format=torch.contiguous_format)
        eye, self.dense, _ = parts(net)
        self.eye = eye if "image" in observation_space.spaces else None

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """See `convoy.learning.reinforcement.environments.Told`; an image is (N, 3, 66, 200) in 0..1."""
        seen = observations["seen"] if self.eye is None else self.eye(observations["image"] * 2 - 1)
        return blocks(self.dense(seen), observations["instruction"])


class WorldFeatures(BaseFeaturesExtractor):
    """Passes on what is known of the world."""

    def __init__(self, observation_space: spaces.Dict) -> None:
        super().__init__(observation_space, int(observation_space["known"].shape[0]))  # type: ignore[index]

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return observations["known"]


class CameraPolicy(MultiInputActorCriticPolicy):
    """The camera net acts; what judges it knows the world instead.

    Pinto et al. 2018, "Asymmetric Actor Critic for Image-Based Robot Learning".
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = {"features_extractor_class": CameraFeatures, "share_features_extractor": False}
        super().__init__(*args, **kwargs | given)

    def _build(self, lr_schedule: Any) -> None:
        self.vf_features_extractor = WorldFeatures(self.observation_space)  # type: ignore[arg-type]
        super()._build(lr_schedule)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = _Parts(self.features_dim, self.vf_features_extractor.features_dim)  # type: ignore[assignment]


class _Parts(nn.Module):
    """Acting is the last layer's alone; judging takes two more."""

    def __init__(self, seen: int, known: int) -> None:
        super().__init__()
        self.latent_dim_pi, self.latent_dim_vf = seen, JUDGE
        self.judge = nn.Sequential(nn.Linear(known, JUDGE), nn.Tanh(), nn.Linear(JUDGE, JUDGE), nn.Tanh())

    def forward_actor(self, features: Tensor) -> Tensor:
        return features

    def forward_critic(self, features: Tensor) -> Tensor:
        return VALUE_SCALE * self.judge(features)


def blocks(features: Tensor, told: Tensor) -> Tensor:
    """(N, 4 x 65) of features (N, 64), and of 1 for the instruction that holds, else 0, (N, 4)."""
    with_one = torch.cat([features, torch.ones_like(features[:, :1])], dim=1)
    return (told[:, :, None] * with_one[:, None, :]).flatten(1)


def begin_with(agent: BaseAlgorithm, net: DrivingNet) -> None:
    """Give an agent the weights of a driving net; one of PPO then drives as the net does.

    The other algorithms' last layers mean something else; they begin with nothing in them.
    """
    eye, dense, head = parts(net)
    for features in _features(agent.policy):
        features.dense.load_state_dict(dense.state_dict())
        if features.eye is not None:
            features.eye.load_state_dict(eye.state_dict())
    if isinstance(agent, PPO):
        last = agent.policy.action_net
        assert isinstance(last, nn.Linear)
        weight = torch.cat([head.weight, head.bias[:, None]], dim=1).view(len(INSTRUCTIONS), 2, _BLOCK).clone()
        weight[:, 1, -1] += 0.5
        scale = torch.tensor([ANGLE_SCALE / FULL_ANGLE, 2 * SPEED_SCALE / FULL_SPEED])
        weight *= scale[None, :, None]
        weight[:, 1, -1] -= 1.0
        with torch.no_grad():
            last.weight.copy_(weight.transpose(0, 1).flatten(1))
            last.bias.zero_()


class CameraNet(nn.Module):
    """What an agent does, as `convoy.learning.driving_nets.DrivingNet` gives it: uint8 views to commands.

    `eye` are the convolutions of an agent that is told what they saw.
    """

    told: Tensor
    table: Tensor

    def __init__(self, agent: BaseAlgorithm, eye: nn.Module | None = None) -> None:
        super().__init__()
        acting = _features(agent.policy)[0]
        eye = acting.eye or eye
        assert eye is not None
        self.body = nn.Sequential(eye, acting.dense)
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


def _features(policy: Any) -> list[CameraFeatures]:
    """All that a policy has, the one that acts first."""
    return [module for module in policy.modules() if isinstance(module, CameraFeatures)]


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
