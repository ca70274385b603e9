"""Who gets in: loopback, token, cookie, origin, certificate; and what is done with what they send."""

from __future__ import annotations

import contextlib
import json
import re
import ssl
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from convoy.console.access import ATTEMPTS, Access
from convoy.console.announce import announcement
from convoy.console.certificate import fingerprint, self_made
from convoy.console.errors import ConsoleError
from convoy.graph import ComponentError, ParameterError

from .conftest import Robot

TOKEN = "a-token-of-many-letters"


def live(port: int, scheme: str = "ws", **options: Any) -> Any:
    """Open the WebSocket, and close it again."""
    return connect(f"{scheme}://127.0.0.1:{port}/live", proxy=None, **options).__enter__()


def ask(url: str, body: bytes | None = None, **headers: str) -> tuple[int, str, Any]:
    request = urllib.request.Request(url, body, headers)
    untrusting = ssl.create_default_context()
    untrusting.check_hostname, untrusting.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(request, context=untrusting if url.startswith("https") else None) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def refusal(call: Callable[[], Any]) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as refused:
        call()
    return refused.value


def test_on_loopback_the_page_is_served_with_all_it_needs_and_nothing_from_elsewhere(robot: Robot) -> None:
    base = f"http://127.0.0.1:{robot.server.port}"
    status, page, headers = ask(base)
    assert status == 200
    assert "default-src 'self'" in headers["content-security-policy"]
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert ask(f"{base}/{address}")[0] == 200, address
    everything = [page, *(file.read_text() for file in Path(robot_static()).iterdir())]
    assert not [text for text in everything if re.search(r"https?://(?!www\.w3\.org/)", text)]


def robot_static() -> Path:
    from convoy.console.app import STATIC

    return STATIC


def test_a_foreign_origin_is_refused_and_named(robot: Robot) -> None:
    refused = refusal(lambda: live(robot.server.port, origin="https://evil.example"))
    assert refused.response.status_code == 403
    assert b"evil.example" in refused.response.body
    live(robot.server.port, origin=f"http://127.0.0.1:{robot.server.port}").close()


def test_a_name_that_was_led_to_this_machine_is_refused(robot: Robot) -> None:
    status, said, _ = ask(f"http://127.0.0.1:{robot.server.port}", Host="evil.example")
    assert (status, "'evil.example'" in said) == (403, True)
    refused = refusal(lambda: live(robot.server.port, additional_headers={"Host": "evil.example"}))
    assert refused.response.status_code in (400, 403)


def test_beyond_loopback_there_are_tls_and_a_token(
    make_robot: Callable[..., Robot], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    robot = make_robot(host="0.0.0.0", token=TOKEN)
    said = capfd.readouterr().out
    assert said.count(f"#token={TOKEN}") >= 1
    assert "█" in said or "▀" in said, "a QR code"
    assert re.search(r"SHA-256: ([0-9A-F]{2}:){31}", said)
    assert (tmp_path / "console/certificate/key.pem").stat().st_mode & 0o077 == 0
    base = f"https://127.0.0.1:{robot.server.port}"
    untrusting = ssl.create_default_context()
    untrusting.check_hostname, untrusting.verify_mode = False, ssl.CERT_NONE
    assert refusal(lambda: live(robot.server.port, "wss", ssl=untrusting)).response.status_code == 403
    assert ask(f"{base}/parameters")[0] == 403
    assert ask(f"{base}/takes/take-1/strip.jpg")[0] == 403
    assert ask(f"{base}/session", b'{"token": "wrong"}')[0] == 403
    status, _, headers = ask(f"{base}/session", json.dumps({"token": TOKEN}).encode())
    cookie = headers["set-cookie"]
    assert status == 200
    assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=strict"))
    assert TOKEN not in cookie
    session = {"Cookie": cookie.partition(";")[0]}
    live(robot.server.port, "wss", ssl=untrusting, additional_headers=session).close()
    foreign = refusal(
        lambda: live(
            robot.server.port, "wss", ssl=untrusting, additional_headers=session, origin="https://evil.example"
        )
    )
    assert foreign.response.status_code == 403


def test_a_given_certificate_is_the_one_that_is_shown(
    make_robot: Callable[..., Robot], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    certificate, key = self_made(tmp_path / "given")
    robot = make_robot(host="0.0.0.0", certificate=str(certificate), key=str(key))
    shown = ssl.get_server_certificate(("127.0.0.1", robot.server.port))
    assert ssl.PEM_cert_to_DER_cert(shown) == ssl.PEM_cert_to_DER_cert(certificate.read_text())
    assert fingerprint(certificate) in capfd.readouterr().out


def test_a_token_is_made_where_none_is_given(
    make_robot: Callable[..., Robot], capfd: pytest.CaptureFixture[str]
) -> None:
    robot = make_robot(host="0.0.0.0")
    assert robot.server.token is not None
    assert len(robot.server.token) >= 32
    assert robot.server.token in capfd.readouterr().out


def test_a_phone_that_scans_the_code_gets_the_address_with_the_token() -> None:
    address = f"https://192.168.178.23:8700/#token={TOKEN}"
    drawn = announcement([address], True, "00:11").partition("Scan this with a phone:\n")[2].rstrip("\n").splitlines()
    blocks = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1)}
    width = max(len(line) for line in drawn)
    rows = [[blocks.get(sign, (0, 0))[half] for sign in line.ljust(width)] for line in drawn for half in (0, 1)]
    terminal = np.kron(np.array(rows, np.uint8) * 255, np.ones((8, 8), np.uint8))  # light signs on a dark ground
    assert cv2.QRCodeDetector().detectAndDecode(terminal)[0] == address


