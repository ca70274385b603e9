"""The contract that every host relies on, as a test that any component can be put to."""

from __future__ import annotations

import time as wall
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import zip_longest
from typing import Any

import numpy as np

from convoy.errors import ConvoyError
from convoy.graph.bench import Bench, Sent, subscription_for
from convoy.graph.component import Component, ComponentError, State
from convoy.graph.health import Level
from convoy.graph.names import NodeName
from convoy.graph.parameters import ParameterError, describe
from convoy.graph.ports import ImageInput, Input, Output, Subscription
from convoy.interfaces import cdr
from convoy.interfaces.messages import (
    NANOSECONDS,
    Header,
    InterfaceError,
    Message,
    make,
    message_class,
    time,
)

_LONG_AGO = 1_000_000 * NANOSECONDS
_STEP = NANOSECONDS // 20
_SILENCE = ImageInput.SWITCH_AFTER_NS + _STEP
_STEPS = {
    "configure": State.UNCONFIGURED,
    "activate": State.INACTIVE,
    "deactivate": State.ACTIVE,
    "cleanup": State.INACTIVE,
}
"""The steps of a whole life cycle, and the state that each of them needs."""

Examples = Mapping[str, Sequence[Message]]


def check_component(
    component_class: type[Component], parameters: Mapping[str, Any] | None = None, examples: Examples | None = None
) -> None:
    """Put a component to the contract, as gymnasium's ``check_env`` does with environments.

    Its topics are relative and its parameters keep to their ranges. It goes twice through its life cycle, and refuses
    steps out of order. It works while it is active, and only then; the same input gives the same bytes in two fresh
    instances, and the same course whatever the clock of the wall shows. Damaged messages are reported on
    ``/diagnostics``, lead to no result, and leave it able to handle the next one.

    Args:
        component_class: what is checked.
        parameters: those it needs.
        examples: by input, messages to handle without an error, in order; their stamps become the time of delivery.
            An input that is not named gets noise for pictures, raw and compressed, and messages of zeros otherwise.

    Raises:
        ComponentError: lists every violation.
    """
    case = _Case(component_class, parameters or {}, examples or {})
    checks = (_topics, _ranges, _order_of_steps, _inactivity, _life_cycle, _same_bytes, _wall_clock, _damage)
    violations = [violation for check in checks for violation in _violations(check, case)]
    if violations:
        raise ComponentError(f"{component_class.__name__} breaks the contract:\n  " + "\n  ".join(violations))


@dataclass(frozen=True)
class _Case:
    """What is checked, and with what."""

    component_class: type[Component]
    parameters: Mapping[str, Any]
    examples: Examples

    def bench(self, now_ns: int = _LONG_AGO) -> Bench:
        return Bench(self.component_class("checked", self.parameters), now_ns)

    def messages(self) -> Iterator[tuple[Subscription, Message]]:
        """The examples of all inputs, in turn."""
        ports = self.component_class.inputs.values()
        for turn in zip_longest(*(self.examples.get(port.name) or _examples(port) for port in ports)):
            for port, message in zip(ports, turn, strict=True):
                if message is not None:
                    yield subscription_for(port, message), message

    def play(self, bench: Bench) -> None:
        """Deliver the examples at 20 Hz; before an input's pictures change their transport there is a silence."""
        heard: dict[str, Subscription] = {}
        for subscription, message in self.messages():
            bench.pass_time(_STEP if heard.get(subscription.input, subscription) == subscription else _SILENCE)
            heard[subscription.input] = subscription
            bench.deliver(subscription, _stamped(message, bench.now()))
        bench.pass_time(NANOSECONDS)

    def live(self, bench: Bench) -> None:
        """Lead a whole life."""
        bench.component.configure()
        bench.component.activate()
        self.play(bench)
        bench.component.deactivate()
        bench.component.cleanup()


def _violations(check: Callable[[_Case], Iterator[str]], case: _Case) -> Iterator[str]:
    try:
        yield from check(case)
    except Exception as error:
        kind = "" if isinstance(error, ConvoyError) else f"{type(error).__name__}: "
        yield f"{check.__name__.strip('_').replace('_', ' ')}: {kind}{error}"


# The checks. Each yields what it finds wrong.


def _topics(case: _Case) -> Iterator[str]:
    ports: list[Input | Output] = [*case.component_class.inputs.values(), *case.component_class.outputs.values()]
    for port in ports:
        NodeName("checked").topic(port.topic)
        if port.topic.startswith("/") and port is not Component.diagnostics:
            yield f"topic {port.topic!r} of {port.name!r} is absolute; wanted one that a namespace can move"


def _ranges(case: _Case) -> Iterator[str]:
    component = case.bench().component
    excluded: list[tuple[str, Any]] = [("no_such_parameter", 0)]
    for parameter in describe(case.component_class.Parameters):
        for bound, beyond in ((parameter.minimum, -1), (parameter.maximum, 1)):
            if bound is not None:
                excluded.append((parameter.name, bound + beyond))
    before = component.parameters
    for name, value in excluded:
        try:
            component.set_parameters({name: value})
        except ParameterError:
            if component.parameters != before:
                yield f"parameter {name!r} refuses {value!r}, but takes it over"
        else:
            yield f"parameter {name!r} takes {value!r}, which is not in its description"


