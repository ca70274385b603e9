"""The operator's page as a component: what the robot sees goes out to browsers, what a person commands comes in."""

from __future__ import annotations

import math
from typing import Any

from convoy.console.arcs import View, arc
from convoy.console.exchange import Exchange, Hands, steady
from convoy.console.health import Health
from convoy.console.parameters import ConsoleParameters
from convoy.console.pictures import PictureInput, Pictures
from convoy.console.recording import HUMAN, PICTURE, Recorder
from convoy.console.server import Server
from convoy.console.throttle import Throttle
from convoy.graph import LATCHED, SENSOR_DATA, Component, ImageInput, Input, Level, Output, QoS, Timer
from convoy.interfaces.camera_model import CameraInfoError, CameraModel
from convoy.interfaces.images import CameraImage
from convoy.interfaces.messages import (
    NANOSECONDS,
    AckermannDrive,
    AckermannDriveStamped,
    Bool,
    CameraInfo,
    DiagnosticArray,
    Empty,
    Header,
    String,
    make,
    message_class,
    time,
)

Detection2DArray, Odometry = message_class("vision_msgs/msg/Detection2DArray"), message_class("nav_msgs/msg/Odometry")

HANDS_PERIOD_S = 0.005
"""How long a person's command or stop waits at most; a page's 20 Hz leave as evenly as they came."""
STATE_PERIOD_S = 0.1
STATES_PER_HEALTH = 10
NEUTRAL_AFTER_S = 0.15
"""Without a person's command for so long the throttle goes to rest; soon after, `DriveMode` stops for silence."""
MOVING = 0.3
"""m/s, from which on a person's commands are recorded as how one drives."""
TURNS = ("left", "right", "straight")
"""Instructions of the route that a person has to be told; on the way to the next junction there is none."""
OLD_AFTER_NS = NANOSECONDS // 2
"""What is shown of a command that was not repeated for so long is nothing."""


