"""What driving is worth to those who learn by reinforcement."""

from __future__ import annotations

import math
from dataclasses import dataclass

from convoy_sim.lanes import SPEED_LIMIT_MPS
from convoy_sim.network import LANE_WIDTH_M
from convoy_sim.world import STEP_S, World

_SAFE_DECELERATION = 4.0
_TOLERANCE = 1.1


@dataclass(frozen=True)
class Reward:
    """What a step of 1/20 s is worth.

    Attributes:
        progress: for driving along the lane at the speed limit; in proportion for any speed up to a tenth more.
        lateral: off, at the edge of the lane; less by the square of the distance.
        jerk: off, for a command that goes from one end to the other, of both angle and speed; less in proportion.
        haste: off, for each 10 m/s more than that, or than bends, lights and what is ahead allow.
        failure: off, once, when the drive ends with an intervention or at a red light run.
        shield: off, each time the shield begins to brake.
    """

    progress: float = 0.1
    lateral: float = 0.03
    jerk: float = 0.2
    haste: float = 0.5
    failure: float = 10.0
    shield: float = 2.0

    def of(
        self,
        world: World,
        progress: float,
        wanted: tuple[float, float],
        last: tuple[float, float],
        failed: bool,
        shielded: bool,
    ) -> float:
        """What the world's last step was worth.

        Args:
            world: after the step.
            progress: along the route, m.
            wanted, last: the action, as steering and speed within -1 to 1, and the one before.
            failed: the drive ends so. shielded: the shield began to brake.
        """
        state, plan = world.state, world.agent.plan
        clear = max(plan.gap - 1.0, 0.0)
        allowed = min(
            _TOLERANCE * plan.limit,
            math.sqrt(2 * _SAFE_DECELERATION * max(plan.stop, 0.0)),
            math.sqrt(plan.leader_speed**2 + 2 * _SAFE_DECELERATION * clear),
        )
        return (
            self.progress * min(progress / (SPEED_LIMIT_MPS * STEP_S), _TOLERANCE)
            - self.lateral * (state.lateral / (LANE_WIDTH_M / 2)) ** 2
            - self.jerk * sum(abs(a - b) / 2 for a, b in zip(wanted, last, strict=True))
            - self.haste * max(state.speed - allowed, 0.0) / 10.0
            - self.failure * failed
            - self.shield * shielded
        )
