"""Many small pictures and plain colours in one texture, so that one mesh can show them all."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convoy_sim.errors import SimulationError
from convoy_sim.look.mesh import Point, Rect

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

_SWATCH = 8
_SWATCH_ROWS = 4
"""Rows of plain colours that are kept free at the top."""


class Atlas:
    """A square RGB texture that pictures are added to, shelf by shelf."""

    def __init__(self, size: int) -> None:
        self.image: Picture = np.full((size, size, 3), 128, dtype=np.uint8)
        self._left, self._top, self._shelf = 0, _SWATCH * _SWATCH_ROWS, 0
        self._swatches: dict[Colour, Point] = {}

    def add(self, picture: ArrayLike) -> Rect:
        """Place an RGB picture; returns its part of the texture, half a pixel in from its edges.

        Raises:
            SimulationError: the texture is full.
        """
        picture = np.asarray(picture)
        size, (height, width) = len(self.image), picture.shape[:2]
        if self._left + width > size:
            self._left, self._top, self._shelf = 0, self._top + self._shelf, 0
        if self._top + height > size or width > size:
            raise SimulationError(f"A texture of {size} pixels is full; a picture of {width} x {height} was left over.")
        x, y = self._left, self._top
        self.image[y : y + height, x : x + width] = np.clip(picture, 0, 255).astype(np.uint8)
        self._left, self._shelf = x + width, max(self._shelf, height)
        return (x + 0.5) / size, 1 - (y + height - 0.5) / size, (x + width - 0.5) / size, 1 - (y + 0.5) / size

    def colour(self, rgb: Colour) -> Point:
        """The texture coordinate of a plain colour.

        Raises:
            SimulationError: there are too many colours.
        """
        if rgb not in self._swatches:
            size = len(self.image)
            row, column = divmod(len(self._swatches), size // _SWATCH)
            if row >= _SWATCH_ROWS:
                raise SimulationError(f"A texture of {size} pixels has no room for another plain colour.")
            x, y = column * _SWATCH, row * _SWATCH
            self.image[y : y + _SWATCH, x : x + _SWATCH] = rgb
            self._swatches[rgb] = (x + _SWATCH / 2) / size, 1 - (y + _SWATCH / 2) / size
        return self._swatches[rgb]
