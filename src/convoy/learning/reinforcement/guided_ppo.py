"""PPO for a policy that can drive already: advised at first, and smooth.

Schulman et al. 2017, "Proximal Policy Optimization Algorithms". The expert's advice on what the policy itself gets
into fades away, as in Schmitt et al. 2018, "Kickstarting Deep Reinforcement Learning"; and the net is to answer alike
from one picture to the next, as in Mysore et al. 2021, "Regularizing Action Policies for Smooth Control with
Reinforcement Learning".
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from torch import Tensor, nn
from torch.nn import functional

from convoy.learning.driving_nets import NEAR_M, NEAR_WEIGHT
from convoy_sim.driver import HORIZON_M
from convoy_sim.features import NAMES

EPOCHS, BATCH = 5, 128
REMEMBERED = 40
"""Rollouts whose advice is heard again and again, as in DAgger; of pictures, which are large, only the last one's."""
HELD = 0.25
"""Part of the time of guidance in which actions are only advised, while the value of a state is learnt."""
DECISIVE = 3.0
"""Deviations by which advice is missed up to which its square counts, then only its size."""
SMOOTHNESS = (0.4, 0.1)
"""What a change of steering and of speed counts; in deviations of the actions that are tried, as is how far advice is
missed."""
TARGET_KL = 0.03
DEVIATIONS = (0.03, 0.12)
"""Of the actions that are tried in the beginning, 0.015 rad and 0.7 m/s: wilder steering leaves the lane."""


_AHEAD = [NAMES.index("gap"), NAMES.index("stop")]


class GuidedPPO(PPO):
    """PPO on what `convoy.learning.reinforcement.environments.Told` tells.

    Attributes:
        guidance: share of all steps over which the expert's advice fades away.
    """

    def __init__(self, *args: Any, guidance: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.guidance = guidance
        self._advised: deque[dict[str, Tensor]] = deque(maxlen=REMEMBERED)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_advised"]

    def train(self) -> None:
        """Learn from the steps that were just made."""
        policy = self.policy
        policy.set_training_mode(True)
        self._update_learning_rate(policy.optimizer)
        done = 1.0 - self._current_progress_remaining
        advice = max(1.0 - done / self.guidance, 0.0) if self.guidance else 0.0
        held = advice > 1.0 - HELD
        steps = _Steps.of(self.rollout_buffer, self.device)
        self._remember(steps, advice)
        scale, smoothness = (torch.tensor(pair, device=self.device) for pair in (DEVIATIONS, SMOOTHNESS))
        clip = self.clip_range(self._current_progress_remaining)  # type: ignore[operator]
        losses: dict[str, list[float]] = {}
        learns = not held
        for _ in range(self.n_epochs):
            for at in torch.randperm(len(steps.actions), device=self.device).split(self.batch_size):
                acts = policy.get_distribution(steps.observed(at))
                mean = acts.mode()
                log_ratio = acts.log_prob(steps.actions[at]) - steps.log_probs[at]
                apart = (log_ratio.exp() - 1 - log_ratio).mean().detach()
                learns = learns and (bool(advice) or float(apart) < 1.5 * TARGET_KL)
                terms = {"value": 0.5 * functional.mse_loss(self._judge(steps, at), steps.returns[at])}
                if advice:
                    terms["advice"] = advice * self._missed(scale)
                if learns:
                    gain, ratio = steps.advantages[at], log_ratio.clamp(max=1.0).exp()
                    terms["policy"] = -torch.min(gain * ratio, gain * ratio.clamp(1 - clip, 1 + clip)).mean()
                if learns or advice:
                    goes_on = steps.goes_on[at]
                    following = policy.get_distribution(steps.observed(at[goes_on] + 1)).mode()
                    changes = ((following - mean[goes_on]) / scale).abs()
                    terms["change"] = (smoothness * changes).sum() / len(at)
                policy.optimizer.zero_grad()
                torch.stack(list(terms.values())).sum().backward()
                nn.utils.clip_grad_norm_(policy.parameters(), self.max_grad_norm)
                policy.optimizer.step()
                for name, term in (terms | {"kl": apart}).items():
                    losses.setdefault(name, []).append(float(term.detach()))
        self._n_updates += self.n_epochs
        for name, found in losses.items():
            self.logger.record(f"train/{name}", np.mean(found))
        for name, deviation in zip(("steering", "speed"), policy.log_std.exp().tolist(), strict=True):
            self.logger.record(f"train/deviation_{name}", deviation)

    def _judge(self, steps: _Steps, at: Tensor) -> Tensor:
        """What some steps are taken to be worth."""
        return self.policy.predict_values(steps.observed(at))[:, 0]

    def _remember(self, steps: _Steps, advice: float) -> None:
        if not advice or "image" in steps.observations:
            self._advised.clear()
        if advice:
            self._advised.append(steps.observations)

    def _missed(self, scale: Tensor) -> Tensor:
        """How far actions are from what was advised, anywhere in a rollout that is remembered."""
        told = self._advised[int(torch.randint(len(self._advised), ()))]
        at = torch.randint(len(told["advised"]), (2 * self.batch_size,), device=self.device)
        mean = self.policy.get_distribution({name: values[at] for name, values in told.items()}).mode()
        advised = told["advised"][at]
        missed = mean - advised
        # Who is to stand may want it as much as they like.
        missed = torch.where(advised <= -1.0, missed.clamp(min=0.0), missed) / scale
        loss = functional.smooth_l1_loss(missed, torch.zeros_like(missed), reduction="none", beta=DECISIVE).sum(dim=1)
        weight = torch.where(told["known"][at][:, _AHEAD].amin(dim=1) * HORIZON_M < NEAR_M, NEAR_WEIGHT, 1.0)
        return (weight * loss).sum() / weight.sum()


@dataclass(frozen=True)
class _Steps:
    """What a rollout has seen, one environment after another.

    Attributes:
        goes_on: whether the next step follows this one, under the same instruction.
    """

    observations: dict[str, Tensor]
    actions: Tensor
    log_probs: Tensor
    advantages: Tensor
    returns: Tensor
    goes_on: Tensor

    @classmethod
    def of(cls, buffer: Any, device: torch.device) -> _Steps:
        def flat(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(buffer.swap_and_flatten(values))).to(device)

        observations = {name: flat(values) for name, values in buffer.observations.items()}
        advantages = flat(buffer.advantages)[:, 0]
        instruction = observations["instruction"]
        goes_on = torch.zeros(len(instruction), dtype=torch.bool, device=device)
        goes_on[:-1] = (instruction[1:] == instruction[:-1]).all(dim=1)
        begins = flat(buffer.episode_starts)[:, 0] > 0
        goes_on[:-1] &= ~begins[1:]
        goes_on[buffer.buffer_size - 1 :: buffer.buffer_size] = False
        return cls(
            observations,
            flat(buffer.actions),
            flat(buffer.log_probs)[:, 0],
            (advantages - advantages.mean()) / (advantages.std() + 1e-8),
            flat(buffer.returns)[:, 0],
            goes_on,
        )

    def observed(self, at: Tensor) -> dict[str, Tensor]:
        """What was told at some steps."""
        return {name: values[at] for name, values in self.observations.items()}
