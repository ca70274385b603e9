"""Messages as plain JSON values, the same for the same message on every run."""

from __future__ import annotations

import hashlib
import math
from functools import cache
from typing import Any

import numpy as np

from convoy.interfaces.messages import store

LARGEST_ARRAY = 64
"""Elements; a longer array is told by its shape and a hash."""


def plain(value: Any) -> Any:
    """Turn a message, or a part of one, into dictionaries, lists, numbers and strings.

    Numbers that JSON lacks become the strings 'nan', 'inf' and '-inf'; a long array becomes type, shape and SHA-256.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (int, str)):
        return value
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        if value.size > LARGEST_ARRAY:
            digest = hashlib.sha256(value.tobytes()).hexdigest()
            return {"dtype": str(value.dtype), "shape": list(value.shape), "sha256": digest}
        return [plain(item) for item in value.tolist()]
    return {name: plain(getattr(value, name)) for name in _fields(value.__msgtype__)}


@cache
def _fields(message_type: str) -> tuple[str, ...]:
    return tuple(name for name, _ in store.fielddefs[message_type][1])
