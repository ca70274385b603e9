"""Which thing is which, from image to image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import Field
from trackforge import BYTETRACK

from convoy.graph import Component, ComponentParameters, Input, Output
from convoy.interfaces.messages import NANOSECONDS, nanoseconds
from convoy.perception import reports

_JUMP_NS = 5 * NANOSECONDS
"""Stamps that jump by more begin anew, as when a bag starts over."""


class Tracker(Component):
    """Follows what a detector finds, and gives each thing a number (ByteTrack, Zhang et al. 2022).

    Subscribes to ``detections``; publishes ``tracks``: the same detections, with the same header, of all that is
    followed, the ``id`` filled in. Numbers are never given twice. Detections of low score keep a thing's number, and
    never begin one. Only things of one class are taken for the same.
    """

    class Parameters(ComponentParameters):
        min_score: float = Field(0.5, ge=0.0, le=1.0, description="of a detection that begins a track")
        low_score: float = Field(0.1, ge=0.0, le=1.0, description="of a detection that continues one, at least")
        memory: int = Field(15, ge=1, le=10000, description="images for which a thing that is not seen is remembered")
        min_iou: float = Field(
            0.2,
            gt=0.0,
            lt=1.0,
            description="overlap with where it was expected, to be the same (intersection over union)",
        )

    detections = Input("detections", reports.Detection2DArray)
    tracks = Output("tracks", reports.Detection2DArray)

    trackers: dict[str, Any]
    """By class."""
    numbers: dict[tuple[str, int], int]
    """By class, and the number that its tracker gave."""
    given = 0
    heard: int | None = None

    def on_activate(self) -> None:
        self.given = 0
        self._begin()

    def on_parameters(self, parameters: Any) -> None:
        self.log.info("parameters of tracks hold for those that begin with the next activation or jump of time")

    def on_detections(self, message: Any) -> None:
        stamp = nanoseconds(message.header.stamp)
        if self.heard is not None and not 0 <= stamp - self.heard <= _JUMP_NS:
            self._begin()
        self.heard = stamp
        by_class: dict[str, list[Any]] = {name: [] for name in self.trackers}
        for detection in message.detections:
            if detection.results and _score(detection) >= self.parameters.low_score:
                by_class.setdefault(detection.results[0].hypothesis.class_id, []).append(detection)
        tracked = [pair for name in sorted(by_class) for pair in self._follow(name, by_class[name])]
        order = {id(detection): place for place, detection in enumerate(message.detections)}
        tracked.sort(key=lambda pair: order[id(pair[0])])
        named = [replace(detection, id=str(number)) for detection, number in tracked]
        self.tracks.publish(replace(message, detections=named))

    def _begin(self) -> None:
        self.trackers, self.numbers, self.heard = {}, {}, None

    def _follow(self, name: str, detections: list[Any]) -> list[tuple[Any, int]]:
        """Pair each of a class's detections that belong to a track with the track's number."""
        p = self.parameters
        if name not in self.trackers:
            self.trackers[name] = BYTETRACK(p.min_score, p.memory, 1 - p.min_iou, p.min_score)
        rows = []
        for detection in detections:
            x0, y0, x1, y1 = reports.corners(detection.bbox)
            rows.append(([x0, y0, x1 - x0, y1 - y0], _score(detection), 0))
        found = []
        # Sorted: the library lists tracks in no particular order, and numbers are given in order.
        for track, _, _, _, at in sorted(self.trackers[name].update(rows)):
            if at is None:
                continue
            if (name, track) not in self.numbers:
                self.given += 1
                self.numbers[name, track] = self.given
            found.append((detections[at], self.numbers[name, track]))
        return found


def _score(detection: Any) -> float:
    return float(detection.results[0].hypothesis.score)
