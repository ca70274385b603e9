"""Cameras: files play the same each time; live ones are read beside the component, lost and found again."""

from __future__ import annotations

import http.server
import itertools
import threading
import time as wall
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.devices.fake_v4l2 import FakeV4l2
from tests.devices.rtsp_camera import RtspCamera

from convoy.devices.camera import Camera
from convoy.graph import ComponentError, Level, check_component
from convoy.graph.bench import Bench
from convoy.graph.live import LiveHost
from convoy.interfaces.camera_info_file import write_camera_info
from convoy.interfaces.images import compress, decode
from convoy.interfaces.messages import (
    AckermannDriveStamped,
    CameraInfo,
    Header,
    make,
    nanoseconds,
    time,
)

SECOND = 1_000_000_000
MS = 1_000_000
START = 1_700_000_000 * SECOND
SIZE = 32, 24


def picture(number: int) -> np.ndarray:
    pixels = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    pixels[:, : 2 * number + 2] = 20
    return pixels


def jpeg(number: int) -> bytes:
    return bytes(compress(picture(number), "bgr8", make(Header)).data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures, in the order of their names; the last one PNG."""
    path = tmp_path / "pictures"
    path.mkdir()
    for number in range(4):
        (path / f"{number:03}.jpg").write_bytes(jpeg(number))
    (path / "004.PNG").write_bytes(bytes(compress(picture(4), "bgr8", make(Header), "png").data))
    (path / "notes.txt").write_text("no picture")
    return path


@pytest.fixture(params=["MJPG.avi", "mp4v.mp4"])
def video(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Five pictures at 10 Hz."""
    codec, _, suffix = request.param.partition(".")
    path = tmp_path / f"drive.{suffix}"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), 10.0, SIZE)
    for number in range(5):
        writer.write(picture(number))
    writer.release()
    return path


def started(source: Path | str, **parameters: Any) -> Bench:
    bench = Bench(Camera("camera", {"source": str(source), **parameters}), START)
    bench.component.configure()
    bench.component.activate()
    return bench


def stamps_ms(bench: Bench, output: str = "image") -> list[float]:
    return [(nanoseconds(message.header.stamp) - START) / MS for message in bench.results(output)]


def shown(message: Any) -> int:
    """Which picture a message shows, by how far it is dark."""
    return int((decode(message).to("mono8")[12] < 75).sum()) // 2 - 1


# Files.


def test_a_folder_plays_in_the_order_of_names_at_the_rate_wanted(folder: Path) -> None:
    bench = started(folder, rate=25.0, frame_id="front_optical")
    bench.pass_time(SECOND)
    assert [shown(message) for message in bench.results("image")] == [0, 1, 2, 3, 4]
    assert stamps_ms(bench) == [0, 40, 80, 120, 160]
    assert bench.results("image")[0].header.frame_id == "front_optical"
    assert [round(sent.at / MS) for sent in bench.sent if sent.output == "image"] == [5, 40, 80, 120, 160]
    assert bench.component._statuses["Device"].message.endswith("pictures is at its end")


def test_a_video_plays_at_its_own_rate_or_another(video: Path) -> None:
    bench = started(video)
    bench.pass_time(SECOND)
    assert [shown(message) for message in bench.results("image")] == [0, 1, 2, 3, 4]
    assert stamps_ms(bench) == pytest.approx([0, 100, 200, 300, 400])
    bench = started(video, rate=50.0)
    bench.pass_time(SECOND)
    assert stamps_ms(bench) == [0, 20, 40, 60, 80]


def test_a_file_begins_anew_where_it_is_asked_to(folder: Path) -> None:
    bench = started(folder, rate=20.0, loop=True)
    bench.pass_time(SECOND)
    assert stamps_ms(bench) == [50.0 * number for number in range(21)]
    assert [shown(message) for message in bench.results("image")][4:7] == [4, 0, 1]


