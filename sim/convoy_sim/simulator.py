"""The world as a component: cameras and truth come out, commands go in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from convoy.graph import LATCHED, Component, Input, Level, Output, Timer
from convoy.interfaces.images import compress, encode
from convoy.interfaces.messages import (
    NANOSECONDS,
    AckermannDrive,
    AckermannDriveStamped,
    CameraInfo,
    Clock,
    CompressedImage,
    DiagnosticArray,
    Header,
    Image,
    Range,
    String,
    make,
    time,
)
from convoy_sim import expert, reports
from convoy_sim.effects import Effects
from convoy_sim.errors import SimulationError
from convoy_sim.odometry import DeadReckoning
from convoy_sim.radar import FIELD_OF_VIEW, MAX_RANGE_M, look_ahead
from convoy_sim.rig import Rig
from convoy_sim.route import lap
from convoy_sim.scenarios import KINDS, Scenario, Staged
from convoy_sim.simulator_parameters import SimulatorParameters
from convoy_sim.traffic import Density
from convoy_sim.world import STEP_S, Event, World, check_command

OPTICAL, RIGHT_OPTICAL, RADAR = "camera_optical", "camera_right_optical", "front_radar"
RADAR_HEIGHT_M = 0.5
ROUTE_EVERY_NS = NANOSECONDS
"""The route's instruction is repeated, so that a bag that is played from its middle has it too."""
_LIVE = {"image", "depth", "masks", "detections", "radar", "clock", "stale_after"}


