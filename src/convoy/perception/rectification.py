"""Brings the images of any calibrated camera, fisheye or pinhole, to one view: that on a cylinder."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from convoy import tracing
from convoy.graph import SENSOR_DATA, Component, ComponentParameters, ImageInput, Input, Level, Output
from convoy.inference import CylindricalView, Projector
from convoy.interfaces.images import CameraImage, encode
from convoy.interfaces.messages import CameraInfo, Header, Image, make

_KEPT = ("rgb8", "bgr8", "mono8")
"""Encodings in which the view is published as the image came; others become bgr8, and mono16 mono8."""

_DEFAULT = CylindricalView()


class Rectifier(Component):
    """Projects each camera image to a cylinder around the camera, as the camera's calibration says.

    Subscribes to ``image`` and ``camera_info`` (plumb_bob, rational_polynomial or equidistant); publishes
    ``image_rect`` in the image's encoding (rgb8, bgr8 or mono8; else bgr8) and with its header, and beside it
    ``camera_info_rect``. What the camera does not see is black; how much of the view it sees is on ``/diagnostics``,
    and so is that nothing is published while there is no calibration.

    A cylinder is no pinhole: in ``camera_info_rect`` the distortion model is ``cylindrical``, P is zero and D empty,
    so that who takes it for one is told. K holds fx in px/rad, fy in px, cx and cy: a point x, y, z of the optical
    frame is at column fx * atan2(x, z) + cx and row fy * y / hypot(x, z) + cy. R is the identity.
    """

    class Parameters(ComponentParameters):
        width: int = Field(_DEFAULT.width, ge=1, le=8192, description="pixels of the view")
        height: int = Field(_DEFAULT.height, ge=1, le=8192, description="pixels of the view")
        horizontal_fov: float = Field(
            _DEFAULT.horizontal_fov, gt=0.0, le=2 * math.pi, description="rad, from the left edge to the right edge"
        )
        top: float = Field(
            _DEFAULT.top, gt=-1.5, lt=1.5, description="rad, elevation of the upper edge above the optical axis"
        )
        bottom: float = Field(
            _DEFAULT.bottom, gt=-1.5, lt=1.5, description="rad, elevation of the lower edge, negative below the axis"
        )

        @model_validator(mode="after")
        def _is_a_view(self) -> Rectifier.Parameters:
            _ = self.view
            return self

        @property
        def view(self) -> CylindricalView:
            return CylindricalView(**self.model_dump())

    image = ImageInput("image")
    camera_info = Input("camera_info", CameraInfo, qos=SENSOR_DATA)
    image_rect = Output("image_rect", Image)
    camera_info_rect = Output("camera_info_rect", CameraInfo)

    projector: Projector

    def on_configure(self) -> None:
        self.projector = Projector(self.parameters.view)

    def on_activate(self) -> None:
        self.projector.camera = None
        self._report()

    def on_parameters(self, parameters: Any) -> None:
        self.projector.view = parameters.view

    def on_camera_info(self, info: Any) -> None:
        try:
            self.projector.calibrate(info)
        finally:
            self._report()

    def on_image(self, image: CameraImage) -> None:
        if self.projector.camera is None:
            return  # and /diagnostics says so
        encoding = image.encoding if image.encoding in _KEPT else "mono8" if image.encoding == "mono16" else "bgr8"
        with tracing.stage("decode"):
            pixels = image.to(encoding)
        view = self.projector.project(pixels)
        self._report()
        self.image_rect.publish(encode(view, encoding, image.header))
        self.camera_info_rect.publish(cylindrical_info(self.projector.view, image.header))

    def _report(self) -> None:
        self.report("Calibration", Level.OK if self.projector.sees_all else Level.WARN, self.projector.describe())


def cylindrical_info(view: CylindricalView, header: Header) -> Any:
    """Make the ``sensor_msgs/CameraInfo`` of a cylindrical view; see `Rectifier` for what its fields mean."""
    fx, fy, cx, cy = view.intrinsics
    return make(
        CameraInfo,
        header=header,
        width=view.width,
        height=view.height,
        distortion_model="cylindrical",
        k=np.array([fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]),
        r=np.eye(3).ravel(),
    )
