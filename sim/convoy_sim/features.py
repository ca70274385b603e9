"""What a policy without eyes is told: a vector of what matters round the car, each part within -1 to 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from convoy_sim.driver import HORIZON_M
from convoy_sim.network import LANE_WIDTH_M
from convoy_sim.route import INSTRUCTIONS
from convoy_sim.world import World

SPEED_SCALE = 12.0
ANGLE_SCALE = 0.6
PREVIEW_M = (0.0, 3.0, 6.0, 10.0, 15.0, 21.0, 28.0, 36.0)
"""Where the route's curvature is told, ahead of the rear axle."""
CURVATURE_SCALE = 0.1
NEAR_M = 20.0

NAMES = (
    "lateral",
    "heading_error",
    "speed",
    "yaw_rate",
    "steering_angle",
    "limit",
    *(f"curvature_{metres:g}_m" for metres in PREVIEW_M),
    "gap",
    "closing_speed",
    "stop",
    "near_gap",
    "near_stop",
    *INSTRUCTIONS,
)
"""The features, in order.

lateral: distance from the lane's middle, 1 where the lane is left on the left; heading_error: 1 is 0.5 rad to the left;
speed, limit (by rules and bends), closing_speed (on what is ahead; 0 with nothing ahead): 1 is `SPEED_SCALE`;
yaw_rate: rad/s; steering_angle: 1 is `ANGLE_SCALE`; curvature: 1 is `CURVATURE_SCALE`;
gap (to what is ahead), stop (to where to stop now: a red light, somebody on a crossing, those who go first): 1 is
`HORIZON_M` or more; near_gap, near_stop: the same once more, where metres matter: 1 is `NEAR_M`; the instructions: 1
for the one that holds, else 0.
"""


def features(world: World) -> NDArray[np.float32]:
    """(len(NAMES),) features of the world as it is."""
    state, plan = world.state, world.agent.plan
    values = [
        state.lateral / (LANE_WIDTH_M / 2),
        state.heading_error / 0.5,
        state.speed / SPEED_SCALE,
        state.yaw_rate,
        state.steering_angle / ANGLE_SCALE,
        plan.limit / SPEED_SCALE,
        *(world.route.curvature(state.s + metres) / CURVATURE_SCALE for metres in PREVIEW_M),
        min(plan.gap, HORIZON_M) / HORIZON_M,
        (state.speed - plan.leader_speed) / SPEED_SCALE if plan.gap < HORIZON_M else 0.0,
        min(plan.stop, HORIZON_M) / HORIZON_M,
        min(plan.gap, NEAR_M) / NEAR_M,
        min(plan.stop, NEAR_M) / NEAR_M,
        *(float(state.instruction == instruction) for instruction in INSTRUCTIONS),
    ]
    return np.clip(np.array(values, dtype=np.float32), -1.0, 1.0)
