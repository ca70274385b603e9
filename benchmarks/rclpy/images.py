"""The talker and the listener of ``transport.py`` on a genuine rclpy; runs with the Python of ROS 2.

    images.py talk|listen raw|typed WIDTH HEIGHT RELIABILITY RATE FRAMES WARM_UP TIMEOUT_S

typed lets rclpy convert messages field by field. raw publishes and subscribes serialised ones; the talker then writes
stamp and number into bytes made once, and copies those, which is all that encoding must cost.
"""

import array
import json
import resource
import struct
import sys
import time

import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

role, form, width, height, reliability, rate, frames, warm_up, timeout_s = sys.argv[1:]
width, height, frames, warm_up = int(width), int(height), int(frames), int(warm_up)
rate, timeout_s = float(rate), float(timeout_s)
qos = QoSProfile(depth=1, reliability=ReliabilityPolicy[reliability.upper()])

rclpy.init()
node = rclpy.create_node(role)


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def talk() -> None:
    publisher = node.create_publisher(Image, "camera/image_raw", qos)
    pixels = array.array("B", bytes(width * height * 3))
    image = Image(height=height, width=width, encoding="bgr8", step=width * 3, data=pixels)
    image.header.frame_id = f"{0:06}"
    serialised = bytearray(serialize_message(image))
    deadline = time.monotonic() + timeout_s
    while not publisher.get_subscription_count() and time.monotonic() < deadline:
        time.sleep(0.05)
    start, cpu = time.monotonic(), cpu_s()
    for index in range(warm_up + frames):
        time.sleep(max(0.0, start + index / rate - time.monotonic()))
        stamp = divmod(time.time_ns(), 1_000_000_000)
        if form == "raw":
            struct.pack_into("<iI", serialised, 4, *stamp)
            serialised[16:22] = f"{index:06}".encode()
            publisher.publish(bytes(serialised))
        else:
            image.header.frame_id = f"{index:06}"
            image.header.stamp.sec, image.header.stamp.nanosec = stamp
            publisher.publish(image)
    print(json.dumps({"cpu_percent": 100 * (cpu_s() - cpu) / (time.monotonic() - start)}), flush=True)
    time.sleep(2)


def listen() -> None:
    ages: dict[int, float] = {}
    begun: list[tuple[float, float]] = []

    def received(message: object) -> None:
        if form == "raw":
            data = memoryview(message)
            (sec, nanosec), index = struct.unpack_from("<iI", data, 4), int(bytes(data[16:22]))
        else:
            sec, nanosec, index = message.header.stamp.sec, message.header.stamp.nanosec, int(message.header.frame_id)
        age_ms = (time.time_ns() - sec * 1_000_000_000 - nanosec) / 1e6
        begun.append((time.monotonic(), cpu_s()))
        if index >= warm_up:
            ages[index] = age_ms

    node.create_subscription(Image, "camera/image_raw", received, qos, raw=form == "raw")
    deadline = time.monotonic() + timeout_s + (warm_up + frames) / rate
    while len(ages) < frames and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.1)
    start, cpu = begun[0] if begun else (deadline, cpu_s())
    spent = cpu_s() - cpu
    print(
        json.dumps({"ages_ms": list(ages.values()), "cpu_percent": 100 * spent / max(time.monotonic() - start, 1e-3)})
    )


{"talk": talk, "listen": listen}[role]()
