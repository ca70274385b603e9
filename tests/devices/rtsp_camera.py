"""A network camera that speaks RTSP: a transport stream in RTP packets, interleaved in the connection."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
import time
from pathlib import Path

PACKET = 7 * 188
"""Bytes of a transport stream in one RTP packet, as RFC 2250 wants: a whole number of its packets."""
MP2T = 33
"""Payload type of transport streams (RFC 3551, table 5)."""
SDP = f"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP {MP2T}\r\na=control:track\r\n"


class RtspCamera:
    """Plays a transport stream to whoever connects, from its start and at its own speed (RFC 2326).

    Args:
        stream: the file.
        seconds: how long it is.
        port: 0 takes a free one.
    """

    def __init__(self, stream: Path, seconds: float, port: int = 0) -> None:
        self._stream = stream.read_bytes()
        self._period_s = seconds * PACKET / len(self._stream)
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listening.getsockname()[1])
        self.methods: list[str] = []
        """What was asked for."""
        self._open: list[socket.socket] = []
        self._ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def unplug(self) -> None:
        """Cut all connections, and take no more."""
        self._ended.set()
        for one in (self._listening, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._open.append(connection)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection.makefile("rb") as asked:
            while request := asked.readline().decode():
                headers = {}
                while line := asked.readline().decode().strip():
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                method = request.split()[0]
                self.methods.append(method)
                body = SDP if method == "DESCRIBE" else ""
                answer = [f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\nSession: 1\r\n"]
                if method == "OPTIONS":
                    answer.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n")
                if method == "SETUP":
                    answer.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
                if body:
                    answer.append(f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n")
                connection.sendall(("".join(answer) + "\r\n" + body).encode())
                if method == "PLAY":
                    threading.Thread(target=self._play, args=(connection,), daemon=True).start()

    def _play(self, connection: socket.socket) -> None:
        due = time.monotonic()
        with contextlib.suppress(OSError):
            for number in itertools.count():
                data = self._stream[number * PACKET : (number + 1) * PACKET]
                if not data or self._ended.is_set():
                    return
                ticks = round(number * self._period_s * 90_000)
                header = struct.pack(">BBHII", 0x80, MP2T, number & 0xFFFF, ticks & 0xFFFFFFFF, 1)
                connection.sendall(struct.pack(">cBH", b"$", 0, len(header) + len(data)) + header + data)
                due += self._period_s
                time.sleep(max(0.0, due - time.monotonic()))
