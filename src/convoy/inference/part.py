"""What all parts of a model's card have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of a card: plain, finite values, none of them unknown, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
