"""What a graph sees, against the truth that a bag or the simulator holds: figures as `convoy evaluate` has them.

The truth is looked for where the simulator publishes it: beside the image (``detections``, ``segmentation`` with its
``label_info``, ``depth/image``), and the pose on ``ground_truth/pose``; or on the very topic of the result, where that
was recorded. Results and truth belong together by their stamps. The true pose is the camera's, or base_link's where
``tf_static`` mounts something on that, as data sets from bags have it; only poses of the same frame are compared.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from convoy.evaluation.perception import Score, open_score
from convoy.evaluation.steering import EvaluationError
from convoy.graph import Component, NodeName
from convoy.inference import CameraInput, ModelCard
from convoy.interfaces import cdr
from convoy.interfaces.images import decode
from convoy.perception.reports import corners

if TYPE_CHECKING:
    from convoy.learning.datasets.sample import Sample

WAITING = 200
"""Messages of a topic that wait for their counterpart; older ones have none."""

_DETECTIONS, _IMAGE = "vision_msgs/msg/Detection2DArray", "sensor_msgs/msg/Image"
_POSE = "geometry_msgs/msg/PoseStamped"
_LABELS = "vision_msgs/msg/LabelInfo"
_FRAMES, _BASE = "tf2_msgs/msg/TFMessage", "base_link"


@dataclass(frozen=True, eq=False)
class _Known:
    """What is known of an image: the fields of a data set's sample that scores look at."""

    image: np.ndarray
    """Only its size is looked at."""
    name: str = ""
    boxes: np.ndarray | None = None
    labels: np.ndarray | None = None
    mask: np.ndarray | None = None
    depth: np.ndarray | None = None
    pose: np.ndarray | None = None
    camera: np.ndarray | None = None


Read = Callable[[ModelCard, Any, Any, "tuple[str, ...] | None"], tuple[dict[str, Any], _Known]]


@dataclass(frozen=True)
class _Kind:
    """One kind of result.

    Attributes:
        task: whose score it is.
        models: tasks of the models that give it.
        output: the components' port.
        truth: topic beside the image, or an absolute one.
        type_: of the truth.
        read: turns a result and its truth, and the names of the truth's classes, into what scores take.
    """

    task: str
    models: tuple[str, ...]
    output: str
    truth: str
    type_: str
    read: Read


@dataclass(eq=False)
class _Pairing:
    """A topic of results, and where its truth is."""

    kind: _Kind
    result: str
    truth: str
    labels: str
    card: ModelCard
    frame: str = ""
    """Whose pose the results tell; the camera's own where empty."""
    score: Score | None = None
    fault: str = ""
    results: OrderedDict[int, Any] = field(default_factory=OrderedDict)
    """Messages by their stamp, that wait for their truth."""
    truths: OrderedDict[int, Any] = field(default_factory=OrderedDict)


class TruthLog:
    """Gathers results and truth, message by message, and scores each pair.

    Args:
        nodes: the graph.
        cards: of the models that it runs, by node.
        known: topics and types of a bag, or of a simulator in the graph.
    """

    def __init__(
        self, nodes: Iterable[tuple[Component, NodeName]], cards: Mapping[str, ModelCard], known: Mapping[str, str]
    ) -> None:
        self._labels: dict[str, tuple[str, ...]] = {}
        self._pairings: list[_Pairing] = []
        self._true_frame = ""
        for component, node in nodes:
            for kind in _KINDS:
                card = cards.get(node.full)
                if card is None or card.task not in kind.models or (kind.output == "pose" and not card.gives("pose")):
                    continue
                beside = node.topic("image").rpartition("/")[0]
                result = node.topic(component.outputs[kind.output].topic)
                places = (result, kind.truth if kind.truth.startswith("/") else f"{beside}/{kind.truth}")
                truth = next((topic for topic in places if known.get(topic) == kind.type_), None)
                if truth is not None:
                    frame = getattr(component.parameters, "base_frame", "")
                    self._pairings.append(_Pairing(kind, result, truth, f"{beside}/label_info", card, frame))

    @property
    def topics(self) -> set[str]:
        """What holds the truth."""
        return {topic for pairing in self._pairings for topic in (pairing.truth, pairing.labels)}

    @property
    def results(self) -> set[str]:
        """What is compared with it."""
        return {pairing.result for pairing in self._pairings}

    def add(self, topic: str, type_: str, data: cdr.Bytes, *, truth: bool) -> None:
        """Take in a result, or what is known; messages of other topics are passed over."""
        if type_ == _FRAMES and topic.endswith("tf_static"):
            placed = cdr.deserialize(data, type_).transforms
            if any(one.header.frame_id.lstrip("/") == _BASE for one in placed):
                self._true_frame = _BASE
            return
        if truth and type_ == _LABELS and topic in {pairing.labels for pairing in self._pairings}:
            classes = cdr.deserialize(data, type_).class_map
            self._labels[topic] = tuple(one.class_name for one in sorted(classes, key=lambda one: one.class_id))
            return
        for pairing in self._pairings:
            if topic == (pairing.truth if truth else pairing.result) and not pairing.fault:
                own, other = (pairing.truths, pairing.results) if truth else (pairing.results, pairing.truths)
                stamp, message = cdr.header_stamp(data, type_) or 0, cdr.deserialize(bytes(data), type_)
                if stamp in other:
                    counterpart = other.pop(stamp)
                    self._compare(pairing, *((counterpart, message) if truth else (message, counterpart)))
                else:
                    own[stamp] = message
                    if len(own) > WAITING:
                        own.popitem(last=False)

    def figures(self) -> dict[str, dict[str, Any]]:
        """Return by topic of the results: the truth's topic, and its figures or why there are none."""
        found: dict[str, dict[str, Any]] = {}
        for pairing in self._pairings:
            entry: dict[str, Any] = {"task": pairing.kind.task, "truth": pairing.truth}
            try:
                if pairing.fault:
                    raise EvaluationError(pairing.fault)
                if pairing.kind.type_ == _POSE and pairing.frame != self._true_frame:
                    ours, theirs = pairing.frame or "the camera", self._true_frame or "the camera"
                    raise EvaluationError(
                        f"Poses are of {ours}, the truth of {theirs}; pass base_frame:={self._true_frame} to compare."
                    )
                if pairing.score is None:
                    why = "No result has the stamp of a truth." if pairing.results else "There was no result."
                    raise EvaluationError(why)
                entry |= pairing.score.figures()
            except EvaluationError as error:
                entry["fault"] = str(error)
            found[pairing.result] = entry
        return found

    def _compare(self, pairing: _Pairing, result: Any, truth: Any) -> None:
        try:
            outputs, known = pairing.kind.read(pairing.card, result, truth, self._labels.get(pairing.labels))
            if pairing.score is None:
                height, width = known.image.shape[:2]
                size = CameraInput(width=width, height=height)  # results lie in the image's pixels already
                card = pairing.card.model_copy(update={"task": pairing.kind.task, "input": size})
                pairing.score = open_score(card)
            pairing.score.add(outputs, cast("Sample", known))
        except EvaluationError as error:
            pairing.fault = str(error)


