"""A component's log says a line once in a while, by the component's clock."""

from __future__ import annotations

import logging

import pytest

from convoy.graph.log import REPEAT_AFTER_NS, Log


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> Log:
    return Log(logging.getLogger("convoy.test"), clock)


def test_the_same_line_is_said_again_only_after_a_while(
    log: Log, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for clock.now in (0, 1, REPEAT_AFTER_NS - 1, REPEAT_AFTER_NS, REPEAT_AFTER_NS + 1):
        log.warning("stopped")
    assert caplog.messages == ["stopped"] * 2


def test_numbers_do_not_make_another_line(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    log.warning("dropped: 0.61 s late")
    log.warning("dropped: 0.66 s late")
    log.warning("dropped: not finite")
    assert caplog.messages == ["dropped: 0.61 s late", "dropped: not finite"]


def test_levels_are_apart(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for say in (log.debug, log.info, log.warning, log.error):
        say("line")
    assert [record.levelname for record in caplog.records] == ["DEBUG", "INFO", "WARNING", "ERROR"]


def test_time_that_jumps_back_silences_nothing(log: Log, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    for clock.now in (10 * REPEAT_AFTER_NS, 0):
        log.warning("stopped")
    assert caplog.messages == ["stopped"] * 2


def test_a_fault_in_the_program_is_shown_with_its_traceback(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise KeyError("lost")
    except KeyError:
        log.exception("image")
    assert "KeyError: 'lost'" in caplog.text


def test_ever_new_lines_take_bounded_memory(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    for word in range(3000):
        log.error("".join(chr(ord("a") + int(digit)) for digit in str(word)))
    assert len(caplog.messages) == 3000
    assert len(log._said) <= 1000
