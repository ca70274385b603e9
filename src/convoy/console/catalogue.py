"""The parameters of all components, with their ranges. ``python -m convoy.console.catalogue`` prints them as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

from convoy.components import COMPONENTS, component_class
from convoy.graph.parameters import describe

_read: dict[str, Any] = {}


async def catalogue() -> dict[str, Any]:
    """Return the parameters by component; read once, by a process that imports all components and ends."""
    if not _read:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "convoy.console.catalogue"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        printed, _ = await process.communicate()
        if process.returncode == 0:
            _read.update(json.loads(printed))
    return _read


def main() -> None:
    """Print the parameters of every component whose packages are installed."""
    found = {}
    for name in sorted(COMPONENTS):
        try:
            described = describe(component_class(name).Parameters)
            found[name] = [asdict(one) | {"default": str(one.default)} for one in described]  # as nodes say what is set
        except ImportError:
            continue  # its extra is not installed, so it does not run here either
    print(json.dumps(found))


if __name__ == "__main__":
    main()
