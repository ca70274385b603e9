"""The contract passes a sound component, and names what is wrong with a faulty one."""

from __future__ import annotations

import itertools
import time as wall
from typing import Any

import pytest
from pydantic import ConfigDict, Field

from convoy.graph import (
    Component,
    ComponentError,
    ComponentParameters,
    ImageInput,
    Input,
    Output,
    State,
    Timer,
    check_component,
)
from convoy.interfaces import cdr
from convoy.interfaces.images import CameraImage
from convoy.interfaces.messages import Bool, Header, String, make, nanoseconds, time


class Sound(Component):
    """Says when it saw an image, and once per second how many it saw."""

    class Parameters(ComponentParameters):
        rate: float = Field(0.0, ge=0.0, le=100.0, description="Hz; 0 is every frame")
        name: str = Field(description="who it is")

    image = ImageInput("image")
    enable = Input("enable", Bool)
    seen = Output("seen", Header)
    count = Output("~/count", String)
    tick = Timer(1.0)

    def on_activate(self) -> None:
        self.frames = 0

    def on_image(self, image: CameraImage) -> None:
        self.frames += 1
        self.seen.publish(image.header)

    def on_enable(self, message: Any) -> None: ...

    def on_tick(self) -> None:
        self.count.publish(make(String, data=f"{self.parameters.name}: {self.frames}"))


def violations(component_class: type[Component], **examples: Any) -> list[str]:
    with pytest.raises(ComponentError) as caught:
        check_component(component_class, {"name": "test"}, examples)
    first, *lines = str(caught.value).splitlines()
    assert first == f"{component_class.__name__} breaks the contract:"
    return [line.strip() for line in lines]


def test_a_sound_component_passes() -> None:
    check_component(Sound, {"name": "test"})


def test_it_is_checked_with_the_examples_given() -> None:
    class Choosy(Sound):
        def on_enable(self, message: Any) -> None:
            if not message.data:
                raise ComponentError("never let go")

    check_component(Choosy, {"name": "test"}, {"enable": [make(Bool, data=True)]})
    (violation, *_) = violations(Choosy)
    assert violation == "in its first life cycle it fails with good messages: enable: never let go"


def test_examples_of_another_type_are_refused() -> None:
    assert "life cycle: LookupError: input 'enable' takes no std_msgs/msg/String" in violations(
        Sound, enable=[make(String)]
    )


def test_all_violations_are_listed() -> None:
    class Worse(Sound):
        seen = Output("/seen", Header)

        def on_deactivate(self) -> None:
            raise ComponentError("stuck")

    lines = violations(Worse)
    assert lines[0] == "topic '/seen' of 'seen' is absolute; wanted one that a namespace can move"
    assert "life cycle: checked: deactivate failed: stuck" in lines


@pytest.mark.parametrize("step", ["configure", "activate", "deactivate", "cleanup"])
def test_a_step_that_fails(step: str) -> None:
    def fail(self: Component) -> None:
        raise ComponentError("on purpose")

    faulty = type("Faulty", (Sound,), {f"on_{step}": fail})
    assert f"life cycle: checked: {step} failed: on purpose" in violations(faulty)


@pytest.mark.parametrize("step", ["configure", "activate", "deactivate", "cleanup"])
def test_a_step_that_fails_the_second_time(step: str) -> None:
    class Wearing(Sound):
        times = 0

    def wear(self: Wearing) -> None:
        self.times += 1
        if self.times > 1:
            raise ComponentError("worn out")
        getattr(Sound, f"on_{step}")(self)

    faulty = type("Faulty", (Wearing,), {f"on_{step}": wear})
    assert f"life cycle: checked: {step} failed: worn out" in violations(faulty)


@pytest.mark.parametrize("step", ["configure", "activate", "deactivate", "cleanup"])
def test_a_step_taken_out_of_order(step: str) -> None:
    after = {
        "configure": State.INACTIVE,
        "activate": State.ACTIVE,
        "deactivate": State.INACTIVE,
        "cleanup": State.UNCONFIGURED,
    }

    def jump(self: Component) -> None:
        self.state = after[step]

    faulty = type("Faulty", (Sound,), {step: jump})
    assert any(line.startswith(f"'{step}' is not refused before ") for line in violations(faulty))


def test_a_component_that_does_not_end() -> None:
    class Undead(Sound):
        def shutdown(self) -> None: ...

    assert "after 'shutdown' it is unconfigured, not finalized" in violations(Undead)


def test_an_invalid_topic() -> None:
    class Misnamed(Sound):
        seen = Output("what i saw", Header)

    assert violations(Misnamed)[0].startswith("topics: Topic name 'what i saw': wanted")


