"""Merging parts that are sorted in themselves, without opening a part before its time has come."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence

from convoy.bags.records import Record, order

Part = tuple[int, Callable[[], Iterable[Record]]]
"""A time in ns before which the part holds no message, and what opens it."""

_OpenPart = tuple[int, str, int, int, Record, Iterator[Record]]
_NEVER = 1 << 65


def merge(parts: Sequence[Part]) -> Iterator[Record]:
    """Yield the records of all parts in order of log time, topic and sequence.

    Records that are equal in these three come in the order of `parts`. Only parts that overlap in
    time are open together.
    """
    waiting = sorted(range(len(parts)), key=lambda number: parts[number][0], reverse=True)
    heap: list[_OpenPart] = []
    while waiting or heap:
        while waiting and (not heap or parts[waiting[-1]][0] <= heap[0][0]):
            number = waiting.pop()
            following = _next(number, iter(parts[number][1]()))
            if following:
                heapq.heappush(heap, following)
        if not heap:
            continue
        *_, number, record, records = heap[0]
        yield record
        if len(heap) > 1:
            following = _next(number, records)
            if following:
                heapq.heapreplace(heap, following)
            else:
                heapq.heappop(heap)
            continue
        # Nearly always one part is open alone: its records pass by the heap.
        heap.clear()
        opens_next = parts[waiting[-1]][0] if waiting else _NEVER
        for record in records:
            if record.log_time_ns >= opens_next:
                heap.append((*order(record), number, record, records))
                break
            yield record


def _next(number: int, records: Iterator[Record]) -> _OpenPart | None:
    record = next(records, None)
    return (*order(record), number, record, records) if record else None
