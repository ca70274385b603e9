"""Parameters are refused by name, with what was found and what was wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, model_validator

from convoy.graph import ComponentParameters, ParameterError
from convoy.graph.parameters import ParameterDescription, check, describe, parse, part


class Camera(ComponentParameters):
    device: Path = Field(description="the camera's device file")
    rate: float = Field(30.0, gt=0.0, le=120.0, description="Hz")
    skip: int = Field(0, ge=0, description="frames")
    colour: Literal["rgb", "bgr"] = Field("rgb", description="order of the channels")
    mirror: bool = Field(False, description="left to right")
    frame_id: str = Field("camera", description="frame of the images")
    gains: list[float] = Field([1.0, 1.0], description="per channel")
    calibration: Path | None = Field(None, description="file of camera_info")


def parsed(**values: Any) -> Camera:
    return parse(Camera, "front", {"device": "/dev/video0", **values})


def test_values_become_what_they_are_declared_as() -> None:
    camera = parsed(rate=15, gains=[1, 2.5], calibration="a.yaml")
    assert (camera.device, camera.rate, camera.gains) == (Path("/dev/video0"), 15.0, [1.0, 2.5])
    assert camera.calibration == Path("a.yaml")
    assert isinstance(camera.rate, float)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("rate", 0.0, "'rate' is 0.0, but input should be greater than 0"),
        ("rate", 121.0, "'rate' is 121.0, but input should be less than or equal to 120"),
        ("rate", float("nan"), "'rate' is nan, but input should be .*"),
        ("rate", "fast", "'rate' is 'fast', but its type must be double"),
        ("rate", "30", "'rate' is '30', but its type must be double"),
        ("rate", True, "'rate' is True, but its type must be double"),
        ("rate", None, "'rate' is None, but"),
        ("skip", -1, "'skip' is -1, but input should be greater than or equal to 0"),
        ("skip", 1.5, "'skip' is 1.5, but"),
        ("skip", False, "'skip' is False, but its type must be integer"),
        ("mirror", 1, "'mirror' is 1, but its type must be bool"),
        ("mirror", "yes", "'mirror' is 'yes', but its type must be bool"),
        ("colour", "hsv", "'colour' is 'hsv', but input should be 'rgb' or 'bgr'"),
        ("frame_id", 7, "'frame_id' is 7, but input should be a valid string"),
        ("gains", 1.0, "'gains' is 1.0, but input should be a valid list"),
        ("gains", ["a"], r"'gains\.0' is 'a', but"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_itself_and_what_is_wanted(name: str, value: Any, wanted: str) -> None:
    with pytest.raises(ParameterError, match=f"^front: parameter {wanted}"):
        parsed(**{name: value})


def test_an_unknown_parameter_is_refused_with_the_nearest_name_first() -> None:
    with pytest.raises(ParameterError, match=r"^front: there is no parameter 'frameid'; nearest first: frame_id, "):
        parsed(frameid="a")


def test_a_missing_parameter_is_refused_with_what_it_is() -> None:
    with pytest.raises(ParameterError, match=r"^front: parameter 'device' is missing; it is the camera's device file"):
        parse(Camera, "front", {})


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(ParameterError, match=r"'device' is missing.*'rate' is 0.*'skip' is -1"):
        parse(Camera, "front", {"rate": 0, "skip": -1})


def test_values_can_be_checked_before_all_are_there() -> None:
    check(Camera, "front", {"rate": 1.0})
    with pytest.raises(ParameterError, match="'rate' is 0"):
        check(Camera, "front", {"rate": 0})


def test_a_rule_for_several_parameters_speaks_for_itself() -> None:
    class Window(ComponentParameters):
        low: float = Field(0.0, description="m")
        high: float = Field(1.0, description="m")

        @model_validator(mode="after")
        def _ordered(self) -> Window:
            if self.low > self.high:
                raise ValueError(f"low is {self.low}, above high, which is {self.high}")
            return self

    with pytest.raises(ParameterError, match=r"^depth: low is 2.0, above high, which is 1.0.$"):
        parse(Window, "depth", {"low": 2.0})


def test_a_default_out_of_range_does_not_pass() -> None:
    class Odd(ComponentParameters):
        rate: float = Field(0.0, gt=0.0, description="Hz")

    with pytest.raises(ParameterError, match=r"'rate' is 0.0, but input should be greater than 0"):
        parse(Odd, "odd", {})


def test_descriptions_carry_ros_types_ranges_and_choices() -> None:
    described = {parameter.name: parameter for parameter in describe(Camera)}
    assert list(described) == list(Camera.model_fields)
    assert described["device"] == ParameterDescription("device", "string", True, None, "the camera's device file")
    assert described["rate"] == ParameterDescription("rate", "double", False, 30.0, "Hz", 0.0, 120.0)
    assert described["skip"] == ParameterDescription("skip", "integer", False, 0, "frames", 0)
    assert described["colour"].choices == ("rgb", "bgr")
    types = [described[name].type for name in ("mirror", "frame_id", "gains", "calibration")]
    assert types == ["bool", "string", "double_array", "string"]


@pytest.mark.parametrize("kind", [dict[str, float], bytes, Literal[1, 2], complex])
def test_a_type_that_ros_has_not_is_refused(kind: Any) -> None:
    class Odd(ComponentParameters):
        value: kind = Field(description="odd")

    with pytest.raises(ParameterError, match="No parameter can be a "):
        describe(Odd)


def test_what_the_host_obeys_is_kept_from_the_component() -> None:
    of_host = {"use_sim_time": True, "autostart": False, "qos_overrides./image.subscription.depth": 3}
    assert part({"speed": 1.0, **of_host}) == ({"speed": 1.0}, of_host)
