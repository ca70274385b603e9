"""How well a drive goes, as PilotNet measures it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

INTERVENTION_S = 6.0
"""What an intervention costs (Bojarski et al., "End to End Learning for Self-Driving Cars", 2016)."""
INTERVENTIONS = ("lane", "collision", "stall")
"""Events that make a person take over."""


@dataclass
class Metrics:
    """Sums over a drive; add drives with `+`.

    Attributes:
        elapsed_s, metres: time and way driven.
        lateral_sum: of the distance from the lane's centre line, in m s.
        events: how often each kind of `convoy_sim.world.Event` happened.
    """

    elapsed_s: float = 0.0
    metres: float = 0.0
    lateral_sum: float = 0.0
    events: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Metrics) -> Metrics:
        return Metrics(
            self.elapsed_s + other.elapsed_s,
            self.metres + other.metres,
            self.lateral_sum + other.lateral_sum,
            self.events + other.events,
        )

    @property
    def interventions(self) -> int:
        return sum(self.events[kind] for kind in INTERVENTIONS)

    @property
    def autonomy(self) -> float:
        """1 - 6 s x interventions / elapsed time, at least 0; 1 before the start."""
        return max(0.0, 1.0 - INTERVENTION_S * self.interventions / self.elapsed_s) if self.elapsed_s else 1.0

    def as_dict(self) -> dict[str, float]:
        """The figures that are reported."""
        km, seconds = self.metres / 1000, self.elapsed_s
        return {
            "autonomy": self.autonomy,
            "interventions": self.interventions,
            "lane_departures": self.events["lane"],
            "collisions": self.events["collision"],
            "stalls": self.events["stall"],
            "off_road": self.events["off_road"],
            "collisions_per_km": self.events["collision"] / km if km else 0.0,
            "red_lights_run": self.events["red_light"],
            "mean_lateral_m": self.lateral_sum / seconds if seconds else 0.0,
            "mean_speed_mps": self.metres / seconds if seconds else 0.0,
            "km": km,
            "elapsed_s": seconds,
        }
