"""The few functions of the Cyclone DDS C library on the path of a message.

cyclonedds-python copies every sample twice more than it must, and sends and takes with the interpreter lock held.
These calls go through ctypes, which releases the lock, and hand the received bytes over where they lie.
"""

from __future__ import annotations

import ctypes as ct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from cyclonedds.internal import DDS, dds_c_t, dds_infinity

from convoy.hosts.dds.wire import DdsError
from convoy.interfaces.cdr import Bytes

TIMEOUT = -10
"""DDS_RETCODE_TIMEOUT."""

_HEADER_BYTES = 4
_MAX_SAMPLES = 16
_ANY_STATE = 0

_lib: Any = DDS._dll_handle


def _function(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(_lib, name)
    function.restype, function.argtypes = result, arguments
    return function


class _Block(ct.Structure):
    """Memory and its size: a sample as cyclonedds-python lays it out, and an ``iovec``."""

    _fields_ = (("start", ct.c_void_p), ("size", ct.c_size_t))


_entity, _result = dds_c_t.entity, dds_c_t.returnv
_write = _function("dds_write", _result, _entity, ct.POINTER(_Block))
_takecdr = _function("dds_takecdr", _result, _entity, ct.c_void_p, ct.c_uint32, ct.c_void_p, ct.c_uint32)
_serdata_size = _function("ddsi_serdata_size", ct.c_uint32, ct.c_void_p)
_serdata_ref = _function(
    "ddsi_serdata_to_ser_ref", ct.c_void_p, ct.c_void_p, ct.c_size_t, ct.c_size_t, ct.POINTER(_Block)
)
_serdata_unref = _function("ddsi_serdata_unref", None, ct.c_void_p)
_delete = _function("dds_delete", _result, _entity)
_strretcode = _function("dds_strretcode", ct.c_char_p, _result)
_condition_create = _function("dds_create_readcondition", _entity, _entity, ct.c_uint32)
_waitset_create = _function("dds_create_waitset", _entity, _entity)
_waitset_attach = _function("dds_waitset_attach", _result, _entity, _entity, ct.c_ssize_t)
_waitset_detach = _function("dds_waitset_detach", _result, _entity, _entity)
_waitset_trigger = _function("dds_waitset_set_trigger", _result, _entity, ct.c_bool)
_waitset_wait = _function("dds_waitset_wait", _result, _entity, ct.c_void_p, ct.c_size_t, dds_c_t.duration)


def explain(code: int) -> str:
    """Return what Cyclone DDS calls an error code."""
    return str(_strretcode(code).decode())


def delete(entity: int) -> None:
    """Delete an entity and all that belongs to it."""
    _delete(entity)


def write(writer: int, data: Bytes) -> int:
    """Send CDR bytes; returns 0, or the error's code (`TIMEOUT` where readers cannot follow).

    Raises:
        DdsError: there are not even the bytes of CDR's header.
    """
    if len(data) < _HEADER_BYTES:
        raise DdsError(f"{len(data)} bytes are no message: CDR begins with a header of {_HEADER_BYTES}.")
    if len(data) % 4:  # the protocol reads whole words
        data = bytes(data) + bytes(-len(data) % 4)
    array = np.frombuffer(data, np.uint8)
    return int(_write(writer, ct.byref(_Block(array.ctypes.data, array.size))))


class Sample(NamedTuple):
    """A received message: its CDR bytes, which live as long as a view of them, and when it was sent."""

    data: memoryview
    source_ns: int


class _Loan:
    """Keeps the bytes of a received message where Cyclone DDS put them, and gives them back in the end."""

    __slots__ = ("__array_interface__", "_serdata")

    def __init__(self, serdata: int) -> None:
        self._serdata, size, block = serdata, _serdata_size(serdata), _Block()
        _serdata_unref(_serdata_ref(serdata, 0, size, ct.byref(block)))  # the reference taken with it is enough
        self.__array_interface__ = {"version": 3, "shape": (size,), "typestr": "|u1", "data": (block.start, True)}

    def __del__(self, unref: Any = _serdata_unref) -> None:
        unref(self._serdata)


def take(reader: int) -> Iterator[Sample]:
    """Take all messages that wait at a reader, oldest first."""
    serdata, infos = (ct.c_size_t * _MAX_SAMPLES)(), (dds_c_t.sample_info * _MAX_SAMPLES)()
    count = _MAX_SAMPLES
    while count == _MAX_SAMPLES:
        count = _takecdr(reader, serdata, _MAX_SAMPLES, infos, _ANY_STATE)
        yield from [
            Sample(np.asarray(_Loan(taken)).data, info.source_timestamp)
            for taken, info in zip(serdata[:count] if count > 0 else (), infos, strict=False)
            if info.valid_data or _serdata_unref(taken)  # without data it tells that a writer has gone
        ]


class WaitSet:
    """Waits for messages at any of many readers. `attach`, `detach` and `wake` may be called from other threads."""

    def __init__(self, participant: int) -> None:
        self._waitset = _checked(_waitset_create(participant), "create a wait set")
        self._conditions: dict[int, int] = {}
        _checked(_waitset_attach(self._waitset, self._waitset, 0), "watch the wait set")  # so that `wake` ends the wait

    def attach(self, reader: int) -> None:
        """Wait for this reader as well."""
        self._conditions[reader] = _checked(_condition_create(reader, _ANY_STATE), "watch a reader")
        _checked(_waitset_attach(self._waitset, self._conditions[reader], reader), "attach a reader")

    def detach(self, reader: int) -> None:
        """Wait for this reader no more."""
        _checked(_waitset_detach(self._waitset, self._conditions.pop(reader)), "detach a reader")

    def wait(self) -> list[int]:
        """Return the readers at which messages wait, as soon as there is one; empty after `wake`."""
        size = len(self._conditions) + 1
        ready = (ct.c_ssize_t * size)()
        count = _waitset_wait(self._waitset, ready, size, dds_infinity)
        return [reader for reader in ready[: min(max(count, 0), size)] if reader]

    def wake(self) -> None:
        """Let `wait` return, now and ever after."""
        _waitset_trigger(self._waitset, True)


def _checked(code: int, what: str) -> int:
    if code < 0:
        raise DdsError(f"DDS could not {what}: {explain(code)}.")
    return code
