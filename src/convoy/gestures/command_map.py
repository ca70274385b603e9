"""The YAML file that says which gesture commands what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from convoy.errors import ConvoyError, nearest


class CommandMapError(ConvoyError):
    """The file of commands can't be read, or names what there is not."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Stop(_Part):
    """Stop at once; nothing moves until it is told to go again."""

    command: Literal["stop"]


class Go(_Part):
    """Drive at a speed, straight on or as the policy steers, for so long."""

    command: Literal["go"]
    speed: float = Field(gt=0.0, le=40.0, description="m/s")
    hold: float = Field(gt=0.0, le=600.0, description="s after which it ends, unless it is renewed")


class Change(_Part):
    """Drive slower or faster, if it drives; the time that is left stays as it is."""

    command: Literal["slower", "faster"]
    factor: float = Field(gt=0.0, le=10.0, description="of the speed")


class Action(_Part):
    """Tell others, by name: 'photo', 'follow', ..."""

    command: Literal["action"]
    name: str = Field(min_length=1)


Command = Annotated[Stop | Go | Change | Action, Field(discriminator="command")]


class CommandMap(_Part):
    """What each gesture commands; one that is not named commands nothing."""

    gestures: dict[str, Command] = Field(min_length=1)

    @classmethod
    def read(cls, path: Path, known: tuple[str, ...]) -> CommandMap:
        """Read the file; `known` are the gestures that can be recognised.

        Raises:
            CommandMapError: the file is missing or no YAML, a command is wrong, a gesture is not known, or none stops.
        """
        try:
            content: Any = yaml.safe_load(path.read_text())
        except OSError as error:
            raise CommandMapError(f"{path} can't be read ({error.strerror}); wanted a YAML file of commands.") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise CommandMapError(f"{path} is not YAML: {' '.join(str(error).split())}.") from None
        try:
            commands = cls.model_validate(content)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(str(part) for part in fault["loc"]) or "the whole"
            raise CommandMapError(f"{path}, {where}: {fault['msg']}.") from None
        for name in commands.gestures:
            if known and name not in known:
                raise CommandMapError(
                    f"{path}: there is no gesture {name!r}; nearest first: {', '.join(nearest(name, known))}."
                )
        if not any(isinstance(command, Stop) for command in commands.gestures.values()):
            raise CommandMapError(f"{path}: no gesture commands 'stop'; what can be set going must be stoppable.")
        return commands
