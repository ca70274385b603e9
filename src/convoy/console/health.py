"""How every component is doing, from ``/diagnostics``, in words for whoever stands beside the robot."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from convoy.graph import Level

SILENT_AFTER_S = 3.5
"""Components report every second."""
MOST = 200
"""Lines that are kept, whoever reports."""
_LONGEST = 400
_WORDS = {Level.OK: "fine", Level.WARN: "look", Level.ERROR: "act", Level.STALE: "waiting"}
_FREQUENCY = "Frequency Status"
_RATE = re.compile(r"(.+) received \(Hz\)")
_AGE = re.compile(r"age at publish p(\d+) \(ms\)")
_REPLACED = re.compile(r"(.+) replaced")


@dataclass(frozen=True, slots=True)
class _Line:
    level: int
    message: str
    values: dict[str, str]
    at_s: float


class Health:
    """The newest diagnostics of all components. A status is named ``component: what`` (REP-107)."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], _Line] = {}

    def hear(self, array: Any, now_s: float) -> None:
        """Take in a ``diagnostic_msgs/DiagnosticArray``."""
        for status in array.status:
            component, _, what = status.name.partition(": ")
            key = (component[:80], (what or "Status")[:80])
            if key not in self._lines and len(self._lines) >= MOST:
                continue
            values = {item.key[:80]: item.value[:_LONGEST] for item in status.values[:40]}
            self._lines[key] = _Line(int(status.level), status.message[:_LONGEST], values, now_s)

    def level(self, what: str) -> int | None:
        """Return the level of the first status of this name, of whatever component; None where there is none."""
        return next((line.level for (_, name), line in self._lines.items() if name == what), None)

    def said(self, what: str) -> dict[str, tuple[str, float]]:
        """Return by component what its status of this name says, and when it was heard."""
        return {component: (line.message, line.at_s) for (component, name), line in self._lines.items() if name == what}

    def summary(self, now_s: float) -> list[dict[str, Any]]:
        """Return each component with its state in one word, what it does in a line, and what it reports."""
        components: dict[str, list[tuple[str, _Line]]] = {}
        for (component, what), line in sorted(self._lines.items()):
            components.setdefault(component, []).append((what, line))
        return [_component(name, lines, now_s) for name, lines in components.items()]


def _component(name: str, lines: list[tuple[str, _Line]], now_s: float) -> dict[str, Any]:
    silent_s = now_s - max(line.at_s for _, line in lines)
    worst = max(lines, key=lambda entry: (_order(entry[1].level), entry[0] != _FREQUENCY))
    state = _WORDS.get(Level(worst[1].level), "look") if worst[1].level in (0, 1, 2, 3) else "look"
    said = f"{worst[0]}: {worst[1].message}" if worst[0] != _FREQUENCY else worst[1].message
    if state == "fine":
        said = ", ".join(f"{what}: {line.message}" for what, line in lines if what != _FREQUENCY and line.message)
    if silent_s > SILENT_AFTER_S:
        state, said = "silent", f"nothing heard for {silent_s:.0f} s; it has stopped, or the network is cut"
    traffic = next((line.values for what, line in lines if what == _FREQUENCY), {})
    return {
        "name": name,
        "state": state,
        "said": said or "running",
        "traffic": _traffic(traffic),
        "details": [
            {"name": what, "level": line.level, "said": line.message, "values": line.values} for what, line in lines
        ],
    }


def _order(level: int) -> int:
    """Waiting is less than a warning: an input that is silent is told by who should feed it."""
    return {Level.OK: 0, Level.STALE: 1, Level.WARN: 2, Level.ERROR: 3}.get(Level(level), 2) if level in range(4) else 2


def _traffic(values: dict[str, str]) -> str:
    """Say in words what a "Frequency Status" counts."""
    said = []
    for key, value in values.items():
        if match := _RATE.fullmatch(key):
            if value == "0.0":
                continue  # what matters of it is in the message
            said.append(f"{match[1]} {value} times a second")
        elif (match := _AGE.fullmatch(key)) and match[1] == "99":
            said.append(f"answers within {value} ms")
        elif match := _REPLACED.fullmatch(key):
            said.append(f"{value} {match[1]} skipped")
    return ", ".join(said)
