"""Decompression with a bound on what comes out, and of damaged data up to the damage."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lz4.frame  # type: ignore[import-untyped]
import zstandard

from convoy.bags.errors import BagError, DamagedError

MAX_BYTES = 1 << 30
"""The largest message or chunk that is read; a greater length in a file is taken for damage."""

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PIECE = 1 << 16


def decompress(data: bytes | memoryview, compression: str, size: int) -> bytes | memoryview:
    """Decompress what is to be `size` bytes long.

    Raises:
        DamagedError: it does not decompress to just that.
    """
    plain: bytes | memoryview
    if compression == "zstd" and size:
        # Several times as fast as in pieces; the size is safe because the frame's own claim is compared first.
        _check_size(size)
        try:
            claimed = zstandard.frame_content_size(data)
            if claimed not in (size, -1):
                raise DamagedError(f"holds {claimed} bytes instead of {size}")
            plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
        except zstandard.ZstdError as error:
            raise DamagedError(f"does not decompress ({error})") from None
        problem = ""
    else:
        plain, problem = salvage(data, compression, size)
    if problem or len(plain) != size:
        raise DamagedError(problem or f"decompresses to {len(plain)} bytes instead of {size}")
    return plain


def salvage(data: bytes | memoryview, compression: str, size: int) -> tuple[bytes | memoryview, str]:
    """Decompress as much as comes out, `size` bytes at most, and say what went wrong, if anything.

    Raises:
        DamagedError: the compression is not known, or the size beyond reason.
    """
    _check_size(size)
    if not compression:
        return data[:size], ""
    if compression not in ("zstd", "lz4"):
        raise DamagedError(f"is compressed with {compression!r}; convoy reads zstd and lz4")
    plain = bytearray()
    try:
        for piece in _unpack_zstd(data) if compression == "zstd" else _unpack_lz4(data):
            plain += piece
            if len(plain) > size:
                return bytes(plain[:size]), f"decompresses to more than {size} bytes"
    except (zstandard.ZstdError, RuntimeError) as error:
        return bytes(plain), f"does not decompress ({error})"
    return bytes(plain), ""


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise DamagedError(f"claims to hold {size} bytes, more than the {MAX_BYTES} that are read")


def _unpack_zstd(data: bytes | memoryview) -> Iterator[bytes]:
    with zstandard.ZstdDecompressor().stream_reader(data) as reader:
        while piece := reader.read(_PIECE):
            yield piece


def _unpack_lz4(data: bytes | memoryview) -> Iterator[bytes]:
    decoder = lz4.frame.LZ4FrameDecompressor()
    piece = decoder.decompress(data, max_length=_PIECE)
    while piece:
        yield piece
        piece = b"" if decoder.eof else decoder.decompress(b"", max_length=_PIECE)


def decompress_message(data: bytes | memoryview) -> memoryview:
    """Decompress one message of a bag that was recorded with ``--compression-mode message``.

    Raises:
        DamagedError: it does not decompress.
    """
    try:
        size = zstandard.frame_content_size(data)
        if size < 0:
            plain, problem = salvage(data, "zstd", MAX_BYTES)
            if problem:
                raise DamagedError(problem)
            return memoryview(plain)
        return memoryview(decompress(data, "zstd", size))
    except (zstandard.ZstdError, DamagedError) as error:
        raise DamagedError(f"has a compressed message that {error}") from None


@contextmanager
def unpacked(path: Path) -> Iterator[tuple[Path, str]]:
    """Give a path at which the plain file can be read within the block, and what is wrong with it, if anything.

    A file with the ending ``.zstd`` (``--compression-mode file``) is decompressed into a temporary
    file; if it is damaged, up to the damage.

    Raises:
        BagError: there is no room for the plain file.
    """
    if path.suffix != ".zstd":
        yield path, ""
        return
    with tempfile.TemporaryDirectory(prefix="convoy-bag-") as folder:
        plain, problem = Path(folder, path.stem), ""
        try:
            with path.open("rb") as packed, plain.open("wb") as out:
                try:
                    with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
                        while piece := reader.read(_PIECE):
                            out.write(piece)
                except zstandard.ZstdError as error:
                    problem = f"does not decompress beyond byte {out.tell()} ({error})"
        except OSError as error:
            raise BagError(
                f"{path} cannot be decompressed into {folder}: {error.strerror}. TMPDIR may name a roomier folder."
            ) from None
        yield plain, problem
