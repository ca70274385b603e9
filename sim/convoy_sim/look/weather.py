"""Light and weather: a name says what kind, chance says how exactly."""

from __future__ import annotations

from dataclasses import dataclass

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


_CLEAR = {
    "sun": 0.52,
    "warm": 0.02,
    "ambient": 0.5,
    "blue": 0.02,
    "zenith": (0.28, 0.5, 0.82),
    "horizon": (0.76, 0.85, 0.93),
    "clouds": 0.3,
    "fog_m": 2600.0,
    "shadow": 0.5,
    "elevation": 48.0,
}
_KINDS: dict[str, dict] = {
    "clear": _CLEAR,
    "cloudy": _CLEAR
    | {"sun": 0.42, "ambient": 0.52, "zenith": (0.42, 0.56, 0.76), "clouds": 0.75, "fog_m": 1800.0, "shadow": 0.3},
    "low_sun": _CLEAR
    | {
        "sun": 0.6,
        "warm": 0.12,
        "ambient": 0.4,
        "zenith": (0.34, 0.5, 0.76),
        "horizon": (0.96, 0.84, 0.66),
        "fog_m": 1500.0,
        "elevation": 16.0,
        "shadow": 0.5,
    },
    "overcast": _CLEAR
    | {
        "sun": 0.14,
        "warm": 0.0,
        "ambient": 0.66,
        "zenith": (0.62, 0.66, 0.7),
        "horizon": (0.8, 0.82, 0.84),
        "clouds": 0.95,
        "fog_m": 1100.0,
        "shadow": 0.14,
    },
    "fog": _CLEAR
    | {
        "sun": 0.08,
        "warm": 0.0,
        "ambient": 0.74,
        "zenith": (0.74, 0.76, 0.78),
        "horizon": (0.78, 0.8, 0.82),
        "clouds": 1.0,
        "fog_m": 110.0,
        "shadow": 0.08,
    },
    "rain": _CLEAR
    | {
        "sun": 0.1,
        "warm": 0.0,
        "ambient": 0.56,
        "zenith": (0.44, 0.48, 0.53),
        "horizon": (0.6, 0.64, 0.68),
        "clouds": 0.95,
        "fog_m": 420.0,
        "shadow": 0.1,
        "wet": True,
        "rain": 0.8,
        "lit": 0.12,
    },
    "dusk": _CLEAR
    | {
        "sun": 0.16,
        "warm": 0.06,
        "ambient": 0.26,
        "blue": 0.08,
        "zenith": (0.12, 0.17, 0.34),
        "horizon": (0.78, 0.5, 0.36),
        "clouds": 0.45,
        "fog_m": 1400.0,
        "shadow": 0.2,
        "elevation": 10.0,
        "lit": 0.45,
    },
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
    warm, blue = kind["warm"] + float(rng.uniform(0, 0.04)), kind["blue"]
    sun, ambient = kind["sun"] * bright, kind["ambient"] * float(rng.uniform(0.92, 1.06))
    tint = rng.uniform(-0.03, 0.03, 3)

    def sky(colour: Rgb) -> Rgb:
        r, g, b = np.clip(np.array(colour) * bright + tint, 0, 1)
        return float(r), float(g), float(b)

    return Weather(
        name=name,
        sun_azimuth=float(rng.uniform(-np.pi, np.pi)),
        sun_elevation=float(np.radians(kind["elevation"] * rng.uniform(0.75, 1.25))),
        sun=(sun * (1 + warm), sun, sun * (1 - 2 * warm)),
        ambient=(ambient * (1 - blue), ambient, ambient * (1 + 2 * blue)),
        zenith=sky(kind["zenith"]),
        horizon=sky(kind["horizon"]),
        clouds=float(np.clip(kind["clouds"] + rng.uniform(-0.15, 0.1), 0, 1)),
        fog_m=kind["fog_m"] * float(rng.uniform(0.8, 1.3)),
        shadow=kind["shadow"],
        wet=kind.get("wet", False),
        rain=kind.get("rain", 0.0) * float(rng.uniform(0.6, 1.2)),
        lit=kind.get("lit", 0.02),
    )
