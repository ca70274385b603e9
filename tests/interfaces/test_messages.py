from __future__ import annotations

import numpy as np
import pytest

from convoy.interfaces import messages
from convoy.interfaces.messages import (
    AckermannDriveStamped,
    CameraInfo,
    Header,
    InterfaceError,
    make,
    message_class,
    nanoseconds,
    time,
    type_hash,
    type_name,
)


def test_type_hash_is_the_one_that_a_genuine_jazzy_recorded() -> None:
    expected = "RIHS01_48ca7612a08d3bb72744fd98b71b7cf2ea24c6ad50fa4e1aa0bbad963c90d8cf"
    assert type_hash("ackermann_msgs/msg/AckermannDriveStamped") == expected


@pytest.mark.parametrize("package", ["ackermann_msgs", "convoy_msgs", "rmw_dds_common", "sensor_msgs", "vision_msgs"])
def test_packages_that_convoy_speaks_are_known(package: str) -> None:
    assert [name for name in messages.store.types if name.startswith(f"{package}/msg/")]


def test_unknown_type_is_refused_by_name() -> None:
    for asked in (message_class, type_hash):
        with pytest.raises(InterfaceError, match="no_msgs/msg/Nothing"):
            asked("no_msgs/msg/Nothing")


def test_make_fills_what_is_not_given_as_ros_does() -> None:
    drive = make(AckermannDriveStamped, header=make(Header, frame_id="base_link"))
    assert (drive.header.frame_id, drive.header.stamp.sec, drive.drive.speed) == ("base_link", 0, 0.0)
    info = make(CameraInfo)
    assert info.d.dtype == info.k.dtype == np.float64
    assert (info.d.shape, info.k.shape, info.distortion_model, info.roi.do_rectify) == ((0,), (9,), "", False)
    pose = make(message_class("geometry_msgs/msg/PoseStamped"))
    assert (pose.pose.orientation.w, pose.pose.orientation.x) == (1.0, 0.0)


def test_made_messages_share_nothing() -> None:
    first, second = make(CameraInfo), make(CameraInfo)
    first.header.frame_id = "changed"
    first.k[0] = 1.0
    assert second.header.frame_id == ""
    assert second.k[0] == 0.0


def test_make_names_a_field_that_the_message_lacks() -> None:
    with pytest.raises(InterfaceError, match=r"AckermannDrive has no field 'velocity'; it has .*speed"):
        make(messages.AckermannDrive, velocity=1.0)
    with pytest.raises(InterfaceError, match="no field '__msgtype__'"):
        make(messages.AckermannDrive, __msgtype__="std_msgs/msg/String")


@pytest.mark.parametrize("stamp_ns", [0, 1, 999_999_999, 1_000_000_000, 1_700_000_000_123_456_789])
def test_time_keeps_every_nanosecond(stamp_ns: int) -> None:
    stamp = time(stamp_ns)
    assert 0 <= stamp.nanosec < 1_000_000_000
    assert nanoseconds(stamp) == stamp_ns


def test_type_name_is_the_same_for_class_and_message() -> None:
    assert type_name(Header) == type_name(make(Header)) == "std_msgs/msg/Header"