class Simulator(Component):
    """Drives a car through a town at 20 Hz, and shows what its sensors see.

    Subscribes to ``drive``, which holds until the next one; without one for ``stale_after`` seconds the car brakes, its
    wheels as they are. A command that is not finite is an error and is not driven. For ``wait`` seconds at most nothing
    moves before a first command does: drivers may need a while to start.

    Publishes, all with one stamp: ``camera/image_raw`` (or its ``/compressed``) and ``camera/camera_info``, and as
    parameters ask for them ``camera/depth/image`` (metres), ``camera/segmentation`` with ``camera/label_info``,
    ``camera/instances`` (0 where nothing is counted), ``camera/detections`` (class by name, ``id`` the number in the
    instance mask) and ``camera_right/...`` of a stereo pair; ``odom`` (dead reckoning); ``tf`` for map, odom and
    base_link, ``tf_static`` for camera_optical and front_radar; ``clock``. ``front_radar/range`` (sensor_msgs/Range) is
    the distance along the way that the wheels point to, from the bumper to the nearest thing on it; +inf with none in
    reach (REP-117). See `convoy_sim.radar` for what it can't see; the message knows no radar, so it says infrared.

    ``route`` says what to do at the next junction: follow, left, right or straight.

    What no robot knows: ``ground_truth/pose`` in the map and ``ground_truth/route_pose``, in a frame along the route
    (x is arc length, y the distance to the left of it, the heading relative to it), once for each step of the world;
    ``expert/drive``, what an expert with full knowledge would command, fit to drive by; ``events``: lane, collision,
    stall (interventions, after which the car is put back), red_light and off_road. How the drive goes is on
    ``/diagnostics``.
    """

    Parameters = SimulatorParameters

    drive = Input("drive", AckermannDriveStamped)
    tick = Timer(STEP_S)

    image = Output("camera/image_raw", Image)
    image_compressed = Output("camera/image_raw/compressed", CompressedImage)
    camera_info = Output("camera/camera_info", CameraInfo)
    depth = Output("camera/depth/image", Image)
    depth_info = Output("camera/depth/camera_info", CameraInfo)
    segmentation = Output("camera/segmentation", Image)
    labels = Output("camera/label_info", reports.LabelInfo, qos=LATCHED)
    instances = Output("camera/instances", Image)
    detections = Output("camera/detections", reports.Detection2DArray)
    right_image = Output("camera_right/image_raw", Image)
    right_compressed = Output("camera_right/image_raw/compressed", CompressedImage)
    right_info = Output("camera_right/camera_info", CameraInfo)
    radar = Output(f"{RADAR}/range", Range)
    odom = Output("odom", reports.Odometry)
    tf = Output("tf", reports.TFMessage)
    tf_static = Output("tf_static", reports.TFMessage, qos=LATCHED)
    clock = Output("clock", Clock)
    route = Output("route", String, qos=LATCHED)
    true_pose = Output("ground_truth/pose", reports.PoseStamped)
    route_pose = Output("ground_truth/route_pose", reports.PoseStamped)
    expert = Output("expert/drive", AckermannDriveStamped)
    events = Output("events", DiagnosticArray)

    world: World
    rig: Rig | None = None
    staged: Staged | None = None

    def on_configure(self) -> None:
        p = self.parameters
        self.cameras = p.cameras
        if p.scenario >= 0:
            self._stage()
        else:
            self.world = World(p.town, Density(p.cars, p.people), p.weather, drive=p.drive)
        if p.wanted:
            self._open_rig()

    def on_activate(self) -> None:
        if self.staged is not None:
            self._stage()
        else:
            self.world.reset(self.parameters.drive, lap(self.world.roads) if self.parameters.lap else None)
        self.world.may_stand = self.parameters.may_stand
        if self.rig is not None:
            self.rig.world = self.world
            self.rig.restart()
        chance = np.random.default_rng((self.world.town.seed, self.parameters.drive, 9))
        self.reckoned = DeadReckoning(self.parameters.odometry_noise, chance)
        self.command: tuple[float, float] = (0.0, 0.0)
        self.commanded_at: int | None = None
        self.waits_until: int | None = self.now() + round(self.parameters.wait * NANOSECONDS)
        self.instructed = ("", 0)
        now = self.now()
        mounted = [camera.mounting.optical_in_vehicle() for camera in self.cameras]
        frames = zip((OPTICAL, RIGHT_OPTICAL), mounted, strict=False)
        header = _header("base_link", now)
        transforms = [reports.mounting_transform(header, child, pose) for child, pose in frames]
        if self.parameters.radar:
            transforms.append(reports.mounting_transform(header, RADAR, self._radar_mounting()))
        self.tf_static.publish(make(reports.TFMessage, transforms=transforms))
        self.labels.publish(reports.label_info(_header(OPTICAL, now)))
        self._report("ready", Level.OK)

    def on_cleanup(self) -> None:
        self.staged = None
        if self.rig is not None:
            self.rig.close()
            self.rig = None

    def on_parameters(self, parameters: Any) -> None:
        old, new = self.parameters.model_dump(exclude=_LIVE), parameters.model_dump(exclude=_LIVE)
        if changed := [name for name in new if new[name] != old[name]]:
            raise SimulationError(f"{changed[0]!r} is read when the simulator is configured; configure it anew.")

    def on_drive(self, message: Any) -> None:
        angle, speed = message.drive.steering_angle, message.drive.speed
        check_command(angle, speed)
        self.command, self.commanded_at = (angle, speed), self.now()

    def on_tick(self) -> None:
        now = self.now()
        waits = self._waits(now)
        if self.staged is not None and not waits:
            self.staged.act()
        events = () if waits else self.world.step(*self._command(now))
        if not waits:
            self.reckoned.move(self.world.state.speed, self.world.state.yaw_rate, STEP_S)
        if self.parameters.clock:
            self.clock.publish(Clock(time(now)))
        self._publish_route(now)
        self._publish_odometry(now)
        if not waits:
            self._publish_truth(now, events)
        self._publish_expert(now)
        if self.parameters.radar:
            self._publish_range(now)
        if self.parameters.wanted:
            self._publish_views(now)
        level = Level.ERROR if any(e.intervention for e in events) else Level.WARN if events else Level.OK
        said = "waiting for a command that moves the car" if waits else "driving"
        self._report(", ".join(f"{event.kind} {event.what}".strip() for event in events) or said, level)

    def _waits(self, now: int) -> bool:
        if self.waits_until is not None and (now >= self.waits_until or self.command[1] != 0.0):
            self.waits_until = None
        return self.waits_until is not None

    def _command(self, now: int) -> tuple[float, float]:
        """What is driven: the last command, or, when that is old or the clock has jumped back, the brakes."""
        if self.commanded_at is not None and 0 <= now - self.commanded_at < self.parameters.stale_after * NANOSECONDS:
            return self.command
        self.commanded_at = None
        return self.command[0], 0.0

    def _publish_route(self, now: int) -> None:
        instruction, (told, at) = self.world.state.instruction, self.instructed
        if instruction != told or not 0 <= now - at < ROUTE_EVERY_NS:
            self.instructed = (instruction, now)
            self.route.publish(make(String, data=instruction))

    def _publish_odometry(self, now: int) -> None:
        state, reckoned = self.world.state, self.reckoned
        header, odom = _header("map", now), _header("odom", now)
        self.odom.publish(reports.odometry(odom, reckoned))
        x, y, heading = reckoned.in_map(state.x, state.y, state.heading).tolist()
        transforms = [
            reports.ground_transform(header, "odom", x, y, heading),
            reports.ground_transform(odom, "base_link", reckoned.x, reckoned.y, reckoned.heading),
        ]
        self.tf.publish(make(reports.TFMessage, transforms=transforms))

    def _publish_truth(self, now: int, events: tuple[Event, ...]) -> None:
        state = self.world.state
        self.true_pose.publish(reports.pose(_header("map", now), state.x, state.y, state.heading))
        self.route_pose.publish(reports.pose(_header("route", now), state.s, state.lateral, state.heading_error))
        if events:
            self.events.publish(reports.events(_header("map", now), self.name, events, state))

    def _publish_expert(self, now: int) -> None:
        command = expert.drive(self.world)
        drive = make(AckermannDrive, steering_angle=command.steering_angle, speed=command.speed)
        self.expert.publish(make(AckermannDriveStamped, header=_header("base_link", now), drive=drive))

    def _publish_range(self, now: int) -> None:
        limits = {"field_of_view": FIELD_OF_VIEW, "min_range": 0.0, "max_range": MAX_RANGE_M}
        header, ahead = _header(RADAR, now), look_ahead(self.world)
        self.radar.publish(make(Range, header=header, radiation_type=Range.INFRARED, range=ahead, **limits))

    def _publish_views(self, now: int) -> None:
        rig, want = self.rig or self._open_rig(), self.parameters.wanted
        rig.look()
        header = _header(OPTICAL, now)
        frame = rig.render(self.cameras[0], want)
        info = reports.camera_info(frame.info, header)
        self.camera_info.publish(info)
        if frame.rgb is not None:
            self._publish_image(frame.rgb, header, self.image, self.image_compressed)
        if frame.depth is not None:
            self.depth.publish(encode(frame.depth, "32FC1", header))
            self.depth_info.publish(info)
        if frame.classes is not None and frame.instances is not None:
            self.segmentation.publish(encode(frame.classes, "mono8", header))
            self.instances.publish(encode(frame.instances, "16UC1", header))
        if frame.boxes is not None:
            self.detections.publish(reports.detections(header, frame.boxes))
        if self.parameters.image and len(self.cameras) > 1:
            right, header = rig.render(self.cameras[1]), replace(header, frame_id=RIGHT_OPTICAL)
            assert right.rgb is not None
            self.right_info.publish(reports.camera_info(right.info, header))
            self._publish_image(right.rgb, header, self.right_image, self.right_compressed)

    def _publish_image(self, pixels: np.ndarray, header: Header, raw: Any, compressed: Any) -> None:
        transport = self.parameters.transport
        if transport == "raw":
            raw.publish(encode(pixels, "rgb8", header))
        else:
            compressed.publish(compress(pixels, "rgb8", header, transport))

    def _stage(self) -> None:
        p = self.parameters
        self.staged = Scenario(p.scenario, KINDS[p.scenario % len(KINDS)], (p.town,)).begin(p.weather)
        self.world = self.staged.world

    def _radar_mounting(self) -> np.ndarray:
        model, mounted = self.world.vehicle.model, np.eye(4)
        mounted[:3, 3] = model.length - model.rear_overhang, 0.0, RADAR_HEIGHT_M
        return mounted

    def _open_rig(self) -> Rig:
        p = self.parameters
        self.rig = Rig(self.world, p.drive, Effects(p.noise, p.exposure, p.blur, p.vignette))
        return self.rig

    def _report(self, said: str, level: Level) -> None:
        figures = self.world.metrics.as_dict()
        self.report("Drive", level, said, **{name: f"{value:.4g}" for name, value in figures.items()})


def _header(frame: str, now: int) -> Header:
    return make(Header, stamp=time(now), frame_id=frame)
