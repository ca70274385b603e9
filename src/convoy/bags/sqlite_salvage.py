"""Reading a damaged sqlite3 file: its rows are gathered page by page, without the trees that lead to them.

SQLite itself refuses a file that is shorter than its header says, and a single broken page of a tree
hides all rows below it. See sqlite.org/fileformat2.html for the layout of pages, cells and records.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from convoy.bags.compression import MAX_BYTES
from convoy.bags.errors import DamagedError
from convoy.bags.source import Source

MAGIC = b"SQLite format 3\0"
_LEAF_OF_TABLE = 0x0D
_INTEGER_SIZES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_BLOCK_PAGES = 256
_LONGEST_TEXT = 1 << 20

Value = int | str | None


class MessageRow(NamedTuple):
    """A row of the table ``messages``; its data is read later."""

    id: int
    topic_id: int
    timestamp_ns: int
    page: int
    cell: int
    """Offset within the page."""


@dataclass
class Salvaged:
    """The rows of all tables of a bag that are whole."""

    topics: list[tuple[Value, ...]] = field(default_factory=list)
    definitions: list[tuple[Value, ...]] = field(default_factory=list)
    messages: list[MessageRow] = field(default_factory=list)
    """By id, up to the first that is missing."""


class _Cell(NamedTuple):
    row_id: int
    size: int
    """Bytes of the whole record."""
    local: bytes
    """The record's bytes that lie in the page."""
    overflow: int
    """Page that the rest begins in, 0 if there is none."""


class Salvage:
    """A damaged sqlite3 file, open for reading.

    Raises:
        DamagedError: not even its header is whole.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        header = source.read(0, 100)
        if len(header) < 100 or not header.startswith(MAGIC):
            raise DamagedError("has lost its header")
        (page_size,) = struct.unpack_from(">H", header, 16)
        self._page_size = 65536 if page_size == 1 else page_size
        self._usable = self._page_size - header[20]
        if self._page_size < 512 or self._page_size & (self._page_size - 1) or self._usable < 480:
            raise DamagedError("has a broken header")
        self.pages = source.size // self._page_size
        # The header's number of pages holds if it was written along with the change counter.
        pages = max(1, struct.unpack_from(">I", header, 28)[0]) if header[24:28] == header[92:96] else 1
        whole = max(pages, -(-source.size // self._page_size)) * self._page_size
        self.missing_bytes = whole - source.size
        """What was cut off at the end; SQLite itself reads a part of a page as if the rest were zeros."""

    def rows(self) -> Salvaged:
        """Gather the rows of the whole file."""
        salvaged = Salvaged()
        messages: dict[int, MessageRow] = {}
        for number in range(1, self.pages + 1, _BLOCK_PAGES):
            block = self._source.read((number - 1) * self._page_size, _BLOCK_PAGES * self._page_size)
            for begin in range(0, len(block) - self._page_size + 1, self._page_size):
                if block[begin] == _LEAF_OF_TABLE:
                    page = block[begin : begin + self._page_size]
                    self._take_page(number + begin // self._page_size, page, salvaged, messages)
        while row := messages.get(len(salvaged.messages) + 1):
            salvaged.messages.append(row)
        return salvaged

    def data(self, row: MessageRow) -> bytes:
        """Read the data of a message."""
        page = self._source.read((row.page - 1) * self._page_size, self._page_size)
        record = self._whole_record(self._parse_cell(page, row.cell))
        *_, (begin, end) = _columns(record)
        return record[begin:end]

    def _take_page(self, number: int, page: bytes, salvaged: Salvaged, messages: dict[int, MessageRow]) -> None:
        (cells,) = struct.unpack_from(">H", page, 3)
        for index in range(min(cells, (self._usable - 8) // 2)):
            (offset,) = struct.unpack_from(">H", page, 8 + 2 * index)
            try:
                cell = self._parse_cell(page, offset)
                kinds = _kinds(cell.local)
                if len(kinds) == 4 and kinds[0] == 0 and kinds[3] >= 12 and kinds[3] % 2 == 0:
                    self._check_overflow(cell)
                    _, topic_id, timestamp_ns = _values(cell.local, 3)
                    if isinstance(topic_id, int) and isinstance(timestamp_ns, int):
                        messages[cell.row_id] = MessageRow(cell.row_id, topic_id, timestamp_ns, number, offset)
                elif len(kinds) in (4, 5, 6) and kinds[0] == 0 and cell.size <= _LONGEST_TEXT:
                    row = (cell.row_id, *_values(self._whole_record(cell), len(kinds))[1:])
                    if isinstance(row[1], str):
                        (salvaged.topics if row[1].startswith("/") else salvaged.definitions).append(row)
            except (DamagedError, IndexError, struct.error, UnicodeDecodeError):
                continue

    def _parse_cell(self, page: bytes, offset: int) -> _Cell:
        size, offset = _varint(page, offset)
        row_id, offset = _varint(page, offset)
        if size > MAX_BYTES:
            raise DamagedError("has a broken cell")
        most = self._usable - 35
        if size <= most:
            return _Cell(row_id, size, page[offset : offset + size], 0)
        least = (self._usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (self._usable - 4)
        if local > most:
            local = least
        (overflow,) = struct.unpack_from(">I", page, offset + local)
        return _Cell(row_id, size, page[offset : offset + local], overflow)

    def _overflow_pages(self, cell: _Cell) -> Iterator[tuple[int, int]]:
        """Yield offset in the file and number of bytes of what lies outside of the cell's page."""
        rest, number = cell.size - len(cell.local), cell.overflow
        while rest > 0:
            if not 1 < number <= self.pages:
                raise DamagedError("has a row that is not whole")
            offset = (number - 1) * self._page_size
            part = min(rest, self._usable - 4)
            yield offset + 4, part
            rest -= part
            number = int.from_bytes(self._source.read(offset, 4), "big")
        if number:
            raise DamagedError("has a row that is not whole")

    def _check_overflow(self, cell: _Cell) -> None:
        for _ in self._overflow_pages(cell):
            pass

    def _whole_record(self, cell: _Cell) -> bytes:
        return b"".join([cell.local, *(self._source.read(*part) for part in self._overflow_pages(cell))])


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = data[offset + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, offset + index + 1
    return value << 8 | data[offset + 8], offset + 9


def _kinds(record: bytes) -> list[int]:
    """Return the serial types of a record's columns."""
    end, offset = _varint(record, 0)
    kinds = []
    while offset < end:
        kind, offset = _varint(record, offset)
        kinds.append(kind)
    return kinds


def _columns(record: bytes) -> list[tuple[int, int]]:
    """Return where each column's bytes begin and end."""
    begin, _ = _varint(record, 0)
    columns = []
    for kind in _kinds(record):
        size = (kind - 12) // 2 if kind >= 12 else 8 if kind == 7 else _INTEGER_SIZES.get(kind, 0)
        columns.append((begin, begin + size))
        begin += size
    return columns


def _values(record: bytes, count: int) -> list[Value]:
    values: list[Value] = []
    for kind, (begin, end) in zip(_kinds(record)[:count], _columns(record), strict=False):
        if end > len(record):
            raise DamagedError("has a row that is not whole")
        if kind in _INTEGER_SIZES:
            values.append(int.from_bytes(record[begin:end], "big", signed=True))
        elif kind in (8, 9):
            values.append(kind - 8)
        elif kind >= 12 and kind % 2:
            values.append(record[begin:end].decode())
        else:
            values.append(None)
    return values