def test_in_lock_step_each_frame_waits_for_the_answer_to_the_last(folder: Path) -> None:
    bench = started(folder, lock_step=True)
    for count in range(1, 6):
        bench.pass_time(300 * MS)
        assert len(bench.results("image")) == count, "nothing before the answer"
        stamp = bench.results("image")[-1].header.stamp
        early = make(Header, stamp=time(nanoseconds(stamp) - 1))
        bench.deliver("answer", make(AckermannDriveStamped, header=early))
        bench.pass_time(10 * MS)
        assert len(bench.results("image")) == count, "an answer to an older frame is none"
        bench.deliver("answer", make(AckermannDriveStamped, header=make(Header, stamp=stamp)))
        bench.pass_time(10 * MS)
    assert len(bench.results("image")) == 5


def test_in_lock_step_a_policy_that_says_nothing_does_not_stop_the_file(folder: Path) -> None:
    bench = started(folder, lock_step=True)
    bench.pass_time(5 * SECOND)
    assert len(bench.results("image")) == 5


def test_jpeg_files_and_videos_are_passed_on_undecoded(folder: Path, tmp_path: Path) -> None:
    bench = started(folder, transport="jpeg")
    bench.pass_time(SECOND)
    sent = bench.results("image_compressed")
    assert [message.data.tobytes() for message in sent[:4]] == [jpeg(number) for number in range(4)]
    assert [shown(message) for message in sent] == [0, 1, 2, 3, 4], "the PNG is made a JPEG"
    assert sent[0].format == "bgr8; jpeg compressed bgr8"
    assert not bench.results("image")


def test_videos_become_jpeg(video: Path) -> None:
    bench = started(video, transport="jpeg")
    bench.pass_time(SECOND)
    sent = bench.results("image_compressed")
    assert [shown(message) for message in sent] == [0, 1, 2, 3, 4]
    if video.suffix == ".avi":
        stored = video.read_bytes()
        assert all(message.data.tobytes() in stored for message in sent), "byte for byte as in the file"


def test_a_damaged_picture_is_left_out_and_said(folder: Path) -> None:
    (folder / "002.jpg").write_bytes(b"\xff\xd8\xff\xe0 not really")
    bench = started(folder, transport="jpeg")
    bench.pass_time(SECOND)
    assert [shown(message) for message in bench.results("image_compressed")] == [0, 1, 3, 4]
    assert bench.reported("Device", Level.WARN)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nowhere.mp4", "nowhere.mp4 is not there; wanted a video file"),
        ("empty", "empty has no pictures; wanted files that end in .jpg"),
        ("text.mp4", "text.mp4 is no video file"),
    ],
)
def test_a_file_that_is_none_is_refused_when_it_is_configured(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mp4").write_text("no video")
    bench = Bench(Camera("camera", {"source": str(tmp_path / source)}))
    with pytest.raises(ComponentError, match=said):
        bench.component.configure()


def test_a_clock_that_jumps_back_goes_on_with_the_next_frame(folder: Path) -> None:
    bench = started(folder)
    bench.pass_time(60 * MS)
    bench.jump(START - 100 * SECOND)
    bench.pass_time(SECOND)
    assert [shown(message) for message in bench.results("image")] == [0, 1, 2, 3, 4]


def test_a_file_keeps_to_the_contract(folder: Path) -> None:
    check_component(Camera, {"source": str(folder)})
    check_component(Camera, {"source": str(folder), "lock_step": True, "transport": "jpeg", "loop": True})


def test_a_file_plays_in_real_time_on_a_live_host(folder: Path) -> None:
    sent: list[tuple[str, float]] = []
    host = LiveHost(
        Camera("camera", {"source": str(folder), "rate": 20.0}),
        lambda output, data: sent.append((output.name, wall.monotonic())),
        lambda output: True,
    )
    host.start()
    host.call(host.component.configure)
    host.call(host.component.activate)
    try:
        deadline = wall.monotonic() + 10.0
        while [name for name, _ in sent].count("image") < 5 and wall.monotonic() < deadline:
            wall.sleep(0.01)
    finally:
        host.call(host.component.shutdown)
        host.stop()
    times = [at for name, at in sent if name == "image"]
    assert len(times) == 5
    assert times[-1] - times[0] >= 0.15


# Calibration.


def calibration(path: Path, width: int, height: int) -> Path:
    k = np.array([30.0, 0, width / 2, 0, 30, height / 2, 0, 0, 1])
    p = np.array([30.0, 0, width / 2, 0, 0, 30, height / 2, 0, 0, 0, 1, 0])
    info = make(
        CameraInfo,
        width=width,
        height=height,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=k,
        r=np.eye(3).ravel(),
        p=p,
    )
    write_camera_info(path, info, "front")
    return path


def test_camera_info_goes_with_each_picture(folder: Path, tmp_path: Path) -> None:
    bench = started(folder, calibration=calibration(tmp_path / "front.yaml", *SIZE))
    bench.pass_time(SECOND)
    images, infos = bench.results("image"), bench.results("camera_info")
    assert [info.header for info in infos] == [image.header for image in images]
    assert (infos[0].width, infos[0].k[0]) == (SIZE[0], 30.0)


def test_a_calibration_of_another_size_is_no_calibration(folder: Path, tmp_path: Path) -> None:
    bench = started(folder, calibration=calibration(tmp_path / "front.yaml", 640, 480))
    bench.pass_time(100 * MS)
    assert len(bench.results("image")) == 3
    assert not bench.results("camera_info")
    assert bench.reported("Device", Level.ERROR)[0] == "pictures are 32x24, but the calibration is of 640x480"


# Live.


class _Mjpeg(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in itertools.count():
            if self.server.stopping.is_set():  # type: ignore[attr-defined]
                return
            data = jpeg(number % 5)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + data + b"\r\n")
            except OSError:
                return
            wall.sleep(0.02)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def network_camera() -> Iterator[Callable[[int], http.server.ThreadingHTTPServer]]:
    servers: list[Any] = []

    def serve(port: int = 0) -> http.server.ThreadingHTTPServer:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _Mjpeg)
        server.stopping = threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.stopping.set()
        server.shutdown()
        server.server_close()


