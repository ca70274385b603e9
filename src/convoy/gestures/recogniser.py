"""Tells gestures in the motion of hands or arms, once each, as soon as they have ended."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from convoy import tracing
from convoy.errors import ConvoyError
from convoy.gestures.anatomy import ARMS, HAND
from convoy.gestures.segmenter import MEMORY_S, Segment
from convoy.gestures.tracks import FORGOTTEN_AFTER_S, Tracks
from convoy.graph import Input, Level, Output, QoS, Timer
from convoy.inference import ModelCard, resample
from convoy.inference.component import ModelComponent
from convoy.interfaces.messages import (
    NANOSECONDS,
    BodySkeleton,
    Duration,
    Gesture,
    HandSkeleton,
    make,
    nanoseconds,
    time,
)
from convoy.interfaces.skeletons import joints

UNKNOWN = "unknown"
"""The class of a model for motion that is no gesture."""


_ANATOMIES = {anatomy.channels: anatomy for anatomy in (HAND, ARMS)}
FRAMES_WAITING = 60
"""A second of two hands at 30 Hz: a machine that is busy for a moment costs no frame."""


class RecogniserError(ConvoyError):
    """The model reads no skeletons."""


class GestureRecogniser(ModelComponent):
    """Watches the motion of each hand, or of each person's arms, by itself, and names what was a gesture.

    Subscribes to ``hands`` and ``body``, and heeds that of which its model tells gestures. Publishes ``gesture`` once
    for each, when the hand has come to rest for `rest` seconds after it. The stamp is that of the gesture's end, the
    frame and the id those of the skeleton. Where a movement paused, the part after the pause may be the gesture. What
    the model does not know, or is not sure of, is passed over.

    Hands are told apart by where they are, whatever their ids. Frames with NaN joints, gaps and uneven stamps are
    interpolated; a hand that was away for half a second, and stamps that jump back by more, start anew.
    """

    TASK = "gestures"

    class Parameters(ModelComponent.Parameters):
        device: Literal["auto", "cpu", "cuda", "tensorrt"] = Field(
            "cpu", description="where the model runs; the way to an accelerator takes longer than such a small one"
        )
        threads: int = Field(1, ge=0, le=256, description="CPU threads of one run; 0 takes half of the cores")
        min_confidence: float = Field(0.6, ge=0.0, le=1.0, description="probability below which it is no gesture")
        min_hand_confidence: float = Field(0.3, ge=0.0, le=1.0, description="of a skeleton, below which it is ignored")
        rest: float = Field(0.12, ge=0.05, le=1.0, description="s that a hand must be slow for its movement to be over")
        min_duration: float = Field(0.2, ge=0.0, le=5.0, description="s; what is shorter is no gesture")
        max_duration: float = Field(3.5, ge=0.5, le=MEMORY_S - 1.0, description="s; what is longer is no gesture")

    hands = Input("hands", HandSkeleton, qos=QoS(depth=FRAMES_WAITING))
    body = Input("body", BodySkeleton, qos=QoS(depth=FRAMES_WAITING))
    gesture = Output("gesture", Gesture)
    watch = Timer(1.0)

    def check_model(self, card: ModelCard) -> None:
        if card.series.channels not in _ANATOMIES:
            kinds = " or ".join(f"the {anatomy.channels} of {anatomy.quantity}" for anatomy in _ANATOMIES.values())
            raise RecogniserError(
                f"{card.name} reads {card.series.channels} channels: {card.series.quantity}; wanted {kinds}."
            )

    def on_activate(self) -> None:
        self.anatomy = _ANATOMIES[self.loaded.card.series.channels]
        self.tracks = Tracks(self.parameters.rest, self.parameters.max_duration, self.anatomy)
        self.heard: int | None = None
        self.found = self.rejected = 0
        self._report_hands()

    def on_hands(self, skeleton: Any) -> None:
        if self.anatomy is HAND:
            self._watch(skeleton)

    def on_body(self, skeleton: Any) -> None:
        if self.anatomy is ARMS:
            self._watch(skeleton)

    def on_watch(self) -> None:
        self._report_hands()

    def _watch(self, skeleton: Any) -> None:
        with tracing.stage("decode"):
            points = joints(skeleton)
        self.heard = self.now()
        if skeleton.confidence < self.parameters.min_hand_confidence:
            return
        stamp = nanoseconds(skeleton.header.stamp)
        if segment := self.tracks.add(skeleton.id, stamp / NANOSECONDS, points):
            self._judge(segment, skeleton)

    def _judge(self, segment: Segment, skeleton: Any) -> None:
        label, confidence, start = self._best(segment)
        if label == UNKNOWN:
            self.rejected += 1
            return
        self.found += 1
        end = round(float(segment.times[-1]) * NANOSECONDS)
        duration = end - round(float(segment.times[start]) * NANOSECONDS)
        header = skeleton.header
        header.stamp = time(end)
        self.gesture.publish(
            make(
                Gesture,
                header=header,
                label=label,
                confidence=confidence,
                duration=Duration(sec=duration // NANOSECONDS, nanosec=duration % NANOSECONDS),
                hand_id=skeleton.id,
            )
        )

    def _best(self, segment: Segment) -> tuple[str, float, int]:
        """Name the whole of a movement, or where that is no gesture the longest part after a pause that is one."""
        card, limits = self.loaded.card, self.parameters
        for start in segment.starts:
            times = segment.times[start:]
            if not limits.min_duration <= times[-1] - times[0] < limits.max_duration:
                continue
            flat = segment.joints[start:].reshape(len(times), -1)
            probabilities = self.loaded.run(resample(flat, card.series.steps, times))["probabilities"]
            best = int(np.argmax(probabilities))
            if card.classes[best] != UNKNOWN and probabilities[best] >= limits.min_confidence:
                return card.classes[best], float(probabilities[best]), start
        return UNKNOWN, 0.0, 0

    def _report_hands(self) -> None:
        owner = self.anatomy.owner
        counts = {"hands": len(self.tracks), "gestures": self.found, "other_movements": self.rejected}
        if self.heard is None:
            self.report("Hands", Level.OK, f"no {owner} yet", **counts)
        elif (silent := (self.now() - self.heard) / NANOSECONDS) > FORGOTTEN_AFTER_S:
            self.report("Hands", Level.OK, f"no {owner} for {silent:.0f} s", **(counts | {"hands": 0}))
        else:
            self.report("Hands", Level.OK, f"{owner}s in view", **counts)
