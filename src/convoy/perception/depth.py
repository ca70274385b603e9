"""How far it is to what every pixel shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field

from convoy.graph import SENSOR_DATA, Input, Level, Output
from convoy.interfaces.camera_model import CameraModel
from convoy.interfaces.images import encode
from convoy.interfaces.messages import CameraInfo, Image
from convoy.perception import reports
from convoy.perception.drawing import depth_picture
from convoy.perception.image_model import DrawnModel, Seen
from convoy.perception.rays import Rays


class DepthEstimator(DrawnModel):
    """Estimates how far away everything is, from each camera image alone.

    Subscribes to ``image`` and ``camera_info``; publishes ``depth/image`` (32FC1 of the image's size: metres along the
    optical axis; as REP-118 has it, +inf beyond `max_depth`, and NaN where the model gives none), with it
    ``depth/camera_info``, ``depth/points`` (PointCloud2 in the camera's optical frame, coloured), and ``overlay``,
    depth as colours. What nobody listens to is not made.

    In which row of the picture a thing stands, from which its distance follows, depends on the focal length. Where
    `camera_info` tells that it is another one than the model was trained with, depth is scaled by their ratio. Without
    a `camera_info` depth is as if it were the same, and there are no points; ``/diagnostics`` says which it is.
    """

    TASK = "depth"

    class Parameters(DrawnModel.Parameters):
        max_depth: float = Field(60.0, gt=0.0, le=1e4, description="m; what is farther is said to be infinitely far")
        points_step: int = Field(2, ge=1, le=64, description="a point of the cloud for each so many pixels and rows")

    camera_info = Input("camera_info", CameraInfo, qos=SENSOR_DATA)
    depth = Output("depth/image", Image)
    depth_info = Output("depth/camera_info", CameraInfo)
    points = Output("depth/points", reports.PointCloud2)

    info: Any = None
    camera: CameraModel | None = None
    rays: Rays | None = None

    @property
    def is_depth_wanted(self) -> bool:
        """Whether anybody listens to what is made of depth, the overlay aside."""
        return self.depth.wanted or self.depth_info.wanted or self.points.wanted

    def needed(self) -> set[str]:
        return {"depth"} if self.is_depth_wanted or self.overlay.wanted else set()

    def on_activate(self) -> None:
        super().on_activate()
        self.info = self.camera = self.rays = None
        self._report_scale()

    def on_camera_info(self, info: Any) -> None:
        self.info = self.camera = None
        try:
            self.camera = CameraModel.read(info)
            self.info = info
        finally:
            self._report_scale()

    def answer(self, seen: Seen) -> None:
        self.publish_depth(seen)
        self.publish_overlay(seen)

    def publish_depth(self, seen: Seen) -> None:
        """Scale depth and bring it to the image's size; publish it, and what follows from it, where anybody listens."""
        values = seen.output("depth", seen.input_shape)
        image = seen.image
        camera = self.camera.of_size(image.width, image.height) if self.camera else None
        scale = self._scale(seen, camera)
        values = values * np.float32(scale) if scale != 1.0 else values
        depth = seen.fit.depth_back(values)
        # In place: a new map of the image's size costs more than what is done to it.
        np.copyto(depth, np.inf, where=depth > self.parameters.max_depth)
        if values.min() <= 0:
            np.copyto(depth, np.nan, where=depth <= 0)
        seen.results["depth"] = depth
        if self.depth.wanted:
            self.depth.publish(encode(depth, "32FC1", image.header))
        if camera is None:
            return
        if self.depth_info.wanted:
            self.depth_info.publish(replace(self.info, header=image.header))
        if self.points.wanted:
            if self.rays is None or self.rays.camera != camera or self.rays.step != self.parameters.points_step:
                self.rays = Rays(camera, self.parameters.points_step)
            bgr = seen.pixels if self.loaded.card.camera.colour == "bgr8" else seen.pixels[..., ::-1]
            self.points.publish(reports.point_cloud(image.header, self.rays.points(depth, bgr)))

    def draw(self, picture: np.ndarray, seen: Seen) -> None:
        picture[:] = depth_picture(seen.results["depth"], self.loaded.card.camera.colour)

    def _scale(self, seen: Seen, camera: CameraModel | None) -> float:
        """By what the model's depth is to be multiplied: the ratio of focal lengths, in the model's own pixels."""
        trained = self.loaded.card.camera.focal_length
        if camera is None or trained is None:
            return 1.0
        ratio = camera.fy * seen.fit.scale[1] / trained
        self._report_scale(ratio)
        return ratio

    def _report_scale(self, ratio: float | None = None) -> None:
        if self.camera is None:
            said = Level.WARN, "no camera_info yet: no points, and depth is that of a camera as in training"
        elif self.loaded.card.camera.focal_length is None:
            said = Level.WARN, "the model does not say with which focal length it was trained; depth is not scaled"
        else:
            said = Level.OK, "calibrated" if ratio is None else f"depth is scaled by {ratio:.3f}"
        self.report("Calibration", *said)
