"""Light and weather: a name says what kind, chance says how exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from convoy.errors import nearest
from convoy_sim.errors import SimulationError

Rgb = tuple[float, float, float]
"""0 to 1."""


@dataclass(frozen=True)
class Weather:
    """What a scene's light, sky and air are like.

    Attributes:
        name: one of `WEATHERS`.
        sun_azimuth, sun_elevation: where the light comes from, radians.
        sun, ambient: colours of the light; they add up on what faces the sun.
        zenith, horizon: colours of the sky. The horizon's is also the fog's.
        clouds: 0 to 1, how much of the sky they cover.
        fog_m: how far one sees: the distance at which everything is the horizon's colour.
        shadow: 0 to 1, how dark shadows are.
        wet: whether roads are wet.
        rain: 0 to 1, streaks in the picture.
        lit: 0 to 1, share of windows (and, above 0.3, the lamps) that are lit.
    """

    name: str
    sun_azimuth: float
    sun_elevation: float
    sun: Rgb
    ambient: Rgb
    zenith: Rgb
    horizon: Rgb
    clouds: float
    fog_m: float
    shadow: float
    wet: bool = False
    rain: float = 0.0
    lit: float = 0.02


@dataclass(frozen=True)
class _Kind:
    """What the weathers of a name have in common. The defaults are those of a clear day."""

    sun: float = 0.52
    warm: float = 0.02
    ambient: float = 0.54
    blue: float = 0.02
    zenith: Rgb = (0.28, 0.5, 0.82)
    horizon: Rgb = (0.76, 0.85, 0.93)
    clouds: float = 0.3
    fog_m: float = 4500.0
    shadow: float = 0.48
    elevation: float = 48.0
    wet: bool = False
    rain: float = 0.0
    lit: float = 0.02


_COVERED = _Kind(sun=0.14, warm=0.0, ambient=0.66, clouds=0.95, shadow=0.14)
_KINDS = {
    "clear": _Kind(),
    "cloudy": _Kind(sun=0.42, ambient=0.52, zenith=(0.42, 0.56, 0.76), clouds=0.75, fog_m=3200.0, shadow=0.3),
    "low_sun": _Kind(
        sun=0.54,
        warm=0.12,
        ambient=0.5,
        zenith=(0.34, 0.5, 0.76),
        horizon=(0.96, 0.84, 0.66),
        fog_m=3000.0,
        shadow=0.42,
        elevation=16.0,
    ),
    "overcast": replace(_COVERED, zenith=(0.62, 0.66, 0.7), horizon=(0.8, 0.82, 0.84), fog_m=1700.0),
    "fog": replace(
        _COVERED,
        sun=0.08,
        ambient=0.74,
        zenith=(0.74, 0.76, 0.78),
        horizon=(0.78, 0.8, 0.82),
        clouds=1.0,
        fog_m=110.0,
        shadow=0.08,
    ),
    "rain": replace(
        _COVERED,
        ambient=0.56,
        zenith=(0.44, 0.48, 0.53),
        horizon=(0.6, 0.64, 0.68),
        fog_m=420.0,
        wet=True,
        rain=0.8,
        lit=0.12,
    ),
    "dusk": _Kind(
        sun=0.16,
        warm=0.06,
        ambient=0.33,
        blue=0.08,
        zenith=(0.14, 0.2, 0.38),
        horizon=(0.8, 0.53, 0.4),
        clouds=0.45,
        fog_m=2600.0,
        shadow=0.2,
        elevation=10.0,
        lit=0.45,
    ),
}
WEATHERS = tuple(_KINDS)
BAD_WEATHERS = ("fog", "rain", "dusk")


def draw_weather(name: str, rng: np.random.Generator) -> Weather:
    """The weather of a name, with chance in it: the sun's place, how bright, how far one sees.

    Raises:
        SimulationError: there is no weather of this name.
    """
    if name not in _KINDS:
        raise SimulationError(f"There is no weather {name!r}; nearest first: {', '.join(nearest(name, WEATHERS))}.")
    kind = _KINDS[name]
    bright = float(rng.uniform(0.88, 1.06))
    warm, blue = kind.warm + float(rng.uniform(0, 0.04)), kind.blue
    sun, ambient = kind.sun * bright, kind.ambient * float(rng.uniform(0.92, 1.06))
    tint = rng.uniform(-0.03, 0.03, 3)

    def sky(colour: Rgb) -> Rgb:
        r, g, b = np.clip(np.array(colour) * bright + tint, 0, 1)
        return float(r), float(g), float(b)

    return Weather(
        name=name,
        sun_azimuth=float(rng.uniform(-np.pi, np.pi)),
        sun_elevation=float(np.radians(kind.elevation * rng.uniform(0.75, 1.25))),
        sun=(sun * (1 + warm), sun, sun * (1 - 2 * warm)),
        ambient=(ambient * (1 - blue), ambient, ambient * (1 + 2 * blue)),
        zenith=sky(kind.zenith),
        horizon=sky(kind.horizon),
        clouds=float(np.clip(kind.clouds + rng.uniform(-0.15, 0.1), 0, 1)),
        fog_m=kind.fog_m * float(rng.uniform(0.8, 1.3)),
        shadow=kind.shadow,
        wet=kind.wet,
        rain=kind.rain * float(rng.uniform(0.6, 1.2)),
        lit=kind.lit,
    )