# How messages are read: the outputs of a model whose input is the image, and the sample.


def _boxes(card: ModelCard, result: Any, truth: Any, labels: Any) -> tuple[dict[str, Any], _Known]:
    names = card.boxed_classes
    found = [one for one in result.detections if one.results[0].hypothesis.class_id in names]
    scores = np.zeros((len(found), len(names)), np.float32)
    for row, one in enumerate(found):
        scores[row, names.index(one.results[0].hypothesis.class_id)] = one.results[0].hypothesis.score
    known = [one for one in truth.detections if one.results and one.results[0].hypothesis.class_id in names]
    if truth.detections and not known:
        theirs = sorted({one.results[0].hypothesis.class_id for one in truth.detections})
        raise EvaluationError(f"{card.name} finds {', '.join(names)}; the truth knows {', '.join(theirs)}.")
    true = [card.classes.index(one.results[0].hypothesis.class_id) for one in known]
    truths = _Known(_ANYTHING, boxes=_corners(known), labels=np.array(true, np.int64))
    return {"boxes": _corners(found), "scores": scores}, truths


def _corners(detections: list[Any]) -> np.ndarray:
    return np.array([corners(one.bbox) for one in detections], np.float32).reshape(-1, 4)


def _mask(card: ModelCard, result: Any, truth: Any, labels: tuple[str, ...] | None) -> tuple[dict[str, Any], _Known]:
    if labels is not None and labels != card.classes:
        raise EvaluationError(f"{card.name} tells {', '.join(card.classes)} apart; the truth {', '.join(labels)}.")
    found, known = decode(result).pixels, decode(truth).pixels
    _check_sizes(found, known)
    known = np.where(known < len(card.classes), known, np.uint8(255))
    return {"mask": found}, _Known(_blank(*known.shape), mask=known)


def _depth(card: ModelCard, result: Any, truth: Any, labels: Any) -> tuple[dict[str, Any], _Known]:
    found, known = decode(result).pixels, decode(truth).pixels
    _check_sizes(found, known)
    # Where no depth is told it is farther than the component was asked for.
    return {"depth": np.where(found > 0, found, np.float32(np.inf))}, _Known(_blank(*known.shape), depth=known)


def _pose(card: ModelCard, result: Any, truth: Any, labels: Any) -> tuple[dict[str, Any], _Known]:
    deviation = np.sqrt(np.diag(result.pose.covariance.reshape(6, 6)))
    outputs = {"pose": _flat(result.pose.pose), "deviation": deviation}
    return outputs, _Known(_ANYTHING, pose=_flat(truth.pose))


def _flat(pose: Any) -> np.ndarray:
    at, turned = pose.position, pose.orientation
    return np.array([at.x, at.y, at.z, turned.x, turned.y, turned.z, turned.w])


def _blank(height: int, width: int) -> np.ndarray:
    return np.broadcast_to(np.uint8(0), (height, width, 3))


_ANYTHING = _blank(8192, 8192)
"""Stands for an image of which the messages do not say how large it is."""


def _check_sizes(found: np.ndarray, known: np.ndarray) -> None:
    if found.shape != known.shape:
        raise EvaluationError(
            f"Results are {found.shape[1]}x{found.shape[0]}, the truth {known.shape[1]}x{known.shape[0]}."
        )


_KINDS = (
    _Kind("detection", ("detection", "instances", "perception"), "detections", "detections", _DETECTIONS, _boxes),
    _Kind("segmentation", ("segmentation", "perception"), "mask", "segmentation", _IMAGE, _mask),
    _Kind("depth", ("depth", "perception"), "depth", "depth/image", _IMAGE, _depth),
    _Kind("relocalisation", ("relocalisation", "perception"), "pose", "/ground_truth/pose", _POSE, _pose),
)
