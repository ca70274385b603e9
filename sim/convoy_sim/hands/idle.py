"""What hands do that is no gesture: taking up a posture, coming back, fidgeting, reaching, talking."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from convoy_sim.hands.gestures import FIST, OPEN, PINCH, POINT, RELAXED, TWO_OPEN
from convoy_sim.hands.kinematics import FINGERS, PITCH, YAW
from convoy_sim.hands.score import Score

_POSTURES = (OPEN, RELAXED, FIST, POINT, PINCH, TWO_OPEN)


def fidget(score: Score) -> None:
    """Move some fingers to and fro."""
    for _ in range(int(score.random.integers(1, 4))):
        moving = score.random.random(5) < 0.6
        fingers = RELAXED + moving[:, None] * score.random.normal(0.0, 0.35, (5, 3)) * [1.0, 1.0, 0.2]
        score.go(score.random.uniform(0.3, 0.8), fingers=fingers, pitch=score.random.normal(0.0, 0.1))
    score.go(score.random.uniform(0.3, 0.8), fingers=RELAXED)


def reach(score: Score) -> None:
    """Stretch the arm towards something, mostly away from the body, perhaps take it, and come back."""
    before = score.pose
    there = score.random.normal(0.0, 0.06, 3) - np.array([0.0, 0.0, score.random.uniform(0.15, 0.35)])
    score.go(score.random.uniform(0.6, 1.2), by=there, pitch=score.random.uniform(0.1, 0.6), fingers=OPEN)
    if score.random.random() < 0.6:
        score.hold(score.random.uniform(0.0, 0.5))
        score.go(score.random.uniform(0.3, 0.6), fingers=FIST)
    score.hold(score.random.uniform(0.0, 0.6))
    score.reach(score.random.uniform(0.6, 1.2), before)


def talk(score: Score) -> None:
    """Accompany speech: a few short movements in changing directions, the fingers loose."""
    before = score.pose
    for _ in range(int(score.random.integers(3, 8))):
        by = score.random.normal(0.0, 0.045, 3)
        fingers = RELAXED + score.random.normal(0.0, 0.2, (5, 3)) * [1.0, 1.0, 0.2]
        turns = {name: score.random.normal(0.0, 0.25) for name in ("yaw", "pitch", "roll")}
        score.go(score.random.uniform(0.25, 0.6), by=by, fingers=fingers, bow=score.random.normal(0.0, 0.3), **turns)
    score.reach(score.random.uniform(0.4, 0.8), before)


def circle(score: Score) -> None:
    """Draw one circle or more in the air."""
    radius = score.random.uniform(0.04, 0.1)
    side = 1.0 if score.random.random() < 0.5 else -1.0
    quarters = int(score.random.integers(4, 10))
    angle = score.random.uniform(0.0, 2 * np.pi)
    for _ in range(quarters):
        step = radius * (
            np.array([np.cos(angle + side * np.pi / 2), np.sin(angle + side * np.pi / 2)])
            - np.array([np.cos(angle), np.sin(angle)])
        )
        angle += side * np.pi / 2
        score.go(0.22, by=np.array([*step, 0.0]), bow=-0.2 * side)


def scratch(score: Score) -> None:
    """Go to the face or the other arm, scratch there, and come back."""
    before = score.pose
    score.go(0.6, by=np.array([-0.08, 0.12, 0.15]) + score.random.normal(0.0, 0.05, 3), roll=0.8, fingers=RELAXED)
    for number in range(int(score.random.integers(4, 9))):
        sign = 1 - 2 * (number % 2)
        score.go(0.12, by=np.array([0.0, 0.02 * sign, 0.0]), fingers=RELAXED + sign * np.array([0.1, 0.25, 0.0]))
    score.reach(score.random.uniform(0.5, 0.9), before)


def lower(score: Score) -> None:
    """Let the hand sink to the lap, rest there, and lift it again."""
    before = score.pose
    lap = score.pose.copy()
    lap[:3] += score.random.normal([0.03, -0.35, 0.08], 0.05)
    lap[PITCH] += score.random.uniform(0.4, 0.9)
    lap[FINGERS:] = score.posture(RELAXED)
    score.reach(score.random.uniform(0.7, 1.2), lap)
    score.hold(score.random.uniform(0.3, 1.5))
    score.reach(score.random.uniform(0.7, 1.2), before)


def change_posture(score: Score) -> None:
    """Show another posture of the fingers without moving the hand much, and go back to the loose one."""
    posture = _POSTURES[int(score.random.integers(len(_POSTURES)))]
    score.go(score.random.uniform(0.3, 0.6), by=score.random.normal(0.0, 0.01, 3), fingers=posture)
    score.hold(score.random.uniform(0.3, 1.0))
    score.go(score.random.uniform(0.3, 0.6), by=score.random.normal(0.0, 0.01, 3), fingers=RELAXED)


IDLE: tuple[Callable[[Score], None], ...] = (fidget, reach, talk, circle, scratch, lower, change_posture)
"""Movements that a hand at rest makes in between, and after which it is at rest again."""


def take_up(score: Score, fingers: np.ndarray, lift: bool = True) -> None:
    """Bring a hand to where and how a gesture begins; one that comes from rest is lifted."""
    ready = score.pose.copy()
    ready[:3] += score.random.normal([0.0, 0.08, -0.05], [0.04, 0.03, 0.03]) * (1.0 if lift else 0.3)
    ready[YAW] += score.random.normal(0.0, 0.05)
    ready[PITCH] -= score.random.uniform(0.0, 0.3)
    ready[FINGERS:] = score.posture(fingers)
    score.reach(score.random.uniform(0.4, 0.8), ready)


def come_back(score: Score, rest: np.ndarray) -> None:
    """Go back to rest after a gesture, more or less to where the hand was."""
    pose = rest.copy()
    pose[:3] += score.random.normal(0.0, 0.02, 3)
    pose[FINGERS:] = score.posture(RELAXED)
    score.reach(score.random.uniform(0.6, 1.1), pose)