class Console(Component):
    """Serves the operator's page: live picture, driving by hand, modes, emergency stop, takes, training, health.

    Subscribes to ``image`` (raw or compressed) and ``camera_info``; for the overlays to ``segmentation``, ``depth`` and
    ``detections``; to the commands ``policy/drive`` and ``drive`` (which reaches the vehicle), to ``odom``, ``mode``,
    ``route`` (what to do at the next junction) and ``diagnostics`` (remap it to ``/diagnostics``). All are optional.

    Publishes what a person at the page commands: ``console/drive`` with each command, at rest too, its stamp the time
    of the person's input; ``operator/heartbeat`` likewise; ``mode/request``, ``emergency_stop``,
    ``release_emergency_stop``; and ``policy/model``, the model file that the policy is to drive with (latched).
    When the page that has the wheel is silent, the throttle goes to rest after `NEUTRAL_AFTER_S`, without a sign of
    life, and nothing more is published, which stops a vehicle in manual or assisted mode: see
    `convoy.driving.drive_mode`.

    Takes hold the pictures, ``odom``, ``mode`` and, as ``/human/drive``, the vehicle's commands while a person drives
    in manual mode and the vehicle moves. The page is one client of these topics among others.
    """

    Parameters = ConsoleParameters

    image = PictureInput("image")
    camera_info = Input("camera_info", CameraInfo, qos=SENSOR_DATA, latest=True)
    segmentation = ImageInput("segmentation")
    depth = ImageInput("depth")
    detections = Input("detections", Detection2DArray, qos=SENSOR_DATA, latest=True)
    policy = Input("policy/drive", AckermannDriveStamped, latest=True)
    commanded = Input("drive", AckermannDriveStamped)
    odom = Input("odom", Odometry, latest=True)
    mode = Input("mode", String, qos=LATCHED)
    route = Input("route", String, qos=LATCHED)
    health = Input("diagnostics", DiagnosticArray, qos=QoS(depth=100))

    drive = Output("console/drive", AckermannDriveStamped)
    heartbeat = Output("operator/heartbeat", Header)
    mode_request = Output("mode/request", String)
    emergency_stop = Output("emergency_stop", Bool)
    release_emergency_stop = Output("release_emergency_stop", Empty)
    model = Output("policy/model", String, qos=LATCHED)
    hands = Timer(HANDS_PERIOD_S)
    state_timer = Timer(STATE_PERIOD_S)

    server: Server | None = None
    recorder: Recorder | None = None
    camera: CameraModel | None = None

    # The life cycle.

    def on_configure(self) -> None:
        self.exchange = Exchange()
        self.pictures = Pictures(self.exchange, self.parameters.picture_width, self.parameters.quality)
        self.server = Server(self.parameters, self.exchange, self.name)
        self.server.start()
        self.log.info(f"the page is at {', '.join(self.server.addresses)}")

    def on_activate(self) -> None:
        p = self.parameters
        self.throttle = Throttle(p.max_speed, p.max_reverse_speed, p.acceleration, p.coasting, p.braking)
        self.heard = Health()
        self.current_mode = self.instruction = ""
        self.speed: float | None = None
        self.last: dict[str, tuple[int, float, float]] = {}
        """By who commanded: when, angle and speed."""
        self.hands_at: int | None = None
        self.last_stamp = 0
        self.camera = None
        self.turn = 0

    def on_deactivate(self) -> None:
        self._end_take()

    def on_cleanup(self) -> None:
        self._end_take()
        if self.server is not None:
            self.server.stop()
            self.server = None

    # What the robot says.

    def on_image(self, message: Any) -> None:
        picture = self.pictures.show(message, self.now())
        if self.recorder is not None and picture is not None:
            self.recorder.add(PICTURE, self.now(), picture)

    def on_camera_info(self, info: Any) -> None:
        self._record("/camera/camera_info", info)
        try:
            self.camera = CameraModel.read(info)
        except CameraInfoError:
            self.camera = None  # no arcs can be drawn; whose camera it is says why

    def on_segmentation(self, image: CameraImage) -> None:
        self.pictures.show_mask(image, self.now())

    def on_depth(self, image: CameraImage) -> None:
        self.pictures.show_depth(image, self.now())

    def on_detections(self, detections: Any) -> None:
        self.pictures.show_boxes(detections)

    def on_policy(self, command: Any) -> None:
        self._note("policy", command)

    def on_commanded(self, command: Any) -> None:
        self._note("drive", command)
        if self.current_mode == "manual" and abs(command.drive.speed) >= MOVING:
            self._record(HUMAN, command)

    def on_odom(self, odom: Any) -> None:
        self._record("/odom", odom)
        speed = odom.twist.twist.linear.x
        self.speed = speed if math.isfinite(speed) else None

    def on_mode(self, mode: Any) -> None:
        self._record("/mode", mode)
        self.current_mode = mode.data

    def on_route(self, instruction: Any) -> None:
        self.instruction = instruction.data if instruction.data in TURNS else ""

    def on_health(self, diagnostics: Any) -> None:
        self.heard.hear(diagnostics, steady())

    # What a person says.

    def on_hands(self) -> None:
        ask = self.exchange
        if ask.release.is_set() and not ask.stop.is_set():
            self.release_emergency_stop.publish(make(Empty))
            self.log.warning("the emergency stop is released by the page")
        ask.release.clear()
        if ask.stop.is_set():
            ask.stop.clear()
            self.emergency_stop.publish(make(Bool, data=True))
            self.log.error("emergency stop by the page")
        if (mode := ask.mode.take()) is not None:
            self.mode_request.publish(make(String, data=mode))
        if (model := ask.model.take()) is not None:
            self.model.publish(make(String, data=str(model.resolve())))
        self._move(ask.hands.take(), ask.let_go.is_set())
        ask.let_go.clear()
        self._switch_recording()

    def _move(self, hands: Hands | None, let_go: bool) -> None:
        now = self.now()
        if hands is not None and not let_go:
            age_ns = max(0, round((steady() - hands.at_s) * NANOSECONDS))
            seconds = (now - self.hands_at) / NANOSECONDS if self.hands_at is not None else 0.0
            speed = self.throttle.move(hands.throttle, min(max(seconds, 0.0), 0.1))
            self.hands_at = now
            command = self._command(now - age_ns, hands.steering * self.parameters.max_steering_angle, speed)
            self.heartbeat.publish(command.header)
        elif self.hands_at is not None and (let_go or now - self.hands_at > NEUTRAL_AFTER_S * NANOSECONDS):
            angle = self.last["human"][1]
            self._rest()
            self._command(now, angle, 0.0)  # no sign of life: nobody gave one
            self.log.warning("the throttle is at rest: " + ("nobody has the wheel" if let_go else "the page is silent"))

    def _command(self, stamp: int, angle: float, speed: float) -> Any:
        self.last_stamp = stamp = max(stamp, self.last_stamp + 1)
        header = make(Header, stamp=time(stamp))
        command = make(
            AckermannDriveStamped, header=header, drive=make(AckermannDrive, steering_angle=angle, speed=speed)
        )
        self.drive.publish(command)
        self._note("human", command)
        return command

    def _rest(self) -> None:
        self.hands_at = None
        self.throttle.rest()

    # Recording.

    def _switch_recording(self) -> None:
        name, p = self.exchange.record.take(), self.parameters
        if name and self.recorder is None:
            self.recorder = Recorder(p.folder / "takes", name, p.least_free_mb * 1_000_000)
            self.exchange.recording.put(self.recorder.progress)
        if self.recorder is not None:
            if name == "":
                self.recorder.end()
            if self.recorder.has_ended:
                self._end_take()

    def _record(self, topic: str, message: Any) -> None:
        if self.recorder is not None:
            self.recorder.add(topic, self.now(), message)

    def _end_take(self) -> None:
        if self.recorder is not None:
            self.exchange.recorded.put(self.recorder.finish())
            self.exchange.recording.take()
            self.recorder = None

    # What the pages are told.

    def on_state_timer(self) -> None:
        now, ask = self.now(), self.exchange
        if self.recorder is not None:
            ask.recording.put(self.recorder.progress)
        emergency = self.heard.level("Emergency stop")
        ask.state.put(
            {
                "mode": self.current_mode,
                "emergency": None if emergency is None else emergency == Level.ERROR,
                "speed": self.speed,
                "turn": self.instruction,
                "commands": {who: self._recent(who, now) for who in ("human", "policy", "drive")},
                "arcs": {who: self._arc(who, now) for who in ("human", "policy")},
                "picture": self.pictures.rate(now),
                "models": self.heard.said("Model"),
            }
        )
        self.turn += 1
        if self.turn % STATES_PER_HEALTH == 0:
            ask.health.put(self.heard.summary(steady()))
        self.report("Page", Level.OK, "serves the page", open=ask.watchers, refused=ask.refused)

    def _note(self, who: str, command: Any) -> None:
        angle, speed = command.drive.steering_angle, command.drive.speed
        if math.isfinite(angle) and math.isfinite(speed):
            self.last[who] = (self.now(), angle, speed)

    def _recent(self, who: str, now: int) -> list[float] | None:
        at, angle, speed = self.last.get(who, (0, 0.0, 0.0))
        return [round(angle, 4), round(speed, 3)] if 0 <= now - at < OLD_AFTER_NS else None

    def _arc(self, who: str, now: int) -> list[list[float]]:
        p, command = self.parameters, self._recent(who, now)
        if self.camera is None or command is None or abs(command[0]) > 1.5:
            return []
        view = View(p.camera_ahead, p.camera_height, p.camera_pitch)
        return arc(self.camera, view, command[0], p.wheelbase, p.track, p.arc_length)
