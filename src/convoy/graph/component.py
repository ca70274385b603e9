"""The component: ports and parameters as data, handlers for messages and timers, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ClassVar

from convoy import tracing
from convoy.errors import ConvoyError
from convoy.graph.health import Level, Status, Traffic, diagnostics
from convoy.graph.host import Cancel, Host
from convoy.graph.log import Log
from convoy.graph.parameters import ComponentParameters, parse
from convoy.graph.ports import ImageInput, Input, Output, Subscription, Timer
from convoy.interfaces import cdr
from convoy.interfaces.messages import DiagnosticArray, Message, nanoseconds, type_name

DIAGNOSTICS_PERIOD_NS = 1_000_000_000


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
    ``on_parameters``. What a handler publishes leaves only when the handler has returned without an error.

    Args:
        name: the node's name.
        parameters: values by name, checked against ``Parameters``.

    Raises:
        ParameterError: a value is missing, unknown or out of range.
    """

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
        for name in (*cls.inputs, *cls.timers):
            if not callable(getattr(cls, f"on_{name}", None)):
                raise ComponentError(f"{cls.__name__} declares {name!r}, but has no method on_{name}.")
        known = {*cls.inputs, *cls.timers, "configure", "activate", "deactivate", "cleanup", "parameters"}
        for name in vars(cls):
            if name.startswith("on_") and name.removeprefix("on_") not in known:
                raise ComponentError(
                    f"{cls.__name__}.{name} belongs to no input, timer or step; ports: {sorted(known)}."
                )
        for name, field in cls.Parameters.model_fields.items():
            if not field.description:
                raise ComponentError(f"{cls.__name__}: parameter {name!r} has no description.")

    def __init__(self, name: str, parameters: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.parameters: Any = parse(self.Parameters, name, parameters or {})
        self.state = State.UNCONFIGURED
        self.failures = 0
        self.traffic = Traffic()
        self.log = Log(logging.getLogger(f"convoy.{name}"), self._log_time)
        self._host: Host | None = None
        self._pending: list[tuple[Output, Message]] | None = None
        self._statuses: dict[str, Status] = {}
        self._cancels: dict[str, Cancel] = {}
        self._image_sources: dict[str, tuple[str, int]] = {}
        self._failing: set[str] = set()

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
        self._pending.append((output, message))

    def report(self, status: str, level: Level, message: str, **values: object) -> None:
        """Set one of the component's diagnostics; it is published every second, and at once when its level changes."""
        old = self._statuses.get(status)
        self._statuses[status] = new = Status(level, message, {key: str(value) for key, value in values.items()})
        if (old is None or old.level != level) and self._pending is not None:
            self._pending.append((type(self).diagnostics, diagnostics(self.name, self.now(), {status: new})))

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
        try:
            self._step("configure", self.on_configure)
        except ComponentError:
            self._step("cleanup", self.on_cleanup)
            raise
        self.state = State.INACTIVE

    def activate(self) -> None:
        """Go from inactive to active: messages are handled and timers run.

        Raises:
            ComponentError: the step failed; the component is inactive.
        """
        self._require(State.INACTIVE)
        self._step("activate", self.on_activate)
        self.state = State.ACTIVE
        for name, timer in self.timers.items():
            self._schedule(name, timer.period_ns, getattr(self, f"on_{name}"))
        self._schedule("diagnostics", DIAGNOSTICS_PERIOD_NS, self._publish_diagnostics)

    def deactivate(self) -> None:
        """Go from active to inactive.

        Raises:
            ComponentError: the step failed; the component is inactive even then.
        """
        self._require(State.ACTIVE)
        self.state = State.INACTIVE
        for cancel in self._cancels.values():
            cancel()
        self._cancels.clear()
        self._step("deactivate", self.on_deactivate)

    def cleanup(self) -> None:
        """Go from inactive to unconfigured.

        Raises:
            ComponentError: the step failed; the component is unconfigured even then.
        """
        self._require(State.INACTIVE)
        self.state = State.UNCONFIGURED
        self._image_sources.clear()
        self._statuses.clear()
        self._step("cleanup", self.on_cleanup)

    def shutdown(self) -> None:
        """Go from any state to finalized, through the steps between."""
        try:
            if self.state is State.ACTIVE:
                self.deactivate()
        finally:
            try:
                if self.state is State.INACTIVE:
                    self.cleanup()
            finally:
                self.state = State.FINALIZED

    def deliver(self, subscription: Subscription, data: cdr.Bytes) -> None:
        """Hand over the CDR bytes of a message. An inactive component ignores it."""
        if self.state is not State.ACTIVE:
            return
        port = self.inputs[subscription.input]
        if isinstance(port, ImageInput) and not self._is_source(port, subscription):
            return
        self.traffic.received[port.name] += 1
        self._guard(port.name, lambda: self._handle(port, subscription, data))

    def set_parameters(self, changes: Mapping[str, Any]) -> None:
        """Change parameters while running.

        Raises:
            ParameterError: a value is unknown or out of range; nothing has changed.
            ConvoyError: the component refuses them; nothing has changed.
        """
        new = parse(self.Parameters, self.name, {**self.parameters.model_dump(exclude_unset=True), **changes})
        self.on_parameters(new)
        self.parameters = new

    # Inside.

    def _handle(self, port: Input, subscription: Subscription, data: cdr.Bytes) -> None:
        with tracing.stage("decode"):
            message = cdr.deserialize(data, subscription.type_name)
            value = port.decode(message)
        getattr(self, f"on_{port.name}")(value)
        if isinstance(port, ImageInput):
            self.traffic.ages_ns.append(self.now() - nanoseconds(message.header.stamp))

    def _is_source(self, port: ImageInput, subscription: Subscription) -> bool:
        now = self.now()
        source, heard = self._image_sources.get(port.name, (subscription.suffix, now))
        if source != subscription.suffix and 0 <= now - heard < port.SWITCH_AFTER_NS:
            return False
        self._image_sources[port.name] = (subscription.suffix, now)
        return True

    def _guard(self, what: str, call: Callable[[], None]) -> None:
        """Run a handler; an error is reported, what it had published is dropped, and the component lives on."""
        try:
            self._collect(call)
        except Exception as error:
            self.failures += 1
            self._failing.add(what)
            if isinstance(error, ConvoyError):
                self.log.error(f"{what}: {error}")
            else:
                self.log.exception(f"{what}: {type(error).__name__}: {error}")
            message = f"{what}: {error}"
            self._collect(lambda: self.report("Errors", Level.ERROR, message, failures=self.failures))
        else:
            if what in self._failing:
                self._failing.discard(what)
                self._collect(lambda: self.report("Errors", Level.OK, f"{what} works again", failures=self.failures))

    def _step(self, what: str, call: Callable[[], None]) -> None:
        self._attached()
        try:
            self._collect(call)
        except ConvoyError as error:
            raise ComponentError(f"{self.name}: {what} failed: {error}") from error
        except Exception as error:
            self.log.exception(f"{what} failed: {type(error).__name__}: {error}")
            raise ComponentError(f"{self.name}: {what} failed: {type(error).__name__}: {error}") from error

    def _collect(self, call: Callable[[], None]) -> None:
        self._pending = []
        try:
            call()
            published = self._pending
        finally:
            self._pending = None
        if published:
            with tracing.stage("publish"):
                for output, message in published:
                    self.traffic.published[output.name] += 1
                    self._attached().publish(self, output, message)

    def _schedule(self, name: str, period_ns: int, call: Callable[[], None], late_ns: int = 0) -> None:
        def tick(late_ns: int) -> None:
            self._schedule(name, period_ns, call, late_ns)
            self._guard(name, call)

        self._cancels[name] = self._attached().after(self, period_ns - late_ns % period_ns, tick)

    def _publish_diagnostics(self) -> None:
        self._statuses["Frequency Status"] = Status(
            *self.traffic.status(DIAGNOSTICS_PERIOD_NS, [name for name, port in self.inputs.items() if port.latest])
        )
        self.traffic = Traffic()
        self.diagnostics.publish(diagnostics(self.name, self.now(), self._statuses))

    def _attached(self) -> Host:
        if self._host is None:
            raise ComponentError(f"{self.name} is not attached to a host.")
        return self._host

    def _require(self, state: State) -> None:
        if self.state is not state:
            raise ComponentError(f"{self.name} is {self.state.value}, but this step needs it {state.value}.")

    def _log_time(self) -> int:
        return self._host.now() if self._host else 0
