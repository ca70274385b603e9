"""``NAME.card.yaml``: what a user says of a ``NAME.onnx`` that convoy did not make. See docs/own_models.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from convoy.inference.errors import ModelError

DEFAULTS: dict[str, Any] = {
    "description": "A model from elsewhere.",
    "licence": "not stated",
    "revision": "not stated",
    "command": "not stated",
}
"""What a user need not say."""

_LARGEST = 1 << 20


def path_of(model: Path) -> Path:
    """Where the card of a model file would be."""
    return model.with_name(model.stem + ".card.yaml")


def read(path: Path) -> dict[str, Any]:
    """Read the card's values, unchecked.

    Raises:
        ModelError: the file can't be read, or is no YAML mapping.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ModelError(f"{path} has more than {_LARGEST} bytes; wanted a card.")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path} can't be read ({error.strerror}).") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is no YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path} is no card: wanted task, input, output and classes.")
    return content
