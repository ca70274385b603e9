"""The rclpy host: one component as a managed node, its messages passed through as bytes."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.exceptions import ParameterException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.lifecycle.managed_entity import ManagedEntity
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription as RosSubscription
from rosidl_runtime_py.utilities import get_message

from convoy.errors import ConvoyError
from convoy.graph import Component, Level, Output, QoS, State, Subscription
from convoy.graph.health import Status, diagnostics
from convoy.graph.live import LiveHost
from convoy.graph.parameters import check
from convoy.interfaces import cdr
from convoy.interfaces.messages import type_name
from convoy_ros import parameters, qos

T = TypeVar("T")
SUCCESS, FAILURE, ERROR = (
    TransitionCallbackReturn.SUCCESS,
    TransitionCallbackReturn.FAILURE,
    TransitionCallbackReturn.ERROR,
)


class RosHostError(ConvoyError):
    """A component cannot run on the ROS 2 installation that is there."""


class RosHost(ManagedEntity):
    """Carries one component through the life cycle of its node.

    The component is made when the node is first configured. It has publishers while the node is configured, and
    subscriptions while it is active, so that what is latched arrives anew with each activation.

    Args:
        node: has the component's name; becomes the host's.
        component_class: the component to run.

    Raises:
        ParameterError: a value that the node was started with is unknown or out of range.
        RosHostError: the message package of a port is not installed.
    """

    def __init__(self, node: LifecycleNode, component_class: type[Component]) -> None:
        super().__init__()
        self._node = node
        self._class = component_class
        self._live: LiveHost | None = None
        self._final = False
        parameters.declare(node, component_class.Parameters)
        self._publishers = {"diagnostics": self._create_publisher(component_class.diagnostics)}
        self._subscriptions: list[RosSubscription] = []
        node.add_on_set_parameters_callback(self._on_set_parameters)
        node.add_managed_entity(self)

    # The node's life cycle. rclpy drops what a callback raises, so each of them reports for itself.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._walk("configure", self._configure, FAILURE)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._walk("activate", self._activate, FAILURE)

    # A component has left its state even where the step failed: only ERROR lets the node say so.

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._walk("deactivate", self._deactivate, ERROR)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._walk("cleanup", self._cleanup, ERROR)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._final = True
        return self._walk("shutdown", self._shutdown, ERROR)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Bring the component to rest after a failed step: unconfigured, or finalized where it was to end."""
        if self._final or self._walk("error handling", self._cleanup, FAILURE) is not SUCCESS:
            return FAILURE
        return SUCCESS

    def close(self) -> None:
        """Shut the node down, unless it is already, and end the component's thread."""
        if not self._final:
            self._node.trigger_shutdown()
        if self._live is not None:
            self._live.stop()

    # The steps.

    def _configure(self) -> None:
        live = self._live or self._make_live()
        try:
            for port in self._class.outputs.values():
                if port.name not in self._publishers:
                    self._publishers[port.name] = self._create_publisher(port)
            live.call(live.component.configure)
        except Exception:
            self._destroy_publishers()
            raise

    def _activate(self) -> None:
        live = self._live
        assert live is not None  # made when the node was configured
        live.call(live.component.activate)
        try:
            for port in self._class.inputs.values():
                for subscription in port.subscriptions():
                    self._subscriptions.append(self._create_subscription(subscription, port.qos))
        except Exception:
            self._deactivate()
            raise

    def _deactivate(self) -> None:
        assert self._live is not None
        self._destroy_subscriptions()
        self._live.call(self._live.component.deactivate)

    def _cleanup(self) -> None:
        self._destroy_subscriptions()
        try:
            if self._live is not None and self._live.component.state is State.INACTIVE:
                self._live.call(self._live.component.cleanup)
        finally:
            self._destroy_publishers()

    def _shutdown(self) -> None:
        self._destroy_subscriptions()
        try:
            if self._live is not None:
                self._live.call(self._live.component.shutdown)
        finally:
            self._destroy_publishers()

    def _walk(
        self, step: str, function: Callable[[], None], on_failure: TransitionCallbackReturn
    ) -> TransitionCallbackReturn:
        try:
            function()
        except ConvoyError as error:
            self._report(Level.ERROR, str(error))
            return on_failure
        except Exception as error:
            self._report(Level.ERROR, f"{step} failed: {type(error).__name__}: {error}", traceback.format_exc())
            return on_failure
        self._report(Level.OK, f"{step}: done")
        return SUCCESS

    def _report(self, level: Level, message: str, detail: str = "") -> None:
        if level is Level.ERROR:
            self._node.get_logger().error(detail or message)
        else:
            self._node.get_logger().info(message)
        name, now = self._node.get_name(), self._node.get_clock().now().nanoseconds
        self._send(
            self._class.diagnostics, cdr.serialize(diagnostics(name, now, {"Life cycle": Status(level, message, {})}))
        )

    # The component's thread, its messages and its time.

    def _make_live(self) -> LiveHost:
        component = self._class(self._node.get_name(), parameters.values(self._node, self._class.Parameters))
        simulated = self._node.get_parameter("use_sim_time").value
        self._live = LiveHost(component, self._send, self._listens, simulated_time=simulated)
        if simulated:
            clock = self._node.get_clock()
            step = JumpThreshold(min_forward=Duration(nanoseconds=1), min_backward=Duration(nanoseconds=-1))
            set_time = self._live.set_time
            set_time(clock.now().nanoseconds)
            self._jumps = clock.create_jump_callback(step, post_callback=lambda _: set_time(clock.now().nanoseconds))
        self._live.start()
        return self._live

    def _send(self, output: Output, data: memoryview) -> None:
        self._publishers[output.name].publish(bytes(data))

    def _listens(self, output: Output) -> bool:
        return self._publishers[output.name].get_subscription_count() > 0

    def _create_publisher(self, port: Output) -> Publisher:
        topic, profile = self._node.resolve_topic_name(port.topic), qos.profile(port.qos)
        events = PublisherEventCallbacks(incompatible_qos=qos.warn_of_subscriptions(self._node, topic, profile))
        return self._create(
            self._node.create_publisher, topic, type_name(port.message), profile, event_callbacks=events
        )

    def _create_subscription(self, subscription: Subscription, wanted: QoS) -> RosSubscription:
        assert self._live is not None
        topic, profile = self._node.resolve_topic_name(subscription.topic) + subscription.suffix, qos.profile(wanted)
        events = SubscriptionEventCallbacks(incompatible_qos=qos.warn_of_publishers(self._node, topic, profile))
        return self._create(
            partial(self._node.create_subscription, callback=partial(self._live.put, subscription), raw=True),
            topic,
            subscription.type_name,
            profile,
            event_callbacks=events,
        )

    def _create(self, create: Callable[..., T], topic: str, type_: str, profile: QoSProfile, **options: Any) -> T:
        try:
            return create(
                msg_type=_message_class(type_),
                topic=topic,
                qos_profile=profile,
                qos_overriding_options=QoSOverridingOptions(qos.OVERRIDABLE),
                **options,
            )
        except (RuntimeError, ValueError, ParameterException) as error:  # such as an override that is no policy
            raise RosHostError(f"{topic}: {error}") from error

    def _destroy_subscriptions(self) -> None:
        while self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.pop())

    def _destroy_publishers(self) -> None:
        for name in self._publishers.keys() - {"diagnostics"}:
            self._node.destroy_publisher(self._publishers.pop(name))

    # Parameters.

    def _on_set_parameters(self, changed: list[Parameter]) -> SetParametersResult:
        """Ask the component, on its own thread, whether it takes new values."""
        try:
            self._change({parameter.name: parameter.value for parameter in changed})
        except ConvoyError as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:
            self._node.get_logger().error(traceback.format_exc())
            return SetParametersResult(successful=False, reason=f"{type(error).__name__}: {error}")
        return SetParametersResult(successful=True)

    def _change(self, changes: dict[str, Any]) -> None:
        live = self._live
        if live is not None and "use_sim_time" in changes:
            raise RosHostError("use_sim_time holds from the first configuration on: start the node with it.")
        own = {name: value for name, value in changes.items() if name in self._class.Parameters.model_fields}
        if live is None:
            model = self._class.Parameters
            check(model, self._node.get_name(), parameters.values(self._node, model) | own)
        elif own:
            live.call(lambda: live.component.set_parameters(own))


def _message_class(name: str) -> Any:
    try:
        return get_message(name)
    except (ModuleNotFoundError, AttributeError):
        package = name.partition("/")[0]
        raise RosHostError(
            f"Message type {name} is not installed; wanted the ROS package {package!r} "
            f"(Debian: ros-$ROS_DISTRO-{package.replace('_', '-')})."
        ) from None
