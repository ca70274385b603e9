"""A talker's other end: sends each string of /question back on /answer, as raw bytes."""

from convoy.graph import QoS
from convoy.hosts.dds import Participant
from convoy.hosts.process import stop_requested

STRING = "std_msgs/msg/String"

stopping = stop_requested()
with Participant() as participant:
    node = participant.node("echo", "/far")
    answer = node.publisher("/answer", STRING, QoS(depth=100))
    node.subscription("/question", STRING, QoS(depth=100), lambda data, _: answer.write(data))
    print("ready")
    stopping.wait()
