"""How a component is doing, as REP-107 diagnostics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from convoy.interfaces.messages import DiagnosticArray, DiagnosticStatus, Header, KeyValue, make, time


class Level(IntEnum):
    """diagnostic_msgs/DiagnosticStatus: what the operator must do. OK: nothing; WARN: look; ERROR: act."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass
class Traffic:
    """What went through a component's ports since the last report."""

    received: Counter[str] = field(default_factory=Counter)
    replaced: Counter[str] = field(default_factory=Counter)
    """Messages that a newer one pushed out before they were handled."""
    published: Counter[str] = field(default_factory=Counter)
    ages_ns: list[int] = field(default_factory=list)
    """From an image's stamp to the end of its handling."""

    def status(self, period_ns: int, expected: list[str]) -> tuple[Level, str, dict[str, str]]:
        """Summarise the traffic of `period_ns`: level, message and values of the "Frequency Status"."""
        seconds = period_ns / 1e9
        values = {f"{name} received (Hz)": f"{self.received[name] / seconds:.1f}" for name in expected}
        values |= {f"{name} replaced": str(self.replaced[name]) for name in expected if self.replaced[name]}
        values |= {f"{name} published (Hz)": f"{count / seconds:.1f}" for name, count in sorted(self.published.items())}
        if self.ages_ns:
            # Not by NumPy: its first percentile takes a tenth of a second, in which frames are lost.
            ages = sorted(self.ages_ns)
            for percent in (50, 99):
                values[f"age at publish p{percent} (ms)"] = f"{ages[len(ages) * percent // 100] / 1e6:.1f}"
        if expected and not any(self.received[name] for name in expected):
            return Level.STALE, f"nothing received on {', '.join(expected)}", values
        return Level.OK, "running", values


@dataclass(frozen=True, slots=True)
class Status:
    """One line of a component's diagnostics."""

    level: Level
    message: str
    values: dict[str, str]


def diagnostics(component: str, now_ns: int, statuses: dict[str, Status]) -> Any:
    """Make the ``diagnostic_msgs/DiagnosticArray`` of one component."""
    return make(
        DiagnosticArray,
        header=make(Header, stamp=time(now_ns)),
        status=[
            make(
                DiagnosticStatus,
                level=int(status.level),
                name=f"{component}: {name}",
                message=status.message,
                values=[KeyValue(key=key, value=value) for key, value in status.values.items()],
            )
            for name, status in statuses.items()
        ],
    )
