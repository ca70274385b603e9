"""What a component declares of its borders: inputs, outputs, timers, and their quality of service."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

from convoy import tracing
from convoy.interfaces import cdr
from convoy.interfaces.messages import CompressedImage, Image, Message, type_name

if TYPE_CHECKING:
    from convoy.graph.component import Component


@dataclass(frozen=True, slots=True)
class QoS:
    """Quality of service of a port, as ROS 2 names it; the history is always keep last."""

    reliability: Literal["reliable", "best_effort"] = "reliable"
    durability: Literal["volatile", "transient_local"] = "volatile"
    depth: int = 10


DEFAULT = QoS()
SENSOR_DATA = QoS(reliability="best_effort", depth=5)
LATCHED = QoS(durability="transient_local", depth=1)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One topic and type that feeds an input; an image input has two."""

    input: str
    topic: str
    """The input's topic as the component names it, before the host resolves it."""
    suffix: str
    """Follows the resolved topic; remapping an image topic carries its ``/compressed`` along."""
    type_name: str


def _decoder() -> Any:
    # OpenCV takes a quarter of a second to load: only who looks at pictures pays for it.
    from convoy.interfaces.images import decode

    return decode


class Input:
    """Messages of one type arrive here; the component's ``on_<name>(message)`` is called with each.

    Args:
        topic: relative name of the topic.
        message: its message class.
        latest: where messages arrive faster than they are handled, keep the newest only.
    """

    name: str

    def __init__(self, topic: str, message: type[Any], qos: QoS = DEFAULT, *, latest: bool = False) -> None:
        self.topic = topic
        self.message = message
        self.qos = qos
        self.latest = latest

    def __set_name__(self, owner: type[object], name: str) -> None:
        self.name = name

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Return what a host subscribes to for this input."""
        return (Subscription(self.name, self.topic, "", type_name(self.message)),)

    def prepare(self) -> None:
        """Load what decoding needs, before the first message comes."""
        for subscription in self.subscriptions():
            cdr.prepare(subscription.type_name)

    def decode(self, message: Any) -> Any:
        """Return what the handler gets of a received message."""
        return message


class ImageInput(Input):
    """Pictures arrive here, raw or compressed, whichever is published; the handler gets a `CameraImage`.

    Subscribes to ``<topic>`` (sensor_msgs/Image) and ``<topic>/compressed`` (sensor_msgs/CompressedImage). Where
    both are published the first one heard is used, until it has been silent for `SWITCH_AFTER_NS`.
    """

    SWITCH_AFTER_NS = 1_000_000_000

    def __init__(self, topic: str, qos: QoS = SENSOR_DATA) -> None:
        super().__init__(topic, Image, qos, latest=True)

    def subscriptions(self) -> tuple[Subscription, ...]:
        return (
            Subscription(self.name, self.topic, "", type_name(Image)),
            Subscription(self.name, self.topic, "/compressed", type_name(CompressedImage)),
        )

    def prepare(self) -> None:
        super().prepare()
        _decoder()

    def decode(self, message: Any) -> Any:
        with tracing.stage("decode"):
            return _decoder()(message)


class ImageHeaderInput(ImageInput):
    """As `ImageInput`, but the handler gets the header alone: for who watches that images come."""

    def prepare(self) -> None:
        Input.prepare(self)

    def decode(self, message: Any) -> Any:
        return message.header


class Output:
    """The component publishes messages of one type here: ``self.<name>.publish(message)``."""

    name: str

    def __init__(self, topic: str, message: type[Any], qos: QoS = DEFAULT) -> None:
        self.topic = topic
        self.message = message
        self.qos = qos

    def __set_name__(self, owner: type[object], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, component: None, owner: type[object]) -> Output: ...
    @overload
    def __get__(self, component: Component, owner: type[object]) -> BoundOutput: ...
    def __get__(self, component: Component | None, owner: type[object]) -> Output | BoundOutput:
        if component is None:
            return self
        return BoundOutput(component, self)


@dataclass(frozen=True, slots=True)
class BoundOutput:
    """An output of one component."""

    component: Component
    port: Output

    def publish(self, message: Message) -> None:
        """Publish a message, once the handler that is running has returned without an error."""
        self.component.publish(self.port, message)

    @property
    def wanted(self) -> bool:
        """Whether anybody listens: what takes time to make need not be made for nobody.

        Within one handler the answer stays the same, so that what it has made at first is what it needs at last.
        """
        return self.component.is_wanted(self.port)


class Timer:
    """Calls the component's ``on_<name>()`` every `period_s` seconds of the component's clock."""

    name: str

    def __init__(self, period_s: float) -> None:
        if not 1e-6 <= period_s < math.inf:
            raise ValueError(f"a timer's period must be at least a microsecond, found {period_s} s")
        self.period_ns = round(period_s * 1e9)

    def __set_name__(self, owner: type[object], name: str) -> None:
        self.name = name
