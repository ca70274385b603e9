"""A file that is read at given places, with a bound on every length."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from convoy.bags.compression import MAX_BYTES
from convoy.bags.errors import DamagedError


class Source:
    """An open file that is read at given places."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.size = os.fstat(self._file.fileno()).st_size

    def read(self, offset: int, length: int) -> bytes:
        """Read `length` bytes, fewer at the end of the file.

        Raises:
            DamagedError: the medium fails, or the length is beyond reason.
        """
        if length > MAX_BYTES:
            raise DamagedError(
                f"has a record of {length} bytes at byte {offset}, more than the {MAX_BYTES} that are read"
            )
        try:
            return os.pread(self._file.fileno(), length, offset)
        except OSError as error:
            raise DamagedError(f"cannot be read at byte {offset} ({error.strerror})") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
