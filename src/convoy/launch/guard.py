"""Stops the processes of a launcher that was killed; runs as a program of its own, on the standard library alone.

The launcher writes ``+GROUP`` and ``-GROUP`` lines to its standard input, for each process group that it starts and
that has ended. When that input ends, the launcher is gone, and so must the groups that it left.

Usage: guard.py SECONDS_TO_SIGTERM SECONDS_TO_SIGKILL
"""

import os
import signal
import sys
import time

POLL_S = 0.05


def main() -> None:
    """Follow the launcher's groups until it is gone, then stop them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    to_sigterm, to_sigkill = map(float, sys.argv[1:])
    for number, patience in ((signal.SIGINT, to_sigterm), (signal.SIGTERM, to_sigkill), (signal.SIGKILL, 0.0)):
        groups = {group for group in groups if _send(group, number)}
        end = time.monotonic() + patience
        while groups and time.monotonic() < end:
            time.sleep(POLL_S)
            groups = {group for group in groups if _send(group, 0)}


def _send(group: int, number: int) -> bool:
    """Send a signal to a group; 0 only asks whether there is one."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