def until(bench: Bench, condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Let real time pass, and the bench's with it."""
    last, deadline = wall.monotonic_ns(), wall.monotonic() + seconds
    while not condition() and wall.monotonic() < deadline:
        wall.sleep(0.01)
        now = wall.monotonic_ns()
        bench.pass_time(now - last)
        last = now
    return condition()


def test_a_network_camera_is_passed_on_undecoded_lost_and_found_again(network_camera: Any) -> None:
    server = network_camera()
    port = server.server_address[1]
    bench = started(f"http://user:secret@127.0.0.1:{port}/video", transport="jpeg")
    try:
        assert until(bench, lambda: len(bench.results("image_compressed")) >= 5)
        pictures = {jpeg(number) for number in range(5)}
        assert all(message.data.tobytes() in pictures for message in bench.results("image_compressed"))
        last = bench.results("image_compressed")[-1].header.stamp
        assert abs(nanoseconds(last) - bench.now()) < SECOND
        server.stopping.set()
        server.shutdown()
        server.server_close()
        assert until(bench, lambda: bool(bench.reported("Device", Level.ERROR)))
        assert "secret" not in str(bench.reported("Device"))
        before = len(bench.results("image_compressed"))
        network_camera(port)
        assert until(bench, lambda: len(bench.results("image_compressed")) > before)
        assert bench.component._statuses["Device"].level == Level.OK
    finally:
        bench.component.shutdown()


@pytest.fixture
def transport_stream(tmp_path: Path) -> Path:
    """Five pictures in turn at 25 Hz, for 20 s."""
    path = tmp_path / "camera.ts"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mpg2"), 25.0, SIZE)
    for number in range(500):
        writer.write(picture(number % 5))
    writer.release()
    return path


def test_a_camera_that_speaks_rtsp_is_lost_and_found_again(transport_stream: Path) -> None:
    camera = RtspCamera(transport_stream, 20.0)
    bench = started(f"rtsp://user:secret@127.0.0.1:{camera.port}/front")
    try:
        assert until(bench, lambda: len(bench.results("image")) >= 10), bench.reported("Device")
        assert camera.methods[:4] == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
        images = bench.results("image")
        assert (images[0].width, images[0].height) == SIZE
        assert {shown(image) for image in images} <= set(range(5))
        assert len({shown(image) for image in images}) >= 3
        assert abs(nanoseconds(images[-1].header.stamp) - bench.now()) < SECOND
        camera.unplug()
        assert until(bench, lambda: bool(bench.reported("Device", Level.ERROR)))
        assert "secret" not in str(bench.reported("Device"))
        before = len(bench.results("image"))
        camera = RtspCamera(transport_stream, 20.0, camera.port)
        assert until(bench, lambda: len(bench.results("image")) > before)
        assert bench.component._statuses["Device"].level == Level.OK
    finally:
        camera.unplug()
        bench.component.shutdown()


def test_a_camera_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeV4l2(picture(3), jpeg(3))
    monkeypatch.setattr(cv2, "VideoCapture", driver.open)
    bench = started("/dev/null", width=640, height=480, rate=30.0, pixel_format="YUYV")
    try:
        assert until(bench, lambda: len(bench.results("image")) >= 3)
        assert driver.asked[:4] == [
            (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"YUYV")),
            (cv2.CAP_PROP_FRAME_WIDTH, 640),
            (cv2.CAP_PROP_FRAME_HEIGHT, 480),
            (cv2.CAP_PROP_FPS, 30.0),
        ]
        message = bench.results("image")[-1]
        assert (shown(message), message.encoding) == (3, "bgr8")
        assert 40 * MS <= bench.now() - nanoseconds(message.header.stamp) < SECOND, "the driver's stamp: 40 ms ago"
    finally:
        bench.component.shutdown()
    assert driver.released