def test_parameters_that_keep_to_no_bounds() -> None:
    class Lax(Sound):
        class Parameters(Sound.Parameters):
            model_config = ConfigDict(extra="allow", validate_default=False)

            @classmethod
            def model_validate(cls, values: Any, **_: Any) -> Any:
                return cls.model_construct(**values)

    assert violations(Lax)[:3] == [
        "parameter 'no_such_parameter' takes 0, which is not in its description",
        "parameter 'rate' takes -1.0, which is not in its description",
        "parameter 'rate' takes 101.0, which is not in its description",
    ]


def test_parameters_that_are_taken_over_although_refused() -> None:
    class Hasty(Sound):
        def set_parameters(self, changes: Any) -> None:
            self.parameters = self.parameters.model_copy(update=changes)
            super().set_parameters(changes)

    assert "parameter 'rate' refuses 101.0, but takes it over" in violations(Hasty)


@pytest.mark.parametrize("state", [State.UNCONFIGURED, State.INACTIVE])
def test_a_component_that_works_while_it_is_not_active(state: State) -> None:
    class Eager(Sound):
        def deliver(self, subscription: Any, data: Any) -> None:
            if self.state is state and subscription.input == "enable":
                self.guard("enable", lambda: self.seen.publish(make(Header)))
            super().deliver(subscription, data)

    assert f"it publishes on 'seen' while it is {state.value}" in violations(Eager)


def test_a_timer_that_outlives_deactivation() -> None:
    class Ticking(Sound):
        def deactivate(self) -> None:
            self._cancels.pop(0)
            super().deactivate()

    assert "it publishes on 'count' while it is inactive" in violations(Ticking)


def test_a_second_life_that_remembers_the_first() -> None:
    class Tired(Sound):
        total = 0

        def on_image(self, image: CameraImage) -> None:
            self.total += 1
            if self.total <= 4:
                super().on_image(image)

    assert any(line.startswith("its second life cycle is not as its first: ") for line in violations(Tired))


def test_results_that_depend_on_more_than_the_input() -> None:
    numbers = itertools.count()

    class Numbered(Sound):
        def on_image(self, image: CameraImage) -> None:
            self.seen.publish(make(Header, stamp=image.header.stamp, frame_id=f"{next(numbers) % 1000:03}"))

    assert any(line.startswith("the same input does not give the same bytes: ") for line in violations(Numbered))


def test_stamps_from_the_wall() -> None:
    class Stamping(Sound):
        def on_image(self, image: CameraImage) -> None:
            self.seen.publish(make(Header, stamp=time(wall.time_ns())))

    assert any(line.startswith("the same input does not give the same bytes: ") for line in violations(Stamping))


def test_patience_by_the_clock_of_the_wall() -> None:
    class Impatient(Sound):
        def on_image(self, image: CameraImage) -> None:
            if wall.time_ns() - nanoseconds(image.header.stamp) < 60_000_000_000:
                super().on_image(image)

    assert any(line.startswith("it behaves otherwise when its clock shows") for line in violations(Impatient))


def test_damage_that_is_passed_over_in_silence() -> None:
    class Silent(Sound):
        def report(self, status: str, *values: Any, **further: Any) -> None:
            if status != "Errors":
                super().report(status, *values, **further)

    lines = violations(Silent)
    assert "half a message on 'image' (sensor_msgs/msg/Image): not reported on /diagnostics" in lines
    assert "zeros on 'image' (sensor_msgs/msg/CompressedImage): not reported on /diagnostics" in lines
    assert "nothing on 'enable' (std_msgs/msg/Bool): not reported on /diagnostics" in lines


def test_damage_that_leads_to_a_result() -> None:
    class Guessing(Sound):
        def deliver(self, subscription: Any, data: Any) -> None:
            super().deliver(subscription, data)
            if self.failures and self.state is State.ACTIVE:
                self.guard("guess", lambda: self.seen.publish(make(Header)))

    assert "noise on 'enable' (std_msgs/msg/Bool): a result is published" in violations(Guessing)


def test_damage_that_outlasts_the_message() -> None:
    class Sulking(Sound):
        def on_image(self, image: CameraImage) -> None:
            if self.failures:
                raise ComponentError("offended")
            super().on_image(image)

    assert "nothing on 'image' (sensor_msgs/msg/Image): the good message after it fails" in violations(Sulking)


def test_a_component_that_dies_of_damage() -> None:
    class Mortal(Sound):
        def deliver(self, subscription: Any, data: Any) -> None:
            cdr.deserialize(data, subscription.type_name)
            super().deliver(subscription, data)

    assert any(line.startswith("damage: 0 bytes are not a sensor_msgs/msg/Image") for line in violations(Mortal))
