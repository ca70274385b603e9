"""A coach: a policy that learnt by reinforcement what to do by features, and teaches a camera net.

Zhang et al. 2021, "End-to-End Urban Driving by Imitating a Reinforcement Learning Coach". Unlike theirs, the coach is
told only what one look tells, so that a net that sees one picture can do all that it does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from convoy.learning.demonstrations import Teacher
from convoy.learning.reinforcement.agents import best_agent
from convoy.learning.reinforcement.environments import TOLD
from convoy_sim.environment import command, discrete
from convoy_sim.features import features
from convoy_sim.world import World


def load_coach(folder: Path) -> Teacher:
    """Read the best agent of a learning as a teacher.

    Raises:
        LearningError: there is none in the folder.
    """
    torch.set_num_threads(1)
    agent = best_agent(folder)

    def teach(world: World, x: float, y: float, heading: float) -> tuple[float, float]:
        action, _ = agent.predict(features(world, (x, y, heading))[TOLD], deterministic=True)
        if action.ndim == 0:
            return command(discrete(int(action)))
        steering, speed = np.clip(action, -1.0, 1.0).tolist()
        return command((steering, speed))

    return teach