def test_a_camera_that_sends_jpeg_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeV4l2(picture(3), jpeg(3))
    monkeypatch.setattr(cv2, "VideoCapture", driver.open)
    bench = started("/dev/null", pixel_format="MJPG", transport="jpeg")
    try:
        assert until(bench, lambda: bool(bench.results("image_compressed")))
        assert bench.results("image_compressed")[0].data.tobytes() == jpeg(3)
    finally:
        bench.component.shutdown()


def test_a_camera_that_is_pulled_out_is_an_error_until_it_is_put_in_again(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeV4l2(picture(3), jpeg(3))
    monkeypatch.setattr(cv2, "VideoCapture", driver.open)
    bench = started("/dev/null")
    try:
        assert until(bench, lambda: bool(bench.results("image")))
        driver.there = False
        assert until(bench, lambda: bool(bench.reported("Device", Level.ERROR)))
        assert "/dev/null" in bench.reported("Device", Level.ERROR)[0]
        before = len(bench.results("image"))
        driver.there = True
        assert until(bench, lambda: len(bench.results("image")) > before)
    finally:
        bench.component.shutdown()


def test_a_camera_that_hangs_stalls_nobody_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeV4l2(picture(3), jpeg(3))
    monkeypatch.setattr(cv2, "VideoCapture", driver.open)
    monkeypatch.setattr("convoy.devices.capture.STOPS_WITHIN_S", 0.1)
    bench = started("/dev/null")
    try:
        assert until(bench, lambda: bool(bench.results("image")))
        driver.hangs.set()
        bench.pass_time(3 * SECOND)
        assert "no picture for a second or more" in bench.reported("Device", Level.ERROR)[0]
    finally:
        bench.component.shutdown()
        driver.hangs.clear()


def test_a_camera_that_is_not_there_is_looked_for() -> None:
    bench = started("/dev/video-none")
    try:
        assert until(bench, lambda: bool(bench.reported("Device", Level.ERROR)))
        assert "/dev/video-none is not there" in " ".join(bench.reported("Device", Level.ERROR))
    finally:
        bench.component.shutdown()


def test_lock_step_is_for_files() -> None:
    with pytest.raises(ComponentError, match="'lock_step' is for files; /dev/video0 waits for nobody"):
        Bench(Camera("camera", {"lock_step": True})).component.configure()
