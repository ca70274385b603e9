"""Recorded drives: camera images with the steering angle that a human chose. No torch here.

A drive is named by a SPEC: ``tub:DIR`` (donkeycar tub, version 2), ``udacity:DIR`` (driving log) or ``bag:DIR``
(rosbag2 with an image topic, raw or compressed, and a topic of AckermannDriveStamped).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from convoy.bags.recording import Recording, Sample
from convoy.bags.tub import read_tub
from convoy.bags.udacity import read_udacity
from convoy.inference import CylindricalView, Projector, Session, stretch
from convoy.interfaces.camera_model import CameraInfoError
from convoy.interfaces.images import decode
from convoy.interfaces.messages import CompressedImage, InterfaceError, make
from convoy.learning.bag_drive import BagDrive
from convoy.learning.errors import LearningError

HELD_OUT = 5
"""The last 1 / HELD_OUT of each drive is never trained on: 20 %."""

_RATE = 20.0
"""Hz. Nothing here looks at the stamps of tubs and logs, so those that lack them are read too."""

_READERS: dict[str, Callable[[Path, float], Recording]] = {"tub": read_tub, "udacity": read_udacity}

Part = Literal["train", "held-out", "all"]


@dataclass(frozen=True)
class Drive:
    """One recorded drive, in order of time; images are decoded when they are asked for.

    Attributes:
        spec: what names it, such as ``tub:DIR``.
        licence: the first line of the LICENSE file beside the data, 'not stated' where there is none.
        angles: the human's steering angles in rad, left positive, float32 of shape (frames,).
        decode: yields the rgb8 images, uint8 of shape (H, W, 3), of ascending frame numbers.
        camera_info: ``sensor_msgs/CameraInfo`` of the camera; None where nobody has said.
    """

    spec: str
    licence: str
    angles: np.ndarray
    decode: Callable[[Sequence[int]], Iterator[np.ndarray]]
    camera_info: Any = None

    @property
    def name(self) -> str:
        return Path(self.spec.partition(":")[2]).name

    def frames(self, part: Part) -> range:
        """Return the numbers of the frames of a part: the first 80 %, the last 20 %, or all."""
        count = len(self.angles)
        border = count - count // HELD_OUT
        return {"train": range(border), "held-out": range(border, count), "all": range(count)}[part]

    def load(self, frames: Sequence[int], images: np.ndarray, view: CylindricalView | None = None) -> None:
        """Decode frames into `images`, uint8 (len(frames), height, width, 3), stretched to it or projected to `view`.

        Raises:
            LearningError: nobody has said how the camera sees, or it sees nothing of the view.
        """
        height, width = images.shape[1:3]
        project = self._projection(view) if view else lambda pixels: stretch(pixels, width, height)
        for image, pixels in zip(images, self.decode(frames), strict=True):
            image[:] = project(pixels)

    def predict(self, session: Session, frames: Sequence[int]) -> Iterator[float]:
        """Let a steering model see frames as the robot would; yields its angles in rad."""
        camera = session.card.camera
        colour = slice(None, None, -1 if camera.colour == "bgr8" else 1)
        project = self._projection(camera.view) if camera.view else lambda pixels: pixels
        for pixels in self.decode(frames):
            yield session.run(project(pixels)[..., colour])["steering_angle"].item()

    def _projection(self, view: CylindricalView) -> Callable[[np.ndarray], np.ndarray]:
        if self.camera_info is None:
            raise LearningError(f"{self.spec} has no camera_info, or several; wanted one, for views on a cylinder.")
        projector = Projector(view)

        def project(pixels: np.ndarray) -> np.ndarray:
            try:
                if projector.camera is None:
                    projector.calibrate(self.camera_info)
                return projector.project(pixels)
            except CameraInfoError as error:
                raise LearningError(f"{self.spec}: {error}") from None

        return project


def open_drive(spec: str, image_topic: str = "", drive_topic: str = "") -> Drive:
    """Open the drive that a SPEC names; the topics are for bags that hold more than one of a kind.

    Raises:
        LearningError: the SPEC is of no known kind, or the drive lacks images, angles or pairs of them.
        BagError: the recording is missing or damaged.
    """
    kind, _, place = spec.partition(":")
    path = Path(place)
    if kind == "bag" and place:
        bag = BagDrive(path, image_topic, drive_topic)
        return Drive(spec, licence_of(path), bag.angles, bag.images, bag.camera_info)
    if kind in _READERS and place:
        samples = _READERS[kind](path, _RATE).samples
        angles = np.array([sample.steering_angle for sample in samples], np.float32)
        return Drive(spec, licence_of(path), angles, partial(_files, samples))
    raise LearningError(f"Data {spec!r} is not understood; wanted tub:DIR, udacity:DIR or bag:DIR.")


def _files(samples: Sequence[Sample], frames: Sequence[int]) -> Iterator[np.ndarray]:
    for number in frames:
        sample = samples[number]
        try:
            data = np.frombuffer(sample.image.read_bytes(), np.uint8)
            yield decode(make(CompressedImage, format="jpeg", data=data)).to("rgb8")
        except (OSError, InterfaceError) as error:
            raise LearningError(f"{sample.source}: {sample.image} can't be read: {error}") from None


def licence_of(path: Path) -> str:
    """Return the first line of the LICENSE file beside the data, 'not stated' where there is none."""
    folder = path if path.is_dir() else path.parent
    for file in sorted(folder.glob("LICEN[CS]E*")):
        lines = file.read_text(errors="replace").strip().splitlines()
        return lines[0].strip() if lines else "not stated"
    return "not stated"
