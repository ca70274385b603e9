"""A camera: of this machine, on the network, or one that plays a file."""

from __future__ import annotations

import time as steady
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from convoy.devices.capture import Capture
from convoy.devices.errors import DeviceError
from convoy.devices.frames import Frame, Settings, Source, is_live, open_source, spoken
from convoy.graph import Component, ComponentParameters, Input, Level, Output, Timer
from convoy.interfaces.camera_info_file import read_camera_info
from convoy.interfaces.image_files import ImageError, inspect
from convoy.interfaces.images import compress, encode
from convoy.interfaces.messages import (
    NANOSECONDS,
    AckermannDriveStamped,
    CameraInfo,
    CompressedImage,
    Header,
    Image,
    make,
    nanoseconds,
    time,
)

POLL_S = 0.005
"""How long a frame waits at most until it is published."""
SILENT_AFTER_NS = NANOSECONDS
ANSWERS_WITHIN_NS = NANOSECONDS


class Camera(Component):
    """Publishes what a camera sees: a device, a stream (rtsp, http), a video file or a folder of pictures.

    Publishes ``camera/image_raw``, or its ``/compressed`` with `transport` jpeg, and with a `calibration` file
    ``camera/camera_info``. JPEG frames of cameras, streams and files that have such are then passed on undecoded.

    Stamps are when a frame was taken, as the driver says, or else when it came. A live camera is read on a thread of
    its own: the newest frame is published, those that nobody could take are counted. One that is lost, or was not there
    at the start, is looked for again with growing pauses, and ``/diagnostics`` says so.

    A file plays at its own rate, by the component's clock and from its activation, frame by frame and the same each
    time. With `lock_step` the next frame comes as soon as ``answer`` (ackermann_msgs/AckermannDriveStamped, such as the
    policy's command) has the stamp of the last one, or after a second without: nothing is dropped, however slow the
    policy is.
    """

    class Parameters(ComponentParameters):
        source: str = Field("/dev/video0", description="device, URL, video file or folder of pictures")
        calibration: Path = Field(Path(), description="camera_info file, by convoy calibrate camera; empty for none")
        frame_id: str = Field("camera_optical", description="frame of the images")
        transport: Literal["raw", "jpeg"] = Field("raw", description="how images are published")
        quality: int = Field(90, ge=1, le=100, description="of JPEG that is made here, not by the camera")
        width: int = Field(0, ge=0, le=16384, description="pixels; 0 leaves it to the camera")
        height: int = Field(0, ge=0, le=16384, description="pixels; 0 leaves it to the camera")
        rate: float = Field(0.0, ge=0.0, le=1000.0, description="Hz; 0 leaves it to the camera or the file")
        pixel_format: str = Field("", description="of the camera, four letters such as MJPG or YUYV; empty is its own")
        loop: bool = Field(False, description="begin a file anew at its end")
        lock_step: bool = Field(False, description="play a file as fast as 'answer' follows")

        @field_validator("pixel_format")
        @classmethod
        def _four_letters(cls, value: str) -> str:
            if len(value) not in (0, 4) or not value.isascii():
                raise ValueError("wanted four letters, such as MJPG")
            return value

    image = Output("camera/image_raw", Image)
    image_compressed = Output("camera/image_raw/compressed", CompressedImage)
    camera_info = Output("camera/camera_info", CameraInfo)
    answer = Input("answer", AckermannDriveStamped)
    poll = Timer(POLL_S)

    calibration: Any = None
    capture: Capture | None = None
    file: Source | None = None
    """None once it has ended."""
    next: Frame | None = None
    """Of the file."""
    started = 0
    """When the file's first frame was due."""
    waiting: int | None = None
    """Stamp of the file's frame to which there is no answer yet."""

    def on_configure(self) -> None:
        p = self.parameters
        self.settings = Settings(p.width, p.height, p.rate, p.pixel_format, p.transport == "jpeg")
        self.calibration = read_camera_info(p.calibration)[0] if p.calibration != Path() else None
        if is_live(p.source):
            if p.lock_step:
                raise DeviceError(f"'lock_step' is for files; {spoken(p.source)} waits for nobody.")
        else:
            open_source(p.source, self.settings).close()  # one that can't be read is told now

    def on_activate(self) -> None:
        p = self.parameters
        self.heard = self.clock = self.now()
        self.damaged = self.replaced = 0
        if is_live(p.source):
            self.capture = Capture(lambda: open_source(p.source, self.settings), self.name)
        else:
            self._rewind(self.now())

    def on_deactivate(self) -> None:
        if self.capture is not None:
            self.capture.stop()
            self.capture = None
        if self.file is not None:
            self.file.close()
            self.file = None

    def on_parameters(self, parameters: Any) -> None:
        raise DeviceError("A camera's parameters are read when it is configured; configure it anew.")

    def on_answer(self, message: Any) -> None:
        if self.waiting is not None and nanoseconds(message.header.stamp) >= self.waiting:
            self.waiting = None

    def on_poll(self) -> None:
        last, self.clock = self.clock, self.now()
        if self.clock < last:  # time starts over, and with it what is measured by it
            self.heard -= last - self.clock
            self.started -= last - self.clock
        if self.capture is not None:
            self._pass_on(self.capture)
        elif self.file is not None:
            self._play(self.file)

    # Live.

    def _pass_on(self, capture: Capture) -> None:
        frame, replaced, trouble = capture.take()
        self.replaced += replaced
        if frame is not None:
            self.heard = self.clock
            age = max(steady.monotonic_ns() - frame.at_ns, 0)
            self._publish(frame, self.clock - age)
        elif trouble:
            self._report(Level.ERROR, trouble)
        elif self.clock - self.heard > SILENT_AFTER_NS:
            self._report(Level.ERROR, f"{spoken(self.parameters.source)}: no picture for a second or more")

    # From a file.

    def _rewind(self, at: int) -> None:
        self.file = open_source(self.parameters.source, self.settings)
        self.started, self.period, self.last_at = at, NANOSECONDS // 20, 0
        self.next = self.waiting = None

    def _play(self, file: Source) -> None:
        if self.next is None:
            self.next = self._read(file)
        if self.next is None or not self._is_due(self.next):
            return
        frame, self.next = self.next, None
        self.period, self.last_at = frame.at_ns - self.last_at or self.period, frame.at_ns
        stamp = self.clock if self.parameters.lock_step else self.started + frame.at_ns
        self.heard, self.waiting = self.clock, stamp
        self._publish(frame, stamp)

    def _read(self, file: Source) -> Frame | None:
        """Return the next frame; none at the end, or while the first one is waited for that comes after it."""
        self.file = None  # a file that can't be read on has ended
        frame = file.read()
        if frame is not None:
            self.file = file
        else:
            file.close()
            self._report(Level.OK, f"{self.parameters.source} is at its end")
            if self.parameters.loop:
                self._rewind(self.started + self.last_at + self.period)
        return frame

    def _is_due(self, frame: Frame) -> bool:
        if not self.parameters.lock_step:
            return self.clock >= self.started + frame.at_ns
        return self.waiting is None or self.clock - self.heard >= ANSWERS_WITHIN_NS

    # What leaves.

    def _publish(self, frame: Frame, stamp: int) -> None:
        header = make(Header, stamp=time(stamp), frame_id=self.parameters.frame_id)
        if frame.jpeg is not None:
            try:
                found = inspect(frame.jpeg)
            except ImageError as error:
                self.damaged += 1
                self._report(Level.WARN, f"a damaged picture: {error}")
                return
            size = found.width, found.height
            colour = "mono8" if found.channels == 1 else "bgr8"
            self.image_compressed.publish(
                make(CompressedImage, header=header, format=f"{colour}; jpeg compressed {colour}", data=frame.jpeg)
            )
        else:
            assert frame.pixels is not None  # a frame has one or the other
            size = frame.pixels.shape[1], frame.pixels.shape[0]
            if self.parameters.transport == "jpeg":
                quality = self.parameters.quality
                self.image_compressed.publish(compress(frame.pixels, frame.encoding, header, quality=quality))
            else:
                self.image.publish(encode(frame.pixels, frame.encoding, header))
        self._publish_info(header, size)

    def _publish_info(self, header: Any, size: tuple[int, int]) -> None:
        info = self.calibration
        if info is not None and size != (info.width, info.height):
            said = f"pictures are {size[0]}x{size[1]}, but the calibration is of {info.width}x{info.height}"
            self._report(Level.ERROR, said)
            return
        if info is not None:
            self.camera_info.publish(replace(info, header=header))
        self._report(Level.OK, f"{spoken(self.parameters.source)}: {size[0]}x{size[1]}")

    def _report(self, level: Level, message: str) -> None:
        self.report("Device", level, message, damaged=self.damaged, replaced=self.replaced)
