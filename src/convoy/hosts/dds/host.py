"""Runs components in this process as ROS 2 nodes."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from functools import partial
from types import TracebackType

from convoy.graph import Component, NodeName, Output, QoS, Subscription
from convoy.graph.live import LiveHost
from convoy.graph.log import Log
from convoy.hosts.dds.matching import Mismatches
from convoy.hosts.dds.participant import Node, Participant, Publisher
from convoy.hosts.dds.settings import NodeSettings
from convoy.interfaces import cdr
from convoy.interfaces.messages import Clock, nanoseconds, type_name

CLOCK_QOS = QoS(reliability="best_effort", depth=1)
WATCH_PERIOD_S = 1.0
"""How often the network is searched for peers that do not match."""

log = Log(logging.getLogger("convoy.dds"), time.monotonic_ns)


@dataclass
class _Seat:
    """One component: its name, its node, and the thread on which it works."""

    component: Component
    name: NodeName
    settings: NodeSettings
    node: Node
    live: LiveHost


class DdsHost:
    """Hosts components on a participant, each one as a node with a thread of its own.

    Use it as a context: components are started by `start`, and shut down at the end of the block.
    """

    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        self._seats: list[_Seat] = []
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._report_mismatches, name="matching", daemon=True)

    def __enter__(self) -> DdsHost:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def add(self, component: Component, name: NodeName | None = None, settings: NodeSettings | None = None) -> None:
        """Take a component in, before `start`.

        Raises:
            NamingError: a topic resolves to no valid name.
            ParameterError: a QoS override is wrong.
        """
        name, settings = name or NodeName(component.name), settings or NodeSettings()
        node = self._participant.node(name.name, name.namespace)
        publishers: dict[str, Publisher] = {}

        def send(output: Output, data: memoryview) -> None:
            publishers[output.name].write(data)

        def listens(output: Output) -> bool:
            return publishers[output.name].matched() > 0

        live = LiveHost(component, send, listens, simulated_time=settings.use_sim_time)
        live.start()
        self._seats.append(_Seat(component, name, settings, node, live))
        for output in component.outputs.values():
            topic = name.topic(output.topic)
            quality = settings.qos(topic, "publisher", output.qos)
            publishers[output.name] = node.publisher(topic, type_name(output.message), quality)

    def start(self) -> None:
        """Configure and activate all components, then subscribe to their inputs.

        Raises:
            ComponentError: a component failed to; `stop` shuts down those before it.
        """
        self._watch.start()
        for seat in self._seats:
            if seat.settings.use_sim_time:
                seat.node.subscription("/clock", type_name(Clock), CLOCK_QOS, partial(_set_time, seat.live))
            seat.live.call(seat.component.configure)
        for seat in self._seats:
            seat.live.call(seat.component.activate)
        # Only now, for an inactive component ignores what it gets, and a latched message comes once.
        for seat in self._seats:
            for port in seat.component.inputs.values():
                for subscription in port.subscriptions():
                    self._subscribe(seat, subscription, port.qos)

    def stop(self) -> None:
        """Shut all components down, the last one first; what fails is logged."""
        self._stopping.set()
        for seat in reversed(self._seats):
            try:
                seat.live.call(seat.component.shutdown)
            except Exception as error:
                seat.component.log.error(str(error))
            seat.live.stop()
            seat.node.close()
        self._seats.clear()

    def _subscribe(self, seat: _Seat, subscription: Subscription, quality: QoS) -> None:
        topic = seat.name.topic(subscription.topic, subscription.suffix)
        seat.node.subscription(
            topic,
            subscription.type_name,
            seat.settings.qos(topic, "subscription", quality),
            lambda data, _source_ns: seat.live.put(subscription, data),
        )

    def _report_mismatches(self) -> None:
        mismatches = Mismatches(self._participant.gid)
        while not self._stopping.wait(WATCH_PERIOD_S):
            for line in mismatches.news(self._participant.discovery.endpoints()):
                log.warning(line)


def _set_time(live: LiveHost, data: memoryview, _source_ns: int) -> None:
    live.set_time(nanoseconds(cdr.deserialize(data, type_name(Clock)).clock))
