"""From depth to points: the direction in which each pixel of a calibrated camera looks."""

from __future__ import annotations

import cv2
import numpy as np

from convoy.interfaces.camera_model import CameraModel


class Rays:
    """Directions of a camera's pixels, computed once.

    Args:
        camera: of the images, in their size.
        step: every so many pixels and rows there is one.
    """

    def __init__(self, camera: CameraModel, step: int = 1) -> None:
        self.camera = camera
        self.step = step
        columns, rows = np.meshgrid(np.arange(0, camera.width, step), np.arange(0, camera.height, step))
        pixels = np.stack([columns, rows], axis=-1).reshape(-1, 1, 2).astype(np.float64)
        k = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
        undistort = cv2.fisheye.undistortPoints if camera.distortion_model == "equidistant" else cv2.undistortPoints
        at = undistort(pixels, k, np.array(camera.d)).reshape(*columns.shape, 2)
        self.at = at.astype(np.float32)
        """(h, w, 2): x and y where the ray meets the plane at distance 1."""

    def points(self, depth: np.ndarray, bgr: np.ndarray) -> np.ndarray:
        """Return points (h, w, 4) float32: x y z in m, and the packed colour; NaN where depth (H, W) is not known."""
        near = depth[:: self.step, :: self.step]
        z = np.where((near > 0) & np.isfinite(near), near, np.float32(np.nan))
        points = np.empty((*z.shape, 4), np.float32)
        np.multiply(self.at, z[..., None], out=points[..., :2])
        points[..., 2] = z
        colour = np.zeros((*z.shape, 4), np.uint8)
        colour[..., :3] = bgr[:: self.step, :: self.step]
        points[..., 3] = colour.view(np.float32)[..., 0]
        return points
