"""The DDS domain of this process, configured by the environment as ROS 2's rmw_cyclonedds does it."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Mapping
from weakref import WeakValueDictionary

from cyclonedds.core import DDSException
from cyclonedds.domain import Domain

from convoy.hosts.dds.wire import DdsError

log = logging.getLogger("convoy.dds")

RECEIVE_BUFFER = 4 * 1024 * 1024
"""Bytes that the socket must hold for a 1080p image to arrive whole."""

MAX_DOMAIN_ID = 232
"""Beyond it the port numbers of DDSI-RTPS (9.6.1.1) end."""

LOOPBACK = """<CycloneDDS><Domain>
<General><Interfaces><NetworkInterface address="127.0.0.1" multicast="false"/></Interfaces>
<AllowMulticast>false</AllowMulticast></General>
<Discovery><Peers><Peer address="127.0.0.1"/></Peers></Discovery>
</Domain></CycloneDDS>"""
"""A ``CYCLONEDDS_URI`` that confines a process to this machine; its peers need it as well."""

LARGE_MESSAGES = f"""<CycloneDDS><Domain>
<General><MaxMessageSize>65500 B</MaxMessageSize><FragmentSize>64000 B</FragmentSize></General>
<Internal><SocketReceiveBufferSize max="{RECEIVE_BUFFER} B"/></Internal>
</Domain></CycloneDDS>"""
"""Lets images go out in few large datagrams; every process has it, unless its ``CYCLONEDDS_URI`` says otherwise."""

# A peer whose range is LOCALHOST sends to 127.0.0.1. As with the older Cyclone DDS of Jazzy, that shall be heard by
# those as well that use another interface.
_HEAR_ALL_INTERFACES = """<CycloneDDS><Domain>
<Internal><ExtendedPacketInfo>false</ExtendedPacketInfo></Internal>
</Domain></CycloneDDS>"""

_domains: WeakValueDictionary[int, Domain] = WeakValueDictionary()


def domain_id(environment: Mapping[str, str] = os.environ) -> int:
    """Return ``ROS_DOMAIN_ID``, 0 where it is not set.

    Raises:
        DdsError: it is no number, or out of range.
    """
    text = environment.get("ROS_DOMAIN_ID", "") or "0"
    if not text.isdecimal() or int(text) > MAX_DOMAIN_ID:
        raise DdsError(f"ROS_DOMAIN_ID is {text!r}: wanted a number from 0 to {MAX_DOMAIN_ID}.")
    return int(text)


def configuration(environment: Mapping[str, str] = os.environ) -> str:
    """Return the Cyclone DDS configuration that ROS 2's environment variables ask for.

    They are ``ROS_AUTOMATIC_DISCOVERY_RANGE``, ``ROS_STATIC_PEERS``, the older ``ROS_LOCALHOST_ONLY``, and
    ``CYCLONEDDS_URI``, which has the last word.

    Raises:
        DdsError: the discovery range is none that ROS 2 knows.
    """
    reach = environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "") or "SUBNET"
    if environment.get("ROS_LOCALHOST_ONLY", "") == "1":
        reach = "LOCALHOST"
    peers = [peer for peer in environment.get("ROS_STATIC_PEERS", "").split(";") if peer]
    match reach:
        case "SYSTEM_DEFAULT":
            discovery = ""
        case "SUBNET":
            discovery = _discovery(peers)
        case "LOCALHOST":
            discovery = _NO_MULTICAST + _discovery(["localhost", *peers])
        case "OFF":
            # A tag that nobody shares keeps everybody else out.
            tag = f"<Tag>ros_discovery_off_{os.getpid()}</Tag>"
            discovery = f"{_NO_MULTICAST}<Discovery><ParticipantIndex>none</ParticipantIndex>{tag}</Discovery>"
        case _:
            raise DdsError(
                f"ROS_AUTOMATIC_DISCOVERY_RANGE is {reach!r}: wanted SUBNET, LOCALHOST, OFF or SYSTEM_DEFAULT."
            )
    parts = (LARGE_MESSAGES, _HEAR_ALL_INTERFACES, f"<CycloneDDS><Domain>{discovery}</Domain></CycloneDDS>")
    return ",".join(filter(None, (*parts, environment.get("CYCLONEDDS_URI", ""))))


_NO_MULTICAST = "<General><AllowMulticast>false</AllowMulticast></General>"


def _discovery(peers: list[str]) -> str:
    listed = "".join(f'<Peer address="{peer}"/>' for peer in peers)
    return (
        "<Discovery><ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>32</MaxAutoParticipantIndex>"
        + (f"<Peers>{listed}</Peers>" if listed else "")
        + "</Discovery>"
    )


def join(number: int) -> Domain:
    """Return this process's domain; it ends with the last reference to it.

    Raises:
        DdsError: Cyclone DDS refuses the configuration.
    """
    domain = _domains.get(number)
    if domain is None:
        _warn_of_small_buffers()
        try:
            domain = Domain(number, configuration())
        except DDSException as error:
            raise DdsError(f"Domain {number} cannot be joined ({error.msg}); is CYCLONEDDS_URI right?") from None
        _domains[number] = domain
    return domain


def granted_receive_buffer() -> int:
    """Return how many bytes of receive buffer the kernel grants when `RECEIVE_BUFFER` are asked for."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        granted = probe.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    return granted // 2 if sys.platform == "linux" else granted  # Linux reserves as much again for itself


def _warn_of_small_buffers() -> None:
    if (granted := granted_receive_buffer()) < RECEIVE_BUFFER:
        log.warning(
            f"The kernel grants a receive buffer of {granted} bytes, not the {RECEIVE_BUFFER} that camera images need: "
            f"large ones will get lost. To change it: sysctl -w net.core.rmem_max={RECEIVE_BUFFER}"
        )
