"""What a page and the console say to each other over the WebSocket.

A page sends JSON texts, each one of the classes below. It gets JSON texts with a ``type``, and binary messages: a
`FRAME_HEADER` and the file of a picture.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from convoy.console.errors import ConsoleError

MAX_MESSAGE_BYTES = 4096
"""A longer one closes the connection."""
LATE_AFTER_S = 0.2
"""A command that is older, by its stamp, is dropped."""
EARLY_BY_S = 0.1
"""What a page's estimate of the console's clock may be off; a command from further ahead is dropped."""

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""Of a take or model: a file name that can't leave its folder."""
FRAME_HEADER = struct.Struct("<BxxxId")
"""Kind (`Kind`), number of the frame, and its time by the console's clock in s."""


class Kind(IntEnum):
    """What a binary message shows."""

    PICTURE = 1
    MASK = 2
    DEPTH = 3


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Drive(_Message):
    """Where a person holds steering and throttle. It is sent 20 times a second, at rest too."""

    type: Literal["drive"]
    sequence: int = Field(ge=0, le=2**53)
    stamp: float = Field(description="s, of the console's clock, see `Clock`")
    steering: float = Field(ge=-1.0, le=1.0, description="left positive")
    throttle: float = Field(ge=-1.0, le=1.0, description="forward positive; backwards brakes, then reverses")


class Stop(_Message):
    """Emergency stop. Any page may, whoever drives."""

    type: Literal["stop"]


class Release(_Message):
    """Release the emergency stop: ``press`` and, `RELEASE_HOLD_S` later, ``release`` of a button held down."""

    type: Literal["release"]
    phase: Literal["press", "release"]


class SetMode(_Message):
    """Ask for a mode of `convoy.driving.drive_mode`."""

    type: Literal["mode"]
    mode: Literal["stopped", "manual", "assisted", "autonomous"]


class Control(_Message):
    """Take the wheel or ask for it, give it back, or answer who asks."""

    type: Literal["control"]
    action: Literal["take", "give", "grant", "refuse"]


class Watch(_Message):
    """Choose the overlays that this page wants sent."""

    type: Literal["watch"]
    overlays: tuple[Literal["boxes", "mask", "depth"], ...] = Field(max_length=3, strict=False)


class Seen(_Message):
    """A picture has been shown; the next one may come."""

    type: Literal["seen"]
    frame: int = Field(ge=0, le=2**32 - 1)


class Clock(_Message):
    """Ask what the console's clock shows; ``sent`` comes back with the answer."""

    type: Literal["clock"]
    sent: float


class Record(_Message):
    """Start or end the recording of a take."""

    type: Literal["record"]
    action: Literal["start", "stop"]


class Trim(_Message):
    """Keep of a take what lies between two times, in s from its start."""

    type: Literal["trim"]
    take: str = Field(pattern=NAME)
    start: float = Field(ge=0.0)
    end: float = Field(ge=0.0)


class Delete(_Message):
    """Delete a take."""

    type: Literal["delete"]
    take: str = Field(pattern=NAME)


class Train(_Message):
    """Train a model on takes."""

    type: Literal["train"]
    takes: tuple[Annotated[str, Field(pattern=NAME)], ...] = Field(min_length=1, max_length=50, strict=False)
    epochs: int = Field(ge=1, le=200)


class CancelTraining(_Message):
    """End the training that runs."""

    type: Literal["cancel"]


class UseModel(_Message):
    """Let the policy drive by another model; the car is stopped before."""

    type: Literal["use"]
    model: str = Field(pattern=NAME)


Request = (
    Drive | Stop | Release | SetMode | Control | Watch | Seen | Clock | Record | Trim | Delete | Train
    | CancelTraining | UseModel
)  # fmt: skip
_requests: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="type")])


def parse(text: str) -> Request:
    """Read a page's message.

    Raises:
        ConsoleError: it is none; names the field, and what was wanted.
    """
    try:
        return _requests.validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "message"
        raise ConsoleError(f"{where}: {fault['msg']}") from None


def frame(kind: Kind, number: int, time_s: float, file: bytes) -> bytes:
    """Make the binary message that shows a picture."""
    return FRAME_HEADER.pack(kind, number & 0xFFFFFFFF, time_s) + file
