"""The component: ports and parameters as data, handlers for messages and timers, and nothing else."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ClassVar

from convoy import tracing
from convoy.errors import ConvoyError
from convoy.graph.health import Level, Status, Traffic, diagnostics
from convoy.graph.host import Cancel, Host
from convoy.graph.log import Log
from convoy.graph.parameters import ComponentParameters, describe, parse, values
from convoy.graph.ports import ImageInput, Input, Output, Subscription, Timer
from convoy.interfaces import cdr
from convoy.interfaces.messages import DiagnosticArray, Message, nanoseconds, type_name

DIAGNOSTICS_PERIOD_NS = 1_000_000_000
LOGGED_AFTER = 3
"""Diagnostics in a row in which a status is bad before the log says so: who starts has no images yet."""
_ERRORS = "Errors"
"""Name of the status of what failed."""


class ComponentError(ConvoyError):
    """A component is declared wrongly, used out of order, or failed in a step of its life cycle."""


class State(Enum):
    """The primary states of a managed node (ROS 2 design, "Managed nodes")."""

    UNCONFIGURED = "unconfigured"
    INACTIVE = "inactive"
    ACTIVE = "active"
    FINALIZED = "finalized"


class Component:
    """A part of the robot's software that runs unchanged on every host.

    A subclass declares `Input`, `Output` and `Timer` ports and ``Parameters`` in its body. For each input and timer
    it has a method ``on_<port>``; it may have ``on_configure``, ``on_activate``, ``on_deactivate``, ``on_cleanup`` and
    ``on_parameters``. What a handler or step publishes leaves only when it has returned without an error.

    Args:
        name: the node's name.
        parameters: values by name, checked against ``Parameters``.

    Raises:
        ParameterError: a value is missing, unknown or out of range.
        ComponentError: the class is declared wrongly; raised where the class is defined.
    """

    name: str
    parameters: Any
    state: State
    failures: int
    """Handlers and steps that failed since the component was made."""
    traffic: Traffic
    log: Log

    Parameters: ClassVar[type[ComponentParameters]] = ComponentParameters
    inputs: ClassVar[dict[str, Input]] = {}
    outputs: ClassVar[dict[str, Output]] = {}
    timers: ClassVar[dict[str, Timer]] = {}

    diagnostics = Output("/diagnostics", DiagnosticArray)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        ports = {name: port for base in reversed(cls.__mro__) for name, port in vars(base).items()}
        cls.inputs = {name: port for name, port in ports.items() if isinstance(port, Input)}
        cls.outputs = {name: port for name, port in ports.items() if isinstance(port, Output)}
        cls.timers = {name: port for name, port in ports.items() if isinstance(port, Timer)}
        own = {name for name in vars(cls) if name in cls.inputs or name in cls.outputs or name in cls.timers}
        if taken := own & {*dir(Component), *Component.__annotations__}:
            raise ComponentError(
                f"{cls.__name__}: no port may be named {min(taken)!r}; every component has that already."
            )
        for name in (*cls.inputs, *cls.timers):
            if not callable(getattr(cls, f"on_{name}", None)):
                raise ComponentError(f"{cls.__name__} declares {name!r}, but has no method on_{name}.")
        known = {*cls.inputs, *cls.timers, "configure", "activate", "deactivate", "cleanup", "parameters"}
        for name in vars(cls):
            if name.startswith("on_") and name.removeprefix("on_") not in known:
                raise ComponentError(
                    f"{cls.__name__}.{name} belongs to no input, timer or step; wanted on_ and one of {sorted(known)}."
                )
        for parameter in describe(cls.Parameters):
            if not parameter.description:
                raise ComponentError(f"{cls.__name__}: parameter {parameter.name!r} has no description.")

    def __init__(self, name: str, parameters: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.parameters = parse(self.Parameters, name, parameters or {})
        self.state = State.UNCONFIGURED
        self.failures = 0
        self.traffic = Traffic()
        self.log = Log(logging.getLogger(f"convoy.{name}"), lambda: self._host.now() if self._host else 0)
        self._host: Host | None = None
        self._pending: list[tuple[Output, memoryview]] | None = None
        self._heard: dict[str, bool] = {}
        self._statuses: dict[str, Status] = {}
        self._bad: Counter[str] = Counter()
        self._failing: dict[str, str] = {}
        self._cancels: list[Cancel] = []
        self._image_sources: dict[str, tuple[str, int]] = {}

    # What a subclass may fill in.

    def on_configure(self) -> None:
        """Load models, open devices; may raise any ConvoyError."""

    def on_activate(self) -> None:
        """Start from a clean state; messages and timers follow."""

    def on_deactivate(self) -> None:
        """Come to rest; no message or timer follows."""

    def on_cleanup(self) -> None:
        """Give back what `on_configure` took, however far it came."""

    def on_parameters(self, parameters: Any) -> None:
        """Take over changed parameters; an error refuses the change. ``self.parameters`` are still the old ones."""

    # What a subclass uses.

    def now(self) -> int:
        """Return the time of the component's clock in nanoseconds; never the wall's."""
        return self._attached().now()

    def publish(self, output: Output, message: Message) -> None:
        """Publish on one of the component's outputs; see `BoundOutput.publish`."""
        if type_name(message) != type_name(output.message):
            raise ComponentError(
                f"{self.name}: output {output.name!r} takes {type_name(output.message)}, not {type_name(message)}."
            )
        if self._pending is None:
            raise ComponentError(f"{self.name}: {output.name!r} published outside of a handler or life-cycle step.")
        with tracing.stage("publish"):
            self._pending.append((output, cdr.serialize(message)))

    def is_wanted(self, output: Output) -> bool:
        """Tell whether anybody listens to one of the component's outputs; see `BoundOutput.wanted`."""
        if self._pending is None:
            return self._attached().listens(self, output)
        if output.name not in self._heard:
            self._heard[output.name] = self._attached().listens(self, output)
        return self._heard[output.name]

    def report(self, status: str, level: Level, message: str, **values: object) -> None:
        """Set one of the component's diagnostics; it is published every second, and at once when its level changes.

        One that is still bad after a few seconds is logged as well, once until it is good again.
        """
        old = self._statuses.get(status)
        self._statuses[status] = new = Status(level, message, {key: str(value) for key, value in values.items()})
        if (old is None or old.level != level) and self._pending is not None:
            self.diagnostics.publish(diagnostics(self.name, self.now(), {status: new}))

    # What a host calls.

    def attach(self, host: Host) -> None:
        """Put the component into the care of a host."""
        if self._host is not None:
            raise ComponentError(f"{self.name} is already attached to a host.")
        self._host = host

    def configure(self) -> None:
        """Go from unconfigured to inactive.

        Raises:
            ComponentError: the step failed; the component is unconfigured, and what it took is given back.
        """
        self._require(State.UNCONFIGURED)
        for port in self.inputs.values():
            port.prepare()
        for output in self.outputs.values():
            cdr.prepare(type_name(output.message))
        self._statuses.clear()
        try:
            self._step("configure", self.on_configure)
        except ComponentError:
            self.guard("cleanup", self.on_cleanup)
            raise
        self.state = State.INACTIVE

    def activate(self) -> None:
        """Go from inactive to active: messages are handled and timers run.

        Raises:
            ComponentError: the step failed; the component is inactive.
        """
        self._require(State.INACTIVE)
        self.traffic = Traffic()
        self._image_sources.clear()
        self._bad.clear()
        self._step("activate", self.on_activate)
        self.state = State.ACTIVE
        for name, timer in self.timers.items():
            self._every(timer.period_ns, name, getattr(self, f"on_{name}"))
        self._every(DIAGNOSTICS_PERIOD_NS, "diagnostics", self._publish_diagnostics)

    def deactivate(self) -> None:
        """Go from active to inactive.

        Raises:
            ComponentError: the step failed; the component is inactive even then.
        """
        self._require(State.ACTIVE)
        self.state = State.INACTIVE
        while self._cancels:
            self._cancels.pop()()
        self._step("deactivate", self.on_deactivate)

    def cleanup(self) -> None:
        """Go from inactive to unconfigured.

        Raises:
            ComponentError: the step failed; the component is unconfigured even then.
        """
        self._require(State.INACTIVE)
        self.state = State.UNCONFIGURED
        self._step("cleanup", self.on_cleanup)

    def shutdown(self) -> None:
        """Go from any state to finalized, through the steps between.

        Raises:
            ComponentError: names every step that failed; the component is finalized even then.
        """
        failures = []
        for state, step in ((State.ACTIVE, self.deactivate), (State.INACTIVE, self.cleanup)):
            if self.state is state:
                try:
                    step()
                except ComponentError as failure:
                    failures.append(str(failure))
        self.state = State.FINALIZED
        if failures:
            raise ComponentError("; ".join(failures))

    def deliver(self, subscription: Subscription, data: cdr.Bytes) -> None:
        """Hand over the CDR bytes of a message. A component that is not active ignores it."""
        port = self.inputs[subscription.input]
        if self.state is not State.ACTIVE or not self._is_source(port, subscription):
            return
        self.traffic.received[port.name] += 1
        self.guard(port.name, lambda: self._handle(port, subscription, data))

    def guard(self, what: str, call: Callable[[], None]) -> None:
        """Do something on the component's behalf; an error is logged and reported, and the component lives on."""
        error = self._run(what, call)
        if isinstance(error, ConvoyError):
            self.log.error(f"{what}: {error}")

    def set_parameters(self, changes: Mapping[str, Any]) -> None:
        """Change parameters; a component that is not configured takes all, since it has yet to read them.

        Raises:
            ParameterError: a value is unknown or out of range; nothing has changed.
            ConvoyError: the component refuses them; nothing has changed.
        """
        new = parse(self.Parameters, self.name, {**self.parameters.model_dump(exclude_unset=True), **changes})
        if self.state is State.UNCONFIGURED:
            self.parameters = new
            return
        published = self._collect(lambda: self.on_parameters(new))
        self.parameters = new
        self._send(self._attached(), published)

    # Inside.

    def _handle(self, port: Input, subscription: Subscription, data: cdr.Bytes) -> None:
        message = cdr.deserialize(data, subscription.type_name)
        value = port.decode(message)
        if isinstance(port, ImageInput):
            self._image_sources[port.name] = (subscription.suffix, self.now())
        getattr(self, f"on_{port.name}")(value)
        if isinstance(port, ImageInput):
            self.traffic.ages_ns.append(self.now() - nanoseconds(message.header.stamp))

    def _is_source(self, port: Input, subscription: Subscription) -> bool:
        """Tell whether an image comes from where the input has its images from: raw or compressed."""
        if not isinstance(port, ImageInput) or port.name not in self._image_sources:
            return True
        source, heard = self._image_sources[port.name]
        return source == subscription.suffix or not 0 <= self.now() - heard < port.SWITCH_AFTER_NS

    def _step(self, what: str, call: Callable[[], None]) -> None:
        error = self._run(what, call)
        if error is not None:
            raise ComponentError(f"{self.name}: {what} failed: {_explain(error)}") from error

    def _run(self, what: str, call: Callable[[], None]) -> Exception | None:
        """Run a handler or step, then send what it published; of one that fails nothing but the failure is sent."""
        host, failure = self._attached(), None
        try:
            pending = self._collect(call)
        except Exception as error:
            failure = error
            self.failures += 1
            self._failing[what] = f"{what}: {_explain(error)}"
            pending = self._collect(self._report_errors)
            if not isinstance(error, ConvoyError):
                self.log.exception(self._failing[what])
        else:
            if self._failing.pop(what, None):
                pending += self._collect(lambda: self._report_errors(f"{what} works again"))
        self._send(host, pending)
        return failure

    def _collect(self, call: Callable[[], None]) -> list[tuple[Output, memoryview]]:
        """Run what may publish, and return what it published."""
        self._pending, self._heard = [], {}
        try:
            call()
            return self._pending
        finally:
            self._pending = None

    def _send(self, host: Host, messages: list[tuple[Output, memoryview]]) -> None:
        for output, data in messages:
            self.traffic.published[output.name] += 1
            host.publish(self, output, data)

    def _report_errors(self, otherwise: str = "") -> None:
        level = Level.ERROR if self._failing else Level.OK
        self.report(_ERRORS, level, "; ".join(self._failing.values()) or otherwise, failures=self.failures)

    def _every(self, period_ns: int, name: str, call: Callable[[], None]) -> None:
        self._cancels.append(self._attached().every(self, period_ns, lambda: self.guard(name, call)))

    def _publish_diagnostics(self) -> None:
        self._statuses["Frequency Status"] = Status(
            *self.traffic.status(DIAGNOSTICS_PERIOD_NS, [name for name, port in self.inputs.items() if port.latest])
        )
        self.traffic = Traffic()
        self._log_statuses()
        self._statuses["Parameters"] = Status(Level.OK, "", values(self.parameters))
        self.diagnostics.publish(diagnostics(self.name, self.now(), self._statuses))

    def _log_statuses(self) -> None:
        """Log of each status once that it stays bad, and once that it is good again."""
        for name, status in self._statuses.items():
            if name == _ERRORS:
                continue  # each was logged when it happened
            if status.level is Level.OK:
                if self._bad.pop(name, 0) >= LOGGED_AFTER:
                    self.log.info(f"{name}: {status.message}")
            else:
                self._bad[name] += 1
                if self._bad[name] == LOGGED_AFTER:
                    self.log.warning(f"{name}: {status.message}")

    def _attached(self) -> Host:
        if self._host is None:
            raise ComponentError(f"{self.name} is not attached to a host.")
        return self._host

    def _require(self, state: State) -> None:
        if self.state is not state:
            raise ComponentError(f"{self.name} is {self.state.value}, but this step needs it {state.value}.")


def _explain(error: Exception) -> str:
    return str(error) if isinstance(error, ConvoyError) else f"{type(error).__name__}: {error}"
