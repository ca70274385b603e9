"""A component for the tests, as a process: says how bright each image is, and fails on dark ones."""

import sys

from pydantic import Field

from convoy.errors import ConvoyError
from convoy.graph import LATCHED, Component, ComponentParameters, ImageInput, Input, Output, Timer
from convoy.hosts.dds import DdsHost, Participant
from convoy.hosts.dds.settings import split
from convoy.hosts.process import log_to_console, stop_requested
from convoy.interfaces.images import CameraImage
from convoy.interfaces.messages import AckermannDrive, AckermannDriveStamped, String, make
from convoy.launch.ros_args import parse_ros_arguments


class Brightness(Component):
    class Parameters(ComponentParameters):
        gain: float = Field(1.0, ge=0.0, description="factor")

    image = ImageInput("image")
    who = Input("who", String, LATCHED)
    drive = Output("drive", AckermannDriveStamped)
    hello = Output("hello", String, LATCHED)
    tick = Output("tick", String)
    clock = Timer(1.0)

    def on_configure(self) -> None:
        self.hello.publish(String(data="configured"))

    def on_who(self, message: String) -> None:
        self.hello.publish(String(data=f"hello {message.data}"))

    def on_image(self, image: CameraImage) -> None:
        mean = float(image.to("rgb8").mean())
        if mean < 1.0:
            raise ConvoyError("too dark")
        drive = make(AckermannDrive, steering_angle=self.parameters.gain * mean / 255)
        self.drive.publish(make(AckermannDriveStamped, header=image.header, drive=drive))

    def on_clock(self) -> None:
        self.tick.publish(String(data=str(self.now())))


if __name__ == "__main__":
    arguments = parse_ros_arguments(sys.argv[1:], "brightness")
    own, settings = split(arguments.parameters)
    log_to_console(arguments.log_level)
    stopping = stop_requested()
    with Participant() as participant, DdsHost(participant) as host:
        host.add(Brightness(arguments.node.name, own), arguments.node, settings)
        host.start()
        print("ready")
        stopping.wait()
