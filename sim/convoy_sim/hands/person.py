"""A person before the camera: one seed makes the hand, its style, the camera and all that is performed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convoy_sim.hands import idle
from convoy_sim.hands.gestures import FINGER, GESTURES, HAND, RELAXED, perform, start
from convoy_sim.hands.kinematics import FINGERS, PITCH, POSE, YAW, HandShape
from convoy_sim.hands.score import Score, Style
from convoy_sim.hands.sensor import RATE_HZ, Sensor

NO_GESTURE = "none"


@dataclass(frozen=True)
class Clip:
    """One gesture, or one movement that is none, cut out with a little rest around it.

    Attributes:
        joints: metres in the camera's optical frame, float32 of shape (T, 22, 3), at `RATE_HZ`; NaN where not seen.
        gesture: one of `GESTURES` or `NO_GESTURE`.
        way: `FINGER` or `HAND`; 0 where it is no gesture.
    """

    joints: np.ndarray
    gesture: str
    way: int


@dataclass(frozen=True)
class Event:
    """A gesture in a stream: which, how, and from when to when, in seconds."""

    gesture: str
    way: int
    start: float
    end: float


@dataclass(frozen=True)
class Stream:
    """Continuous motion: frames as they arrive, and the gestures that are in them.

    Attributes:
        times: seconds, ascending, shape (T,); frames that were dropped are missing.
        joints: as in `Clip`.
        events: in order of time.
    """

    times: np.ndarray
    joints: np.ndarray
    events: tuple[Event, ...]


class Person:
    """Somebody with a hand of their own, a style of their own, before a camera of their own.

    The same seed gives the same person, who performs the same.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        random = np.random.default_rng([seed, 0])
        self.shape = HandShape.draw(random)
        self.style = Style.draw(random)
        self.sensor = Sensor.draw(random)

    def clips(self, repetitions: int = 2, idle_clips: int = 20) -> list[Clip]:
        """Perform each gesture in both ways `repetitions` times, and `idle_clips` movements that are none."""
        clips = []
        for number, gesture in enumerate(GESTURES):
            for way in (FINGER, HAND):
                for repetition in range(repetitions):
                    random = np.random.default_rng([self.seed, 1, number, way, repetition])
                    score = self._score(random)
                    idle.take_up(score, start(gesture, way))
                    score = Score(self.style, random, score.pose)
                    score.hold(random.uniform(0.0, 0.3))
                    perform(score, gesture, way)
                    score.hold(random.uniform(0.0, 0.3))
                    clips.append(Clip(self._see(score, random), gesture, way))
        for number in range(idle_clips):
            random = np.random.default_rng([self.seed, 2, number])
            clips.append(Clip(self._see(self._idle(random), random), NO_GESTURE, 0))
        return clips

    def stream(self, seconds: float, take: int = 0) -> Stream:
        """Live before the camera for a while: rest, gestures, and movements that are none, in random order."""
        random = np.random.default_rng([self.seed, 3, take])
        score = self._score(random)
        rest = score.pose
        events = []
        score.hold(1.5)
        while score.seconds < seconds - 12.0:
            if random.random() < 0.5:
                for number in range(1 if random.random() < 0.7 else 2):
                    gesture, way = GESTURES[int(random.integers(len(GESTURES)))], int(random.integers(1, 3))
                    events.append(_make(score, gesture, way, lift=number == 0))
                idle.come_back(score, rest)
            else:
                idle.IDLE[int(random.integers(len(idle.IDLE)))](score)
            score.hold(random.uniform(0.5, 3.0))
        score.hold(max(0.0, seconds - score.seconds))
        return self._watch(score, seconds, events, random)

    def act(self, gestures: Sequence[tuple[str, int]], rest_s: float = 2.0, take: int = 0) -> Stream:
        """Make some gestures, each named with its way, one after the other, with rest before, between and after."""
        random = np.random.default_rng([self.seed, 4, take])
        score = self._score(random)
        rest = score.pose
        events = []
        score.hold(rest_s)
        for gesture, way in gestures:
            events.append(_make(score, gesture, way, lift=True))
            idle.come_back(score, rest)
            score.hold(rest_s)
        return self._watch(score, score.seconds, events, random)

    def _watch(self, score: Score, seconds: float, events: Sequence[Event], random: np.random.Generator) -> Stream:
        times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        joints = self.sensor.see(self.shape.joints(score.play(times)), random)
        kept = random.random(len(times)) >= self.sensor.dropped
        return Stream(times[kept], joints[kept], tuple(events))

    def _score(self, random: np.random.Generator) -> Score:
        pose = np.zeros(POSE)
        pose[:3] = random.normal([0.0, -0.05, 0.0], 0.03)
        pose[YAW] = self.style.yaw
        pose[PITCH] = self.style.pitch + 0.2
        score = Score(self.style, random, pose)
        pose[FINGERS:] = score.posture(RELAXED)
        return score

    def _idle(self, random: np.random.Generator) -> Score:
        """Make one movement that is no gesture: on the way to one, back from one, or between them."""
        score = self._score(random)
        rest = score.pose
        gesture, way = GESTURES[int(random.integers(len(GESTURES)))], int(random.integers(1, 3))
        kind = random.random()
        if kind < 0.3:
            score.hold(random.uniform(0.0, 0.3))
            idle.take_up(score, start(gesture, way))
        elif kind < 0.55:
            idle.take_up(score, start(gesture, way))
            perform(score, gesture, way)
            score = Score(self.style, random, score.pose)
            score.hold(random.uniform(0.0, 0.3))
            idle.come_back(score, rest)
        elif kind < 0.6:
            score.hold(random.uniform(0.5, 1.5))
        else:
            score.hold(random.uniform(0.0, 0.3))
            idle.IDLE[int(random.integers(len(idle.IDLE)))](score)
        score.hold(random.uniform(0.0, 0.3))
        return score

    def _see(self, score: Score, random: np.random.Generator) -> np.ndarray:
        times = np.arange(max(2, round(score.seconds * RATE_HZ))) / RATE_HZ
        return self.sensor.see(self.shape.joints(score.play(times)), random)


def _make(score: Score, gesture: str, way: int, lift: bool) -> Event:
    """Take up the posture of a gesture, pause, make it, and pause."""
    idle.take_up(score, start(gesture, way), lift)
    score.hold(score.random.uniform(0.3, 0.9))
    begin = score.seconds
    perform(score, gesture, way)
    event = Event(gesture, way, begin, score.seconds)
    score.hold(score.random.uniform(0.3, 0.9))
    return event
