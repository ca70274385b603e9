"""Shadows of what never moves, as one see-through picture that lies on the ground."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from convoy_sim.curve import Floats, direction
from convoy_sim.look.houses import total_height
from convoy_sim.look.plants import crown_radius
from convoy_sim.look.weather import Weather
from convoy_sim.scenery import CAR_SIZES_M
from convoy_sim.town import Town

PIXELS = 2048
MARGIN_M = 25.0
_TINT = (14, 18, 30)


def ground_shadows(town: Town, weather: Weather) -> tuple[NDArray[np.uint8], tuple[float, float, float]]:
    """(PIXELS, PIXELS, 4) RGBA picture, first row in the south; and its middle x, y and half size in metres."""
    x0, y0, x1, y1 = town.bounds
    half = max(x1 - x0, y1 - y0) / 2 + MARGIN_M
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    scale = PIXELS / (2 * half)

    def pixels(points: Floats) -> NDArray[np.int32]:
        return np.round((points - middle + half) * scale * 16).astype(np.int32)

    dark = np.zeros((PIXELS, PIXELS), dtype=np.float32)
    away = -direction(weather.sun_azimuth) / np.tan(max(weather.sun_elevation, 0.2))
    for building in town.buildings:
        foot = _rectangle(building.x, building.y, building.heading, building.length, building.depth)
        _fill(dark, pixels(_swept(foot, away * min(total_height(building), 22.0))))
    for car in town.parked:
        length, width, height = CAR_SIZES_M[car.model]
        _fill(dark, pixels(_swept(_rectangle(car.x, car.y, car.heading, length, width), away * height)))
    circle = np.stack([np.cos(np.linspace(0, 6.28, 14)), np.sin(np.linspace(0, 6.28, 14))], axis=1)
    for prop in town.props:
        if prop.kind == "tree":
            foot, reach = np.array([prop.x, prop.y]), crown_radius(prop)
            _fill(dark, pixels(_swept(foot + circle * 0.1, away * prop.size * 0.6)))
            _fill(dark, pixels(_swept(foot + circle * reach + away * prop.size * 0.45, away * prop.size * 0.3)))
        elif prop.kind in ("hedge", "fence"):
            _fill(dark, pixels(_swept(_rectangle(prop.x, prop.y, prop.heading, prop.size, 0.8), away)))
    near = np.zeros_like(dark)
    for building in town.buildings:
        _fill(
            near,
            pixels(_rectangle(building.x, building.y, building.heading, building.length + 1.5, building.depth + 1.5)),
        )
    soft = 1.2 + 5 * (1 - min(1.0, weather.shadow / 0.5))
    blurred = cv2.GaussianBlur(dark, (0, 0), soft)
    # Even without sun, less light reaches the ground beside a wall.
    shade = np.maximum(weather.shadow * blurred, 0.22 * cv2.GaussianBlur(near, (0, 0), 5))
    picture = np.empty((PIXELS, PIXELS, 4), dtype=np.uint8)
    picture[..., :3] = _TINT
    picture[..., 3] = np.clip(shade * 255, 0, 255)
    # Nothing repeats at the edge.
    picture[[0, -1], :, 3] = picture[:, [0, -1], 3] = 0
    return picture, (float(middle[0]), float(middle[1]), float(half))


def blob_shadow(strength: float, size: int = 64) -> NDArray[np.uint8]:
    """(size, size, 4) RGBA: the shadow under a car, which fills the middle two thirds."""
    t = np.abs(np.linspace(-1, 1, size))
    edge = np.clip((1 - t) / 0.4, 0, 1)
    picture = np.empty((size, size, 4), dtype=np.uint8)
    picture[..., :3] = _TINT
    picture[..., 3] = np.clip(255 * strength * np.minimum.outer(edge, edge) ** 1.2, 0, 255)
    return picture


def _rectangle(x: float, y: float, heading: float, length: float, width: float) -> Floats:
    along, across = direction(heading) * length / 2, direction(heading + np.pi / 2) * width / 2
    return np.array([x, y]) + np.array([along + across, along - across, -along - across, across - along])


def _swept(points: Floats, shift: Floats) -> Floats:
    """The hull of points and of the same points shifted."""
    both = np.concatenate([points, points + shift]).astype(np.float32)
    return np.asarray(cv2.convexHull(both)[:, 0], dtype=np.float64)


def _fill(picture: NDArray[np.float32], corners: NDArray[np.int32]) -> None:
    cv2.fillConvexPoly(picture, corners, 1.0, cv2.LINE_8, 4)
