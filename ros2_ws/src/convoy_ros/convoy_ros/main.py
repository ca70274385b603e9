"""The executables: each runs the component whose name it bears."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run the component that this executable is named after; return the exit code."""
    name = Path(sys.argv[0]).name
    try:
        from convoy.hosts.process import stop_requested

        stopping = stop_requested()  # first: to import the rest takes seconds, in which Ctrl-C is no error

        from convoy.components import component_class
        from convoy_ros.process import run

        cls = component_class(name)
    except ImportError as error:
        print(
            f"{name}: {sys.executable} lacks what convoy needs: {error}. Run it in the Python environment "
            "that has convoy's packages: see 'Python packages' in ros2_ws/README.md.",
            file=sys.stderr,
        )
        return 1
    return run(name, cls, sys.argv, stopping)