def _order_of_steps(case: _Case) -> Iterator[str]:
    component = case.bench().component
    for step in (*_STEPS, "shutdown", ""):
        for other in [name for name, needed in _STEPS.items() if needed is not component.state]:
            try:
                getattr(component, other)()
            except ComponentError:
                continue
            yield f"{other!r} is not refused before {step!r}"
            return
        if step:
            getattr(component, step)()
    if component.state is not State.FINALIZED:
        yield f"after 'shutdown' it is {component.state.value}, not finalized"


def _inactivity(case: _Case) -> Iterator[str]:
    bench = case.bench()
    for steps in ((), ("configure",), ("activate", "deactivate"), ("cleanup",)):
        for step in steps:
            getattr(bench.component, step)()
        before = len(bench.sent)
        case.play(bench)
        if len(bench.sent) > before:
            yield f"it publishes on {bench.sent[before].output!r} while it is {bench.component.state.value}"


def _life_cycle(case: _Case) -> Iterator[str]:
    bench = case.bench()
    courses = []
    for cycle in ("first", "second"):
        before, start = len(bench.sent), bench.now() - _LONG_AGO
        case.live(bench)
        if errors := bench.reported("Errors", Level.ERROR):
            yield f"in its {cycle} life cycle it fails with good messages: {errors[0]}"
            return
        courses.append([_line(sent, start) for sent in bench.sent[before:]])
    yield from _compare("its second life cycle is not as its first", *courses)


def _same_bytes(case: _Case) -> Iterator[str]:
    runs = []
    for _ in range(2):
        bench = case.bench()
        case.live(bench)
        runs.append([f"{_line(sent)} (SHA-256 {sha256(sent.data).hexdigest()})" for sent in bench.sent])
    yield from _compare("the same input does not give the same bytes", *runs)


def _wall_clock(case: _Case) -> Iterator[str]:
    courses = []
    for now in (_LONG_AGO, wall.time_ns()):
        bench = case.bench(now)
        case.live(bench)
        courses.append([_line(sent) for sent in bench.sent])
    yield from _compare("it behaves otherwise when its clock shows the time of the wall", *courses)


def _damage(case: _Case) -> Iterator[str]:
    bench = case.bench()
    bench.component.configure()
    bench.component.activate()
    for subscription, good in dict(case.messages()).items():
        for what, data in _damaged(bench.component.inputs[subscription.input], subscription, good):
            where = f"{what} on {subscription.input!r} ({subscription.type_name})"
            bench.pass_time(_SILENCE)
            bench.sent.clear()
            bench.component.deliver(subscription, data)
            if bench.results():
                yield f"{where}: a result is published"
            bench.pass_time(NANOSECONDS)
            if not bench.reported("Errors", Level.ERROR):
                yield f"{where}: not reported on /diagnostics"
            failures = bench.component.failures
            bench.deliver(subscription, _stamped(good, bench.now()))
            if bench.component.failures > failures:
                yield f"{where}: the good message after it fails"
    bench.component.shutdown()


# What the checks are made of.


def _line(sent: Sent, start_ns: int = 0) -> str:
    return f"{len(sent.data)} bytes on {sent.output!r} after {(sent.at - start_ns) / NANOSECONDS:.9f} s"


def _compare(what: str, first: Sequence[str], second: Sequence[str]) -> Iterator[str]:
    for one, other in zip_longest(first, second, fillvalue="nothing"):
        if one != other:
            yield f"{what}: {one}, then {other}"
            return


def _stamped(message: Any, now_ns: int) -> Message:
    header = getattr(message, "header", None)
    return replace(message, header=replace(header, stamp=time(now_ns))) if header is not None else message


def _examples(port: Input) -> list[Message]:
    if not isinstance(port, ImageInput):
        return [make(port.message)] * 4
    from convoy.interfaces.images import compress, encode  # as in a port: a live node checks nothing

    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    header = make(Header, frame_id="camera")
    raw, compressed = encode(pixels, "bgr8", header), compress(pixels, "bgr8", header)
    return [raw, raw, compressed, compressed]


def _damaged(port: Input, subscription: Subscription, good: Message) -> Iterator[tuple[str, bytes]]:
    """Damage a message in the ways that can be told from its bytes alone, and name each."""
    whole = bytes(cdr.serialize(good))
    zeros = bytes(cdr.serialize(make(message_class(subscription.type_name))))
    noise = np.random.default_rng(0).bytes(64)
    for what, data in (
        ("nothing", b""),
        ("half a message", whole[: len(whole) // 2]),
        ("noise", noise),
        ("zeros", zeros),
    ):
        try:
            port.decode(cdr.deserialize(data, subscription.type_name))
        except InterfaceError:
            yield what, data
