"""The simulator as a component: what it publishes, what it does with commands, and that it keeps to the contract."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from convoy.graph import ComponentError, Level, ParameterError, check_component
from convoy.graph.bench import Bench
from convoy.interfaces.images import decode
from convoy.interfaces.messages import NANOSECONDS, AckermannDrive, AckermannDriveStamped, make, nanoseconds
from convoy_sim import expert
from convoy_sim.errors import SimulationError
from convoy_sim.radar import look_ahead
from convoy_sim.simulator import Simulator
from convoy_sim.traffic import Density
from convoy_sim.world import STALL_S, STEP_S, World

STEP_NS = round(STEP_S * NANOSECONDS)
START = 5 * NANOSECONDS
BLIND: dict[str, Any] = {"town": 3, "image": False, "radar": False, "cars": 3, "people": 3}
ALL = BLIND | {
    "image": True,
    "radar": True,
    "depth": True,
    "masks": True,
    "detections": True,
    "clock": True,
    "baseline": 0.3,
}


def active(parameters: dict[str, Any]) -> Bench:
    bench = Bench(Simulator("simulator", parameters), START)
    bench.component.configure()
    bench.component.activate()
    return bench


def command(angle: float, speed: float) -> Any:
    return make(AckermannDriveStamped, drive=make(AckermannDrive, steering_angle=angle, speed=speed))


def drive(bench: Bench, seconds: float, angle: float, speed: float) -> None:
    for _ in range(round(seconds / STEP_S)):
        bench.deliver("drive", command(angle, speed))
        bench.pass_time(STEP_NS)


def by_expert(bench: Bench, seconds: float) -> None:
    """Drive as the expert says on its topic, one step behind it as every driver is."""
    for _ in range(round(seconds / STEP_S)):
        bench.pass_time(STEP_NS)
        bench.deliver("drive", bench.results("expert")[-1])
        bench.sent.clear()


def speed(bench: Bench) -> float:
    return bench.component.world.state.speed


def test_it_keeps_to_the_contract() -> None:
    check_component(Simulator, BLIND, {"drive": [command(0.1, 5.0), command(-0.1, 6.0)]})


def test_what_is_switched_off_is_neither_rendered_nor_published() -> None:
    bench = active(BLIND)
    drive(bench, 1.0, 0.0, 3.0)
    assert bench.component.rig is None
    sent = {sent.output for sent in bench.sent}
    latched = {"labels", "tf_static", "route"}
    assert sent == latched | {"odom", "tf", "true_pose", "route_pose", "expert", "diagnostics"}


@pytest.fixture(scope="module")
def everything(opengl: None) -> Bench:
    bench = active(ALL)
    drive(bench, 3 * STEP_S, 0.0, 3.0)
    bench.component.deactivate()
    return bench


def test_all_sensors_show_one_instant(everything: Bench) -> None:
    pictures = ("image", "depth", "segmentation", "instances", "right_image")
    for output in (*pictures, "camera_info", "depth_info", "detections", "odom", "true_pose", "expert", "right_info"):
        stamps = [nanoseconds(message.header.stamp) for message in everything.results(output)]
        assert stamps == [START + k * STEP_NS for k in (1, 2, 3)], output
    assert [nanoseconds(clock.clock) for clock in everything.results("clock")] == stamps
    for output in pictures:
        picture = decode(everything.results(output)[-1])
        assert (picture.width, picture.height) == (320, 160), output


def test_boxes_are_those_of_the_instance_mask(everything: Bench) -> None:
    for mask, boxes, classes in zip(
        *(everything.results(output) for output in ("instances", "detections", "segmentation")), strict=True
    ):
        numbers, labels = decode(mask).pixels, decode(classes).pixels
        assert {int(box.id) for box in boxes.detections} == set(np.unique(numbers)) - {0}
        names = {entry.class_id: entry.class_name for entry in everything.results("labels")[0].class_map}
        for box in boxes.detections:
            rows, columns = np.nonzero(numbers == int(box.id))
            assert box.bbox.size_x == np.ptp(columns) + 1
            assert box.bbox.center.position.y == (rows.min() + rows.max() + 1) / 2
            assert box.results[0].hypothesis.class_id == names[int(labels[rows[0], columns[0]])]


def test_frames_lead_from_the_map_to_the_camera(everything: Bench) -> None:
    to_odom, to_base = everything.results("tf")[-1].transforms
    (to_camera, to_right, to_radar) = everything.results("tf_static")[0].transforms
    assert (to_radar.header.frame_id, to_radar.child_frame_id) == ("base_link", "front_radar")
    assert (to_radar.transform.translation.x, to_radar.transform.rotation.w) == pytest.approx((3.4, 1.0))
    chain = [(t.header.frame_id, t.child_frame_id) for t in (to_odom, to_base, to_camera)]
    assert chain == [("map", "odom"), ("odom", "base_link"), ("base_link", "camera_optical")]
    seen = matrix(to_odom.transform) @ matrix(to_base.transform) @ matrix(to_camera.transform)
    assert seen == pytest.approx(everything.component.rig.render().camera_pose, abs=1e-9)
    side = matrix(to_camera.transform)[:3, :3].T @ (matrix(to_right.transform) - matrix(to_camera.transform))[:3, 3]
    assert side == pytest.approx([0.3, 0, 0], abs=1e-9)
    assert everything.results("right_info")[0].p[3] == pytest.approx(-0.3 * everything.results("right_info")[0].k[0])


def matrix(transform: Any) -> np.ndarray:
    t, q = transform.translation, transform.rotation
    x, y, z, w = q.x, q.y, q.z, q.w
    return np.array(
        [
            (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w), t.x),
            (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w), t.y),
            (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y), t.z),
            (0, 0, 0, 1),
        ]
    )


@pytest.mark.parametrize(
    ("transport", "camera", "distortion"), [("png", "pinhole", "plumb_bob"), ("jpeg", "fisheye", "equidistant")]
)
def test_images_can_be_compressed_and_be_a_fisheyes(opengl: None, transport: str, camera: str, distortion: str) -> None:
    options = {"image": True, "transport": transport, "camera": camera, "horizontal_fov": 2.6, "mounting_error": 0.02}
    bench = active(BLIND | options | {"weather": "rain"})
    bench.pass_time(STEP_NS)
    (compressed,) = bench.results("image_compressed")
    assert bench.results("image") == []
    assert (compressed.format, decode(compressed).encoding) == (f"rgb8; {transport} compressed bgr8", "rgb8")
    assert bench.results("camera_info")[0].distortion_model == distortion
    bench.component.shutdown()


def test_two_runs_give_the_same_bytes_also_after_a_deactivation(opengl: None) -> None:
    bench = active(BLIND | {"image": True, "weather": "rain", "noise": 3.0, "odometry_noise": 0.05})
    courses = []
    for _ in range(2):
        drive(bench, 0.3, 0.02, 5.0)
        bench.component.deactivate()
        courses.append([sent.data for sent in bench.sent if sent.output in ("image", "odom")])
        bench.sent.clear()
        bench.jump(START)
        bench.component.activate()
    assert len(courses[0]) == 12
    assert courses[0] == courses[1]
    bench.component.shutdown()


def test_the_expert_drives_over_its_topic_as_well_as_with_its_hands_on_the_wheel() -> None:
    bench, world = active(BLIND), World(3, Density(3, 3))
    by_expert(bench, 20.0)
    for _ in range(400):
        world.step(*expert.drive(world))
    metrics = bench.component.world.metrics
    assert metrics.autonomy == 1.0
    assert metrics.metres == pytest.approx(world.metrics.metres, rel=0.02)


def test_odometry_is_continuous_where_the_car_is_put_back() -> None:
    bench = active(BLIND)
    drive(bench, 8.0, 0.3, 6.0)
    events = [status for message in bench.results("events") for status in message.status]
    assert events
    assert {event.name for event in events} <= {f"simulator: {kind}" for kind in ("lane", "collision", "off_road")}
    assert {event.level for event in events} >= {int(Level.ERROR)}
    assert bench.reported("Drive", Level.ERROR)[0].startswith(("lane", "collision"))
    places = [(m.pose.pose.position.x, m.pose.pose.position.y) for m in bench.results("odom")]
    assert np.linalg.norm(np.diff(places, axis=0), axis=1).max() < 0.6
    truth = [(m.pose.position.x, m.pose.position.y) for m in bench.results("true_pose")]
    assert np.linalg.norm(np.diff(truth, axis=0), axis=1).max() > 1.0


def test_the_route_is_told_when_it_changes_and_every_second() -> None:
    bench = active(BLIND)
    bench.pass_time(3 * NANOSECONDS)
    assert [message.data for message in bench.results("route")] == ["follow"] * 3


@pytest.mark.parametrize(("angle", "speed_"), [(math.nan, 5.0), (0.0, math.inf)])
def test_a_command_that_is_not_finite_is_not_driven(angle: float, speed_: float) -> None:
    bench = active(BLIND)
    drive(bench, 2.0, 0.0, 4.0)
    before = bench.component.command
    bench.deliver("drive", command(angle, speed_))
    assert bench.component.command == before
    assert "A command is a finite angle and speed" in bench.reported("Errors", Level.ERROR)[0]


def test_without_commands_the_car_brakes() -> None:
    bench = active(BLIND)
    drive(bench, 2.0, 0.0, 4.0)
    fast = speed(bench)
    bench.pass_time(round(0.4 * NANOSECONDS))
    assert speed(bench) >= fast
    bench.pass_time(2 * NANOSECONDS)
    assert speed(bench) == 0.0


def test_a_command_from_before_the_clock_jumped_back_is_not_driven() -> None:
    bench = active(BLIND)
    drive(bench, 2.0, 0.0, 4.0)
    bench.jump(START)
    for _ in range(5):  # past the time at which the command came
        bench.pass_time(NANOSECONDS // 2)
        assert speed(bench) < 2.0
    assert speed(bench) == 0.0
    drive(bench, 2.0, 0.0, 4.0)
    assert speed(bench) > 2.0


def test_outputs_may_be_switched_while_it_drives_but_the_town_may_not(opengl: None) -> None:
    bench = active(BLIND)
    bench.pass_time(STEP_NS)
    bench.component.set_parameters({"image": True})
    bench.pass_time(STEP_NS)
    assert len(bench.results("image")) == 1
    with pytest.raises(SimulationError, match="'town' is read when the simulator is configured"):
        bench.component.set_parameters({"town": 4})
    bench.component.shutdown()


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"weather": "snow"}, "configure failed: There is no weather 'snow'"),
        ({"camera": "fisheye", "baseline": 0.2}, "A stereo pair .* is of pinhole cameras"),
    ],
)
def test_what_cannot_be_simulated_is_refused(parameters: dict[str, Any], found: str) -> None:
    with pytest.raises(ComponentError, match=found):
        active(BLIND | parameters)
    with pytest.raises(ParameterError, match="'cars' is 1000"):
        Simulator("simulator", BLIND | {"cars": 1000})


def test_the_world_may_wait_for_its_driver_and_not_for_ever() -> None:
    bench = active(BLIND | {"wait": 3.0})
    drive(bench, 2.0, 0.0, 0.0)
    assert bench.component.world.time_s == 0.0
    assert bench.results("route_pose") == []
    assert len(bench.results("expert")) == 40
    drive(bench, 1.0, 0.0, 3.0)
    assert bench.component.world.time_s == pytest.approx(1.0)
    patient = active(BLIND | {"wait": 3.0})
    patient.pass_time(4 * NANOSECONDS)
    assert patient.component.world.time_s == pytest.approx(1.05)


def test_a_car_that_a_person_has_stopped_is_left_where_it_stands() -> None:
    bench = active(BLIND | {"may_stand": True})
    drive(bench, 2.0, 0.0, 5.0)
    drive(bench, 3.0, 0.0, 0.0)
    before = bench.component.world.agent.s
    drive(bench, 2 * STALL_S, 0.0, 0.0)
    assert bench.component.world.agent.s == before
    assert bench.component.world.metrics.as_dict()["interventions"] == 0


def test_a_scenario_is_staged_instead_of_traffic_and_again_with_each_activation() -> None:
    bench = active({"town": 1000, "image": False, "scenario": 0})
    for _ in range(2):
        assert not bench.component.world.traffic.cars
        by_expert(bench, 12.0)
        assert bench.component.world.metrics.events["collision"] == 0
        assert bench.component.world.metrics.metres > 40
        assert any(person.walked > 1.0 for person in bench.component.world.traffic.people)
        bench.component.deactivate()
        bench.component.activate()
        assert bench.component.world.metrics.metres == 0


def test_laps_are_driven_on_the_same_road_also_after_a_deactivation() -> None:
    bench = active(BLIND | {"lap": True})
    route = bench.component.world.route
    once = len(route.lanes)
    route.extend(2 * route.length)
    assert route.lanes[:once] == route.lanes[once : 2 * once]
    bench.component.deactivate()
    bench.component.activate()
    assert bench.component.world.route.lanes[:once] == route.lanes[:once]


def test_the_radar_says_how_far_the_way_is_free() -> None:
    bench = active({"town": 1000, "image": False, "scenario": 0})
    for _ in range(10):
        bench.pass_time(STEP_NS)
        bench.deliver("drive", bench.results("expert")[-1])
    ranges = bench.results("radar")
    assert len(ranges) == 10
    assert ranges[-1].header.frame_id == "front_radar"
    assert ranges[-1].range == pytest.approx(look_ahead(bench.component.world), abs=1e-4)
    assert ranges[-1].range < ranges[-1].max_range == 40.0
