"""Who of the pages drives, and which of their commands count."""

from __future__ import annotations

import math
from dataclasses import dataclass

from convoy.console.errors import ConsoleError
from convoy.console.protocol import EARLY_BY_S, LATE_AFTER_S, Drive

RELEASE_HOLD_S = 0.9
"""How long the button that releases the emergency stop is held, at least; the page asks for a second."""
LOST_AFTER_S = 0.25
"""Silence of a page after which its hands have to rest before they count again; `DriveMode` stops the vehicle then."""
AT_REST = 0.05
"""Of -1..1; a stick does not come back to its very middle."""
ANSWER_WITHIN_S = 8.0
"""A request for the wheel that is not answered by then is granted."""


@dataclass(frozen=True, slots=True)
class _Asking:
    page: int
    since_s: float


class Wheel:
    """One page holds it at a time; the others watch, and may ask for it. Times are in s of the console's clock."""

    def __init__(self) -> None:
        self.holder: int | None = None
        self._asking: _Asking | None = None

    @property
    def asked_by(self) -> int | None:
        """The page that asks for the wheel."""
        return self._asking.page if self._asking else None

    def take(self, page: int, now_s: float) -> bool:
        """Give the wheel to a page if it is free, else note that it asks; tells whether it holds it now.

        Raises:
            ConsoleError: another page asks already.
        """
        if self.holder in (None, page):
            self.holder = page
            return True
        if self._asking and self._asking.page != page:
            raise ConsoleError("another page asks for the wheel already")
        self._asking = self._asking or _Asking(page, now_s)
        return False

    def give(self, page: int) -> bool:
        """Put the wheel down; tells whether the page held it. Who asked for it gets it."""
        if self._asking and self._asking.page == page:
            self._asking = None
        if self.holder != page:
            return False
        self.holder, self._asking = (self._asking.page if self._asking else None), None
        return True

    def answer(self, page: int, granted: bool) -> bool:
        """Let the holder grant or refuse the wheel to who asks; tells whether it changed hands.

        Raises:
            ConsoleError: the page does not hold it.
        """
        self.require(page)
        if granted and self._asking:
            return self.give(page)
        self._asking = None
        return False

    def expire(self, now_s: float) -> bool:
        """Grant a request that was not answered; tells whether the wheel changed hands."""
        if self._asking and self.holder is not None and now_s - self._asking.since_s >= ANSWER_WITHIN_S:
            return self.give(self.holder)
        return False

    def require(self, page: int) -> None:
        """Refuse what only the holder may.

        Raises:
            ConsoleError: the page is not the holder.
        """
        if self.holder != page:
            raise ConsoleError("another page has the wheel; take it first" if self.holder else "take the wheel first")


class Commands:
    """The commands of one page: each newer than the last, neither late nor from the future, the first one at rest.

    So is the first one after a silence: a vehicle that was stopped for a lost link must not set off by itself, because
    the throttle is still held when the link is back.
    """

    def __init__(self) -> None:
        self._sequence = -1
        self._has_rested = False
        self._heard_s = -math.inf
        self._pressed_s: float | None = None

    @property
    def must_rest(self) -> bool:
        """Whether steering and throttle have to be let go before they count."""
        return not self._has_rested

    def rest_first(self) -> None:
        """Let nothing pass before steering and throttle are let go: the page gets the wheel."""
        self._has_rested = False

    def check(self, drive: Drive, now_s: float) -> None:
        """Let a command pass.

        Raises:
            ConsoleError: it is dropped; says why.
        """
        if drive.sequence <= self._sequence:
            raise ConsoleError(f"command {drive.sequence} is not newer than {self._sequence}")
        self._sequence = drive.sequence
        age = now_s - drive.stamp
        if age > LATE_AFTER_S:
            raise ConsoleError(f"command {drive.sequence} is {min(age, 1e6):.2f} s old, more than {LATE_AFTER_S} s")
        if age < -EARLY_BY_S:
            raise ConsoleError(f"command {drive.sequence} is stamped {min(-age, 1e6):.2f} s ahead of the clock")
        if now_s - self._heard_s > LOST_AFTER_S:
            self._has_rested = False
        self._heard_s = now_s
        self._has_rested = self._has_rested or max(abs(drive.steering), abs(drive.throttle)) < AT_REST
        if not self._has_rested:
            raise ConsoleError("let go of steering and throttle first")

    def hold_release(self, pressed: bool, now_s: float) -> bool:
        """Follow the button that releases the emergency stop; tells whether it was held for long enough.

        Raises:
            ConsoleError: it was let go too soon.
        """
        since, self._pressed_s = self._pressed_s, now_s if pressed else None
        if pressed:
            return False
        if since is None or now_s - since < RELEASE_HOLD_S:
            raise ConsoleError("to release the emergency stop, hold the button for a second")
        return True


class Allowance:
    """How many messages one page may send: `rate` a second, `burst` at once."""

    def __init__(self, rate: float = 120.0, burst: float = 120.0) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at_s = burst, 0.0
        self.overdrawn = 0
        """Messages beyond it, less those within that came after them."""

    def spend(self, now_s: float) -> bool:
        """Count one message; tells whether it is within the allowance."""
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        if self._left < 1.0:
            self.overdrawn += 1
            return False
        self._left -= 1.0
        self.overdrawn = max(self.overdrawn - 1, 0)
        return True