def test_wrong_tokens_can_be_tried_a_few_times_a_minute() -> None:
    access = Access(TOKEN, secure=True)
    for _ in range(ATTEMPTS):
        with pytest.raises(ConsoleError, match="wrong"):
            access.log_in("guess", 0.0)
    with pytest.raises(ConsoleError, match="too many"):
        access.log_in(TOKEN, 1.0)
    access.log_in(TOKEN, 61.0)


@pytest.mark.parametrize(
    ("parameters", "why"), [({"token": "short"}, "16 characters"), ({"certificate": "c.pem"}, "go together")]
)
def test_unsafe_parameters_are_refused(make_robot: Callable[..., Robot], parameters: dict[str, str], why: str) -> None:
    with pytest.raises(ParameterError, match=why):
        make_robot(**parameters)


def test_a_certificate_that_is_none_and_a_port_that_is_taken_are_named(
    make_robot: Callable[..., Robot], robot: Robot, tmp_path: Path
) -> None:
    (tmp_path / "c.pem").write_text("no certificate")
    with pytest.raises(ComponentError, match="no certificate with its key"):
        make_robot(host="0.0.0.0", certificate=str(tmp_path / "c.pem"), key=str(tmp_path / "c.pem"))
    with pytest.raises(ComponentError, match="choose another"):
        make_robot(port=robot.server.port)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[]", "message"),
        ("null", "message"),
        ('{"type": "fly"}', "fly|tag"),
        ('{"type": "stop", "more": 1}', "more"),
        ('{"type": "drive", "sequence": 1, "stamp": 0, "steering": NaN, "throttle": 0}', "JSON|finite"),
        ('{"type": "drive", "sequence": 1, "stamp": 1e999, "steering": 0, "throttle": 0}', "JSON|finite"),
        ('{"type": "drive", "sequence": 1, "stamp": 0, "steering": 1.5, "throttle": 0}', "steering"),
        ('{"type": "drive", "sequence": "1", "stamp": 0, "steering": 0, "throttle": 0}', "sequence"),
        ('{"type": "drive", "sequence": -1, "stamp": 0, "steering": 0, "throttle": 0}', "sequence"),
        ('{"type": "mode", "mode": "ludicrous"}', "mode"),
        ('{"type": "delete", "take": "../../etc"}', "take"),
        ('{"type": "delete", "take": ".."}', "take"),
        ('{"type": "watch", "overlays": ["boxes", "boxes", "boxes", "boxes"]}', "overlays"),
        ('{"type": "train", "takes": [], "epochs": 1}', "takes"),
        ("[" * 2000, "JSON"),
    ],
)
def test_malformed_messages_are_dropped_with_a_named_reason(robot: Robot, text: str, why: str) -> None:
    page = robot.page()
    page.take_wheel()
    page.socket.send(text)
    assert re.search(why, page.wait_for("refused")["why"])
    page.send(type="clock", sent=1.0)
    page.wait_for("clock")
    assert {name for name, _, _ in robot.sent} <= {"diagnostics", "drive", "heartbeat"}
    assert not any(message.drive.speed for _, message in robot.published("drive")), "who has the wheel is at rest"


def test_bytes_are_dropped_and_oversized_messages_close_the_connection(robot: Robot) -> None:
    page, other = robot.page(), robot.page()
    page.socket.send(b"\0" * 10)
    assert "bytes" in page.wait_for("refused")["why"]
    page.socket.send("x" * 5000)
    with pytest.raises(ConnectionClosed), contextlib.suppress(TimeoutError):
        page.wait_for("nothing")
    assert page.socket.close_code == 1009
    other.wait_for("state")


def test_more_pages_than_may_be_are_sent_away(make_robot: Callable[..., Robot]) -> None:
    robot = make_robot(max_pages=2)
    pages = [robot.page(), robot.page()]
    third = live(robot.server.port)
    with pytest.raises(ConnectionClosed, match="2 pages are open"):
        third.recv(timeout=5)
    pages[0].close()
    pages[1].wait_for("state", lambda state: state["pages"] == 1)
    robot.page().wait_for("state")


def test_what_is_sent_to_log_in_has_a_limit(robot: Robot) -> None:
    base = f"http://127.0.0.1:{robot.server.port}/session"
    assert ask(base, b"x" * 5000)[0] == 413
    assert ask(base, b"x")[0] == 400
    assert ask(base, b"[]")[0] == 200
