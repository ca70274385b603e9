"""The command line: one module per verb, imported only when its verb is called."""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import TextIO

import typer

from convoy.errors import ConvoyError

VERBS = (
    "drive",
    "replay",
    "train",
    "evaluate",
    "models",
    "bag",
    "dataset",
    "run",
    "launch",
    "topics",
    "calibrate",
    "bench",
    "test",
)

EXTRAS = {
    "torch": "learn",
    "torchvision": "learn",
    "lightning": "learn",
    "onnx": "learn",
    "torchmetrics": "learn",
    "timm": "learn",
    "segmentation_models_pytorch": "learn",
    "stable_baselines3": "learn",
    "sktime": "learn",
    "numba": "learn",
    "matplotlib": "report",
    "mujoco": "sim",
    "gymnasium": "sim",
    "faster_coco_eval": "sim",
    "serial": "devices",
    "smbus2": "devices",
    "evdev": "devices",
    "starlette": "console",
    "uvicorn": "console",
    "qrcode": "console",
}
"""Modules that a verb may find missing where convoy was installed by pip, and the extra that brings each."""


def main(arguments: list[str] | None = None) -> None:
    """Run one verb; a `ConvoyError` becomes one line and exit code 1, Ctrl-C exit code 130."""
    arguments = sys.argv[1:] if arguments is None else arguments
    warnings.showwarning = _show_warning
    try:
        app = typer.Typer(no_args_is_help=True, add_completion=False)
        app.callback()(_about)
        for name in VERBS if not arguments or arguments[0] not in VERBS else arguments[:1]:
            _add(app, name)
        app(args=arguments, prog_name="convoy")
    except ConvoyError as error:
        _say(str(error))
        sys.exit(1)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        _say(f"This needs {error.name}; install it with: pip install 'convoy[{EXTRAS[error.name]}]'")
        sys.exit(1)
    except KeyboardInterrupt:
        _say("interrupted")
        sys.exit(130)


def _add(app: typer.Typer, name: str) -> None:
    """Add a verb: a module's function of that name, or its ``app`` where the verb has verbs of its own."""
    module = importlib.import_module(f"convoy.commands.{name}")
    if hasattr(module, "app"):
        app.add_typer(module.app, name=name)
    else:
        settings = getattr(module, "CONTEXT_SETTINGS", None)
        app.command(name, context_settings=settings)(getattr(module, name))


def _about() -> None:
    """Perception and control for robots and cars on ROS 2."""


def _say(line: str) -> None:
    print(f"convoy: {line}", file=sys.stderr)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if issubclass(category, UserWarning):
        _say(f"warning: {message}")
