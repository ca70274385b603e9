"""How the C library treats memory that is given back."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""As malloc.h numbers them."""


def keep_freed_memory(most: int) -> None:
    """Let the C library keep `most` bytes of freed memory for what comes next (glibc; elsewhere nothing happens).

    By default it returns large blocks at once, and the kernel clears each page anew: twice the time and CPU of an image
    of 1080p that is sent, a fifth of the CPU of a convnet that is trained. Blocks of more than half of it are returned.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(_MMAP_THRESHOLD, most // 2)
        mallopt(_TRIM_THRESHOLD, most)
