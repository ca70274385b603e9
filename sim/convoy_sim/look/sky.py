"""The sky as the six faces of a cube: colours, sun, clouds and hills on the horizon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from convoy_sim.look.textures import Rng, noise
from convoy_sim.look.weather import Weather

_HILLS = np.array([0.34, 0.42, 0.36])


def sky_cube(weather: Weather, rng: Rng, size: int = 256) -> NDArray[np.uint8]:
    """(6 * size, size, 3) faces in OpenGL's order, as MuJoCo's sky box wants them."""
    cover = noise(rng, 512, 512, 4, 7, 0.62)
    waves = np.array([2, 3, 5, 8, 13, 21])
    ridge = np.stack([waves, rng.uniform(0, 2 * np.pi, 6)])
    return np.concatenate([_face(_directions(face, size), weather, cover, ridge) for face in range(6)])


def _directions(face: int, size: int) -> NDArray[np.float64]:
    """(size, size, 3) unit vectors of a face's pixels, in the world's axes."""
    t, s = np.meshgrid(*[(np.arange(size) + 0.5) / size * 2 - 1] * 2, indexing="ij")
    one = np.ones_like(s)
    cube = ((one, -t, -s), (-one, -t, s), (s, one, t), (s, -one, -t), (s, -t, one), (-s, -t, -one))[face]
    # MuJoCo looks the sky box up at (x, z, -y).
    directions = np.stack([cube[0], -cube[2], cube[1]], axis=-1)
    return directions / np.linalg.norm(directions, axis=-1, keepdims=True)


def _face(
    towards: NDArray[np.float64], weather: Weather, cover: NDArray[np.float32], ridge: NDArray[np.float64]
) -> NDArray[np.uint8]:
    up = towards[..., 2]
    zenith, horizon = np.array(weather.zenith), np.array(weather.horizon)
    height = np.clip(up, 0, 1)[..., None]
    colour = horizon + (zenith - horizon) * (1 - (1 - height) ** 3.2)
    elevation, azimuth = weather.sun_elevation, weather.sun_azimuth
    sun = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    near = np.clip(towards @ sun, 0, 1)[..., None]
    clear = 1 - weather.clouds
    colour = colour + clear * (0.35 * near**12 + 0.6 * near**600) * np.array([1.0, 0.93, 0.8])
    # Clouds lie on a plane overhead, so they crowd towards the horizon.
    flat = np.clip(up, 0.02, None) + 0.08
    u = (towards[..., 0] / flat * 60).astype(int) % cover.shape[1]
    v = (towards[..., 1] / flat * 60).astype(int) % cover.shape[0]
    level = cover[v, u][..., None]
    amount = np.clip((level - (1.3 - 2.6 * weather.clouds)) * 0.8, 0, 1) * np.clip(up * 7, 0, 1)[..., None]
    bright = np.mean(horizon) * 1.12
    lit = np.clip(bright - 0.09 * np.clip(level, 0, 2) + 0.25 * clear * near**6, 0, 1)
    colour = colour * (1 - amount) + amount * (0.75 * lit + 0.25 * lit * horizon / max(float(horizon.max()), 1e-6))
    azimuth_here = np.arctan2(towards[..., 1], towards[..., 0])[..., None]
    hill = (0.03 + (0.022 / np.sqrt(ridge[0]) * np.sin(ridge[0] * azimuth_here + ridge[1])).sum(axis=-1))[..., None]
    # Far hills take on the colour of the air.
    air = float(np.clip(1.25 - weather.fog_m / 5000, 0.45, 1.0))
    shade = np.mean(weather.ambient) + 0.5 * np.mean(weather.sun)
    colour = np.where(up[..., None] < hill, _HILLS * shade * (1 - air) + horizon * air, colour)
    return np.asarray(np.clip(colour * 255, 0, 255), dtype=np.uint8)
