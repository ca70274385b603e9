"""A component: how it is declared, walked through its life, handed messages, and how it says that it fails."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tests.graph.components import SECOND, Echo, EchoError

from convoy.graph import (
    Component,
    ComponentError,
    ComponentParameters,
    Input,
    Level,
    Output,
    ParameterError,
    State,
    Timer,
)
from convoy.graph.bench import Bench
from convoy.interfaces import cdr
from convoy.interfaces.messages import Bool, String, make

TEXT = "std_msgs/msg/String"


@pytest.fixture
def echo() -> Bench:
    """An echo that is active."""
    bench = Bench(Echo())
    bench.component.configure()
    bench.component.activate()
    return bench


def heard(bench: Bench) -> list[str]:
    return [message.data for message in bench.results("echo")]


# Declaration.


def test_a_port_without_its_handler_is_refused_where_the_class_is_defined() -> None:
    with pytest.raises(ComponentError, match="Deaf declares 'text', but has no method on_text"):

        class Deaf(Component):
            text = Input("text", String)

    with pytest.raises(ComponentError, match="Lazy declares 'tick', but has no method on_tick"):

        class Lazy(Component):
            tick = Timer(1.0)


def test_a_handler_without_its_port_is_refused() -> None:
    with pytest.raises(ComponentError, match=r"Typo.on_txet belongs to no input, timer or step.*'text'"):

        class Typo(Component):
            text = Input("text", String)

            def on_text(self, message: Any) -> None: ...
            def on_txet(self, message: Any) -> None: ...


@pytest.mark.parametrize("name", ["log", "state", "publish", "configure", "parameters", "diagnostics", "now", "inputs"])
def test_a_port_does_not_take_the_name_of_what_a_component_has(name: str) -> None:
    with pytest.raises(ComponentError, match=f"no port may be named '{name}'"):
        type("Thief", (Component,), {name: Output("out", String)})


def test_a_parameter_without_description_is_refused() -> None:
    with pytest.raises(ComponentError, match="parameter 'rate' has no description"):

        class Mute(Component):
            class Parameters(ComponentParameters):
                rate: float = 1.0


@pytest.mark.parametrize("period_s", [0.0, -1.0, float("nan"), float("inf"), 1e-9])
def test_a_timer_needs_a_period(period_s: float) -> None:
    with pytest.raises(ValueError, match="at least a microsecond"):
        Timer(period_s)


def test_a_subclass_has_the_ports_of_its_base_and_its_own() -> None:
    class Louder(Echo):
        stop = Input("stop", Bool)

        def on_stop(self, message: Any) -> None: ...

    assert list(Louder.inputs) == ["text", "stop"]
    assert list(Echo.inputs) == ["text"]
    assert set(Louder.outputs) == {"diagnostics", "echo", "loudness"}


def test_parameters_are_checked_when_the_component_is_made() -> None:
    with pytest.raises(ParameterError, match="echo: parameter 'volume' is 12"):
        Echo("echo", {"volume": 12})


# Life cycle.


def test_the_steps_lead_through_the_states_and_back(echo: Bench) -> None:
    component = echo.component
    assert component.state is State.ACTIVE
    component.deactivate()
    assert component.state is State.INACTIVE
    component.cleanup()
    assert component.state is State.UNCONFIGURED
    component.configure()
    component.activate()
    component.shutdown()
    assert component.state is State.FINALIZED
    assert component.steps == ["configure", "activate", "deactivate", "cleanup"] * 2


def test_a_step_out_of_order_is_refused_with_both_states(echo: Bench) -> None:
    with pytest.raises(ComponentError, match="echo is active, but this step needs it unconfigured"):
        echo.component.configure()
    echo.component.shutdown()
    with pytest.raises(ComponentError, match="echo is finalized, but this step needs it active"):
        echo.component.deactivate()


def test_shutdown_is_taken_in_every_state_and_twice() -> None:
    for steps in ((), ("configure",), ("configure", "activate"), ("shutdown",)):
        bench = Bench(Echo())
        for step in (*steps, "shutdown"):
            getattr(bench.component, step)()
        assert bench.component.state is State.FINALIZED


def test_a_component_without_a_host_says_so() -> None:
    with pytest.raises(ComponentError, match="echo is not attached to a host"):
        Echo().configure()


def test_a_component_has_one_host(echo: Bench) -> None:
    with pytest.raises(ComponentError, match="already attached"):
        Bench(echo.component)


@pytest.mark.parametrize(
    ("step", "left_in", "steps"),
    [
        ("configure", State.UNCONFIGURED, ["configure", "cleanup"]),
        ("activate", State.INACTIVE, ["configure", "activate"]),
        ("deactivate", State.INACTIVE, ["configure", "activate", "deactivate"]),
        ("cleanup", State.UNCONFIGURED, ["configure", "activate", "deactivate", "cleanup"]),
    ],
)
@pytest.mark.parametrize("error", [EchoError("no voice"), KeyError("voice")])
def test_a_failing_step_is_named_reported_and_leaves_a_known_state(
    step: str, left_in: State, steps: list[str], error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(Echo())
    component = bench.component
    component.fails[step] = error
    explained = "no voice" if isinstance(error, EchoError) else "KeyError: 'voice'"
    walk = ["configure", "activate", "deactivate", "cleanup"]
    for name in walk[: walk.index(step)]:
        getattr(component, name)()
    with pytest.raises(ComponentError, match=f"^echo: {step} failed: {explained}$"):
        getattr(component, step)()
    assert component.state is left_in
    assert component.steps == steps
    assert bench.reported("Errors", Level.ERROR) == [f"{step}: {explained}"]
    assert ("Traceback" in caplog.text) == isinstance(error, KeyError)


def test_a_failed_step_may_be_tried_again(echo: Bench) -> None:
    component = echo.component
    component.deactivate()
    component.fails["activate"] = EchoError("no voice")
    with pytest.raises(ComponentError):
        component.activate()
    echo.deliver("text", make(String, data="a"))
    assert not heard(echo)
    component.fails.clear()
    component.activate()
    echo.deliver("text", make(String, data="b"))
    assert heard(echo) == ["b"]
    assert echo.reported("Errors") == ["activate: no voice", "activate works again"]


def test_a_failing_cleanup_does_not_hide_why_configuring_failed(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(Echo())
    bench.component.fails |= {"configure": EchoError("no voice"), "cleanup": EchoError("no broom")}
    with pytest.raises(ComponentError, match="configure failed: no voice"):
        bench.component.configure()
    assert caplog.messages == ["cleanup: no broom"]


def test_shutdown_goes_on_after_a_failing_step_and_names_them_all(echo: Bench) -> None:
    echo.component.fails |= {"deactivate": EchoError("stuck"), "cleanup": EchoError("no broom")}
    with pytest.raises(ComponentError, match=r"deactivate failed: stuck; .*cleanup failed: no broom"):
        echo.component.shutdown()
    assert echo.component.state is State.FINALIZED


# Messages.


def test_a_handler_gets_the_message_and_its_results_leave_in_order(echo: Bench) -> None:
    echo.deliver("text", make(String, data="hello"))
    assert [sent.output for sent in echo.sent] == ["echo", "loudness"]
    assert heard(echo) == ["hello"]


@pytest.mark.parametrize("steps", [(), ("configure",), ("configure", "activate", "deactivate"), ("shutdown",)])
def test_messages_and_timers_are_ignored_while_inactive(steps: tuple[str, ...]) -> None:
    bench = Bench(Echo())
    for step in steps:
        getattr(bench.component, step)()
    bench.component.steps.clear()
    bench.deliver("text", make(String))
    bench.pass_time(3 * SECOND)
    assert bench.component.steps == []
    assert bench.sent == []


def test_nothing_is_published_of_a_handler_that_fails(echo: Bench, caplog: pytest.LogCaptureFixture) -> None:
    echo.component.fails["text"] = EchoError("sore throat")
    echo.deliver("text", make(String, data="hello"))
    assert echo.results() == []
    assert echo.component.failures == 1
    assert caplog.messages == ["text: sore throat"]
    assert echo.reported("Errors", Level.ERROR) == ["text: sore throat"]


def test_a_fault_in_the_program_is_logged_with_its_traceback(echo: Bench, caplog: pytest.LogCaptureFixture) -> None:
    echo.component.fails["text"] = ZeroDivisionError("by nought")
    echo.deliver("text", make(String))
    assert "Traceback" in caplog.text
    assert echo.reported("Errors", Level.ERROR) == ["text: ZeroDivisionError: by nought"]


def test_a_component_lives_on_after_a_failure_and_says_when_all_works_again(echo: Bench) -> None:
    component = echo.component
    component.fails |= {"text": EchoError("sore throat"), "tick": EchoError("lost count")}
    echo.deliver("text", make(String))
    echo.pass_time(SECOND // 4)
    del component.fails["text"]
    echo.deliver("text", make(String, data="better"))
    assert heard(echo) == ["better"]
    assert echo.reported("Errors", Level.OK) == []
    del component.fails["tick"]
    echo.pass_time(SECOND // 4)
    assert echo.reported("Errors", Level.OK) == ["tick works again"]


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x00\x00", b"\x00\x01\x00\x00\xff\xff\xff\xffx", b"\xff" * 40])
def test_bytes_that_are_no_message_are_reported_and_not_handled(echo: Bench, data: bytes) -> None:
    echo.component.deliver(echo.component.inputs["text"].subscriptions()[0], data)
    assert "text" not in echo.component.steps
    assert f"{len(data)} bytes are not a {TEXT}" in echo.reported("Errors", Level.ERROR)[0]


def test_a_message_is_written_when_it_is_published(echo: Bench) -> None:
    class Reuser(Echo):
        def on_text(self, message: Any) -> None:
            for number in "123":
                message.data = number
                self.echo.publish(message)

    bench = Bench(Reuser())
    bench.component.configure()
    bench.component.activate()
    bench.deliver("text", make(String))
    assert heard(bench) == ["1", "2", "3"]


def test_a_message_that_cannot_be_written_takes_the_others_of_its_handler_along() -> None:
    class Slipping(Echo):
        def on_text(self, message: Any) -> None:
            self.echo.publish(make(String, data="fine"))
            self.loudness.publish(make(String, data=11))

    bench = Bench(Slipping())
    bench.component.configure()
    bench.component.activate()
    bench.deliver("text", make(String))
    assert bench.results() == []
    assert "std_msgs/msg/String cannot be written" in bench.reported("Errors", Level.ERROR)[0]


def test_an_output_takes_messages_of_its_type_and_within_a_handler_only(echo: Bench) -> None:
    with pytest.raises(ComponentError, match="'echo' takes std_msgs/msg/String, not std_msgs/msg/Bool"):
        echo.component.echo.publish(make(Bool))
    with pytest.raises(ComponentError, match="'echo' published outside of a handler"):
        echo.component.echo.publish(make(String))


# Timers.


def test_a_timer_keeps_its_grid(echo: Bench) -> None:
    echo.pass_time(SECOND * 2)
    assert echo.component.ticks == [SECOND // 4 * number for number in range(1, 9)]


def test_timers_end_with_deactivation_and_start_anew(echo: Bench) -> None:
    echo.pass_time(SECOND // 3)
    echo.component.deactivate()
    echo.pass_time(SECOND)
    echo.component.activate()
    echo.pass_time(SECOND // 4)
    assert echo.component.ticks == [SECOND // 4, SECOND // 3 + SECOND + SECOND // 4]


# What is wanted.


def test_whether_anybody_listens_stays_the_same_within_one_handler() -> None:
    class Careful(Echo):
        def on_text(self, message: Any) -> None:
            self.told = [self.echo.wanted]
            bench.unheard ^= {"echo"}
            self.told.append(self.echo.wanted)

    bench = Bench(Careful())
    bench.component.configure()
    bench.component.activate()
    for wanted in (True, False):
        bench.deliver("text", make(String))
        assert bench.component.told == [wanted, wanted]
    assert bench.component.echo.wanted, "outside of handlers it is asked anew"


# Parameters that change.


def test_changed_parameters_hold_from_the_next_message_on(echo: Bench) -> None:
    echo.component.set_parameters({"prefix": "> "})
    echo.deliver("text", make(String, data="a"))
    assert heard(echo) == ["> a"]


def test_a_refused_change_changes_nothing(echo: Bench) -> None:
    echo.component.set_parameters({"volume": 3})
    with pytest.raises(ParameterError, match="'volume' is 12"):
        echo.component.set_parameters({"prefix": "> ", "volume": 12})
    with pytest.raises(EchoError, match="11 hurts"):
        echo.component.set_parameters({"prefix": "> ", "volume": 11})
    assert (echo.component.parameters.prefix, echo.component.parameters.volume) == ("", 3)


def test_what_a_change_publishes_leaves_unless_it_is_refused() -> None:
    class Loud(Echo):
        def on_parameters(self, parameters: Any) -> None:
            self.loudness.publish(make(String, data="!" * parameters.volume))
            super().on_parameters(parameters)

    bench = Bench(Loud())
    bench.component.configure()
    bench.component.set_parameters({"volume": 3})
    with pytest.raises(EchoError, match="11 hurts"):
        bench.component.set_parameters({"volume": 11})
    assert [message.data for message in bench.results("loudness")] == ["!!!"]
    assert bench.component.failures == 0


def test_before_it_is_configured_a_component_takes_any_valid_parameters() -> None:
    component = Echo()
    component.set_parameters({"volume": 11})
    assert component.parameters.volume == 11


def test_the_log_bears_the_components_name(echo: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "convoy.echo")
    echo.component.log.info("ready")
    assert [record.name for record in caplog.records] == ["convoy.echo"]


def test_what_was_published_reads_back_from_its_bytes(echo: Bench) -> None:
    echo.deliver("text", make(String, data="hello"))
    assert cdr.deserialize(echo.sent[0].data, TEXT).data == "hello"
