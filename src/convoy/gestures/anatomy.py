"""What is to be known of a skeleton to say where it is, how large it is, and how fast it moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convoy.interfaces.skeletons import BODY_JOINTS, HAND_JOINTS


@dataclass(frozen=True)
class Anatomy:
    """One kind of skeleton.

    Attributes:
        owner: whose skeleton it is, in messages to people.
        joints: how many it has.
        quantity: what a series of it holds.
        centre: joints that say where it is.
        bones: pairs of joints whose distance is the measure of the skeleton; speeds and models are in such bones.
        bone_m: length of these in an average person.
        parts: joints that move together; a skeleton is as fast as the fastest of them. Their means are steadier than
            single joints.
        few: joints seen, below which a frame tells nothing of its speed.
    """

    owner: str
    joints: int
    quantity: str
    centre: tuple[int, ...]
    bones: tuple[tuple[int, int], ...]
    bone_m: float
    parts: tuple[tuple[int, ...], ...]
    few: int

    @property
    def channels(self) -> int:
        """Numbers of one frame: x, y and z of each joint."""
        return 3 * self.joints

    def place(self, joints: np.ndarray) -> np.ndarray:
        """Return where a skeleton is, shape (3,); of its joints, shape (joints, 3), at least one is not NaN."""
        seen = np.isfinite(joints).all(axis=1)
        centre = [joint for joint in self.centre if seen[joint]]
        return joints[centre or seen].mean(axis=0)

    def bone(self, frames: np.ndarray) -> float:
        """Return the length of a skeleton's bones in metres, of frames (T, joints, 3).

        Where these are not seen it is that of an average person.
        """
        first, second = np.transpose(self.bones)
        length = np.linalg.norm(frames[:, second] - frames[:, first], axis=2)
        length = length[np.isfinite(length)]
        return max(float(np.median(length)), 0.02) if length.size else self.bone_m


HAND = Anatomy(
    owner="hand",
    joints=len(HAND_JOINTS),
    quantity="x, y, z in metres of each of the 22 joints of SHREC'17, in a camera's optical frame",
    centre=(1,),
    bones=((0, 10),),
    bone_m=0.09,
    parts=(tuple(range(22)), *((first + 1, first + 2, first + 3) for first in (2, 6, 10, 14, 18))),
    few=8,
)
"""A hand is where its palm is, and measured from the wrist to the base of the middle finger. It moves as a whole, and
by the last three joints of each finger."""

ARMS = Anatomy(
    owner="person",
    joints=len(BODY_JOINTS),
    quantity="x, y, z in metres of each of the 8 joints of NATOPS, in a camera's optical frame",
    centre=(2, 3),
    bones=((2, 4), (3, 5)),
    bone_m=0.25,
    parts=((0, 4, 6), (1, 5, 7)),
    few=3,
)
"""The arms of a person are where the elbows are, and measured by the forearms. Each hand moves with wrist and thumb."""
