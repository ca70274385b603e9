"""``ts:FILE``: multivariate series in the text format of the UEA archive (Bagnall et al. 2018; sktime's .ts)."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from convoy.learning.errors import LearningError
from convoy.learning.series import SeriesSet

_MOST_VALUES = 1 << 28


class _Head:
    """The lines with @ in front of the data."""

    def __init__(self) -> None:
        self.classes: tuple[str, ...] = ()
        self.fields: dict[str, str] = {}

    def take(self, line: str, where: str) -> None:
        name, *values = line[1:].split()
        self.fields[name.lower()] = " ".join(values)
        if name.lower() == "classlabel":
            if len(values) < 3 or values[0].lower() != "true":
                raise LearningError(f"{where}: {line!r} names no classes; wanted '@classLabel true' and two or more.")
            self.classes = tuple(values[1:])
        if name.lower() == "timestamps" and values[:1] != ["false"]:
            raise LearningError(f"{where}: series with time stamps are not read; wanted '@timeStamps false'.")

    def number(self, name: str) -> int | None:
        text = self.fields.get(name, "")
        return int(text) if text.isdecimal() else None


def read_ts(path: Path, licence: str = "not stated") -> SeriesSet:
    """Read a file of labelled series of equal length; a value '?' or NaN is interpolated in its channel.

    Raises:
        LearningError: the file is missing or empty, or a line is not what its head promises; names file and line.
    """
    try:
        # The archive's heads are in several encodings; what is read of them is ASCII.
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise LearningError(f"{path} can't be read ({error.strerror}); wanted a .ts file of the UEA archive.") from None
    head, in_data = _Head(), False
    rows: list[np.ndarray] = []
    labels: list[int] = []
    shape: tuple[int, int] | None = None
    for number, line in enumerate(lines, 1):
        where, line = f"{path}, line {number}", line.strip()
        if not line or line.startswith("#"):
            continue
        if not in_data:
            if not line.startswith("@"):
                raise LearningError(f"{where}: {line[:40]!r} stands before '@data'; is this a .ts file?")
            in_data = line.lower() == "@data"
            if in_data and not head.classes:
                raise LearningError(f"{where}: '@data' without '@classLabel' before it; wanted labelled series.")
            if not in_data:
                head.take(line, where)
            continue
        values, label = _row(line, where)
        if label not in head.classes:
            raise LearningError(f"{where}: class {label!r} is none of {', '.join(head.classes)}.")
        shape = shape or (head.number("dimensions") or values.shape[0], head.number("serieslength") or values.shape[1])
        if values.shape != shape:
            raise LearningError(
                f"{where}: {values.shape[0]} channels of {values.shape[1]} values, wanted {shape[0]} of {shape[1]}."
            )
        if len(rows) * values.size > _MOST_VALUES:
            raise LearningError(f"{path} holds more than {_MOST_VALUES} values; that is more than is read.")
        rows.append(_fill(values, where))
        labels.append(head.classes.index(label))
    if not rows:
        what = "no series after '@data'" if in_data else "no '@data'"
        raise LearningError(f"{path} is empty: it has {what}; wanted labelled series.")
    return SeriesSet(
        f"ts:{path}",
        licence,
        f"{head.fields.get('problemname') or path.stem}, as in the file",
        np.stack(rows).transpose(0, 2, 1).astype(np.float32),
        np.array(labels),
        head.classes,
        np.arange(len(rows)),
    )


def _row(line: str, where: str) -> tuple[np.ndarray, str]:
    *channels, label = line.split(":")
    if not channels:
        raise LearningError(f"{where}: no ':' in it; wanted channels and the class, parted by ':'.")
    texts = [channel.split(",") for channel in channels]
    for number, channel in enumerate(texts, 1):
        if len(channel) != len(texts[0]):
            raise LearningError(
                f"{where}: channel {number} has {len(channel)} values, channel 1 has {len(texts[0])}; wanted as many."
            )
    try:
        values = [[math.nan if text.strip() == "?" else float(text) for text in channel] for channel in texts]
    except ValueError as error:
        raise LearningError(f"{where}: {error}.") from None
    return np.array(values), label.strip()


def _fill(values: np.ndarray, where: str) -> np.ndarray:
    if np.isinf(values).any():
        raise LearningError(f"{where}: a value is infinite.")
    for number, channel in enumerate(values, 1):
        seen = ~np.isnan(channel)
        if not seen.any():
            raise LearningError(f"{where}: channel {number} has no value.")
        if not seen.all():
            channel[:] = np.interp(np.arange(channel.size), np.flatnonzero(seen), channel[seen])
    return values
