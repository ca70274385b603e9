"""Who may open the page: by loopback, by token, and never from a foreign site."""

from __future__ import annotations

import ipaddress
import secrets
from collections import deque
from urllib.parse import urlsplit

from convoy.console.errors import ConsoleError

COOKIE = "convoy_session"
ATTEMPTS, ATTEMPTS_WITHIN_S = 5, 60.0
"""So many wrong tokens may be tried before the console stops to listen to further ones."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Access:
    """The door. Beyond loopback a page proves that it knows the token, once, and has a cookie from then on.

    A browser sends a cookie along from whatever site it shows, so each WebSocket must come from the console's own page
    (its ``Origin``). On loopback, without a token, the ``Host`` must be this machine's: else a site could lead its own
    name to 127.0.0.1 (DNS rebinding) and would be taken for the page.

    Args:
        token: None where no token is needed.
        secure: the page is served by TLS.
    """

    def __init__(self, token: str | None, secure: bool) -> None:
        self.token = token
        self.secure = secure
        self._session = secrets.token_urlsafe(32)
        self._wrong: deque[float] = deque(maxlen=ATTEMPTS)

    def check_host(self, host: str) -> None:
        """Refuse a request to a name that is not this machine's.

        Raises:
            ConsoleError: the name.
        """
        if self.token is None and _name(host) not in LOOPBACK_NAMES:
            raise ConsoleError(f"this console is reached as localhost, not as {_name(host)!r}")

    def check_origin(self, origin: str | None, host: str) -> None:
        """Refuse a WebSocket that another site's page has opened; without an origin it comes from no browser.

        Raises:
            ConsoleError: the origin, and what was wanted.
        """
        wanted = f"{'https' if self.secure else 'http'}://{host}"
        if origin is not None and origin.lower() != wanted.lower():
            raise ConsoleError(f"the origin {origin!r} is not this console's page, {wanted!r}")

    def log_in(self, token: str, now_s: float) -> str:
        """Return the cookie's value for a page that knows the token.

        Raises:
            ConsoleError: it does not; or too many have been wrong.
        """
        if len(self._wrong) == ATTEMPTS and now_s - self._wrong[0] < ATTEMPTS_WITHIN_S:
            raise ConsoleError(f"too many wrong tokens; wait {ATTEMPTS_WITHIN_S:.0f} s")
        if self.token is not None and not secrets.compare_digest(token.encode(), self.token.encode()):
            self._wrong.append(now_s)
            raise ConsoleError("the token is wrong; it is shown in the console's terminal")
        return self._session

    def check_session(self, cookie: str | None) -> None:
        """Refuse a page that has not logged in.

        Raises:
            ConsoleError: it has not.
        """
        if self.token is not None and not secrets.compare_digest((cookie or "").encode(), self._session.encode()):
            raise ConsoleError("a token is needed; open the address that is shown in the console's terminal")


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
