"""The web server of the page: a thread with an event loop of its own, beside the component's."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
from pathlib import Path

import uvicorn

from convoy.console.access import Access
from convoy.console.announce import announcement, urls
from convoy.console.app import make_app
from convoy.console.certificate import context, fingerprint, self_made
from convoy.console.errors import ConsoleError
from convoy.console.exchange import Exchange
from convoy.console.hub import Hub
from convoy.console.parameters import ConsoleParameters
from convoy.console.protocol import MAX_MESSAGE_BYTES

START_WITHIN_S = 10.0
STOP_WITHIN_S = 5.0
PING_S = 2.0
"""A page that does not answer within twice that is disconnected."""


class Server:
    """Serves the page from `start` to `stop`.

    Raises:
        ConsoleError: the address can't be listened on, or the certificate can't be used.
    """

    def __init__(self, parameters: ConsoleParameters, exchange: Exchange, name: str) -> None:
        self._parameters, self._exchange = parameters, exchange
        self.token = (parameters.token or secrets.token_urlsafe(24)) if parameters.is_open else None
        self._certificate = self._find_certificate()
        self._tls = context(*self._certificate) if self._certificate else None
        self._access = Access(self.token, self._certificate is not None)
        self._socket = _listen(parameters.host, parameters.port)
        self.port = int(self._socket.getsockname()[1])
        self.addresses = urls(parameters.host, self.port, self._certificate is not None, None)
        self._thread = threading.Thread(target=self._run, name=f"{name} page", daemon=True)
        self._started = threading.Event()
        self._server: uvicorn.Server | None = None

    def start(self) -> None:
        """Start to serve, and tell in the terminal where; the token is shown there and nowhere else."""
        self._thread.start()
        if not self._started.wait(START_WITHIN_S):
            raise ConsoleError(f"The page is not served after {START_WITHIN_S:.0f} s.")
        found = urls(self._parameters.host, self.port, self._certificate is not None, self.token)
        seal = fingerprint(self._certificate[0]) if self._certificate else ""
        print(announcement(found, self._certificate is not None, seal), flush=True)

    def stop(self) -> None:
        """Disconnect all pages, end what runs for them, and give the port back."""
        if self._server is not None:
            self._server.should_exit = True
            self._thread.join(STOP_WITHIN_S)
        self._socket.close()

    def _find_certificate(self) -> tuple[Path, Path] | None:
        p = self._parameters
        if p.certificate != Path():
            return p.certificate, p.key
        return self_made(p.folder / "certificate") if p.is_open else None

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        hub = Hub(self._parameters, self._exchange)
        config = uvicorn.Config(
            make_app(hub, self._access),
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PING_S,
            ws_per_message_deflate=False,  # pictures are compressed already
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=4 * self._parameters.max_pages + 16,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.ssl = self._tls
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what pages do wrong is no fault of the robot
        self._server = server = _Server(config, self._started)
        async with hub:
            await server.serve(sockets=[self._socket])


class _Server(uvicorn.Server):
    """Tells when it listens; the process's signals are the host's."""

    def __init__(self, config: uvicorn.Config, started: threading.Event) -> None:
        super().__init__(config)
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told.set()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConsoleError(f"The page can't be served on {host!r}: {error.strerror}.") from None
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(address)
    except OSError as error:
        made.close()
        raise ConsoleError(
            f"The page can't be served on {host} port {port}: {error.strerror}; choose another by parameter 'port'."
        ) from None
    made.set_inheritable(False)
    return made
