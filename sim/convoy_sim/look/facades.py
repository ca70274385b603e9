"""House fronts: whole walls as pictures, with windows, doors, shops and balconies."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from convoy_sim.look.atlas import Atlas
from convoy_sim.look.mesh import Rect
from convoy_sim.look.textures import Image, Rng, gravel, noise, roof_tiles, tinted

SIZE = 256
"""Pixels of a wall's picture, each way."""

_PLASTER = ((226, 212, 184), (214, 178, 138), (196, 142, 116), (206, 206, 198), (232, 224, 206), (178, 188, 172))
_BRICK = ((158, 92, 72), (142, 84, 66), (176, 120, 92))
_ROOFS = ((150, 78, 58), (120, 66, 54), (92, 92, 98), (110, 84, 66))
_SHOPS = ((160, 40, 44), (34, 92, 70), (40, 62, 120), (190, 140, 40), (70, 70, 74))
_LIT = (255, 214, 140)
_MARK = 500.0
"""Added to what a lamp lights, until the picture is finished."""


@dataclass(frozen=True)
class House:
    """How one kind of house looks: parts of the facades' texture."""

    front: Rect
    side: Rect
    roof: Rect


class Facades:
    """The house fronts of a town, in one texture.

    `lit` is the share of windows with the light on; all else is darkened to `daylight` (1: not at all).
    """

    def __init__(self, rng: Rng, lit: float, daylight: float) -> None:
        self.atlas = Atlas(2048)
        self._lit, self._daylight = lit, daylight
        roofs = [self.atlas.add(roof_tiles(rng, colour) * np.float32(daylight)) for colour in _ROOFS]
        flat = self.atlas.add(gravel(rng) * np.float32(daylight))
        self._houses: dict[tuple[str, int], list[House]] = {}
        plaster, bricks = rng.permutation(_PLASTER), rng.permutation(_BRICK)
        for style in range(5):
            brick = style == 4
            wall = bricks[0] if brick else plaster[style]
            r, g, b = (int(v) for v in np.clip(wall * 0.5 + 118, 0, 245))
            trim = (r, g, b)
            shop = style in (0, 2, 3)
            for storeys in (3, 4, 5):
                front = self._old_town(rng, wall, trim, storeys, brick, shop=shop, bays=int(rng.integers(3, 6)))
                side = self._old_town(rng, wall, trim, storeys, brick, shop=False, bays=2, plain=True)
                roof = roofs[int(rng.integers(len(roofs)))]
                self._keep("old_town", storeys, front, side, roof)
        for style in range(3):
            brick = style == 2
            wall = bricks[1] if brick else plaster[style + 2]
            for storeys in (1, 2):
                front = self._suburb(rng, wall, storeys, brick)
                side = self._old_town(rng, wall, (235, 235, 230), storeys, brick, shop=False, bays=2, plain=True)
                self._keep("suburb", storeys, front, side, roofs[int(rng.integers(len(roofs)))])
        for style in range(3):
            for storeys in (4, 7):
                front = self._office(rng, storeys, style)
                self._keep("offices", storeys, front, None, flat)
        self.flat = flat

    def look(self, quarter: str, storeys: int, style: float) -> House:
        """The house of a building: its quarter, and the kind nearest in storeys."""
        near = min((s for q, s in self._houses if q == quarter), key=lambda s: (abs(s - storeys), s))
        kinds = self._houses[quarter, near]
        return kinds[int(style * len(kinds)) % len(kinds)]

    def _keep(self, quarter: str, storeys: int, front: Image, side: Image | None, roof: Rect) -> None:
        placed = self.atlas.add(front)
        house = House(placed, placed if side is None else self.atlas.add(side), roof)
        self._houses.setdefault((quarter, storeys), []).append(house)

    def _finished(self, picture: Image) -> Image:
        lit = picture[..., :1] >= _MARK
        return np.clip(np.where(lit, picture - _MARK, picture * self._daylight), 0, 255).astype(np.float32)

    def _wall(self, rng: Rng, colour: np.ndarray, brick: bool) -> Image:
        picture = tinted(noise(rng, SIZE, SIZE, 3, 5), colour, 4.0)
        # Walls are darker near the ground and under the eaves.
        picture *= (1 - 0.16 * np.linspace(0, 1, SIZE) ** 6 - 0.22 * np.linspace(1, 0, SIZE) ** 24)[:, None, None]
        if brick:
            for row, y in enumerate(range(0, SIZE, 4)):
                picture[y] = picture[y] * 0.8 + 26
                for x in range((row % 2) * 4, SIZE, 8):
                    picture[y : y + 4, x : x + 7] += float(rng.normal(0, 7))
        return picture.astype(np.float32)

    def _window(self, rng: Rng, picture: Image, x: int, y: int, w: int, h: int, frame: tuple[int, int, int]) -> None:
        cv2.rectangle(picture, (x - 2, y - 2), (x + w + 1, y + h + 1), frame, -1)
        glass = self._glass(rng, w, h)
        picture[y : y + h, x : x + w] = glass
        if w > 12:
            cv2.line(picture, (x + w // 2, y), (x + w // 2, y + h - 1), frame, 2)
        cv2.line(picture, (x, y + h // 3), (x + w - 1, y + h // 3), frame, 1)
        cv2.rectangle(picture, (x - 4, y + h + 1), (x + w + 3, y + h + 4), tuple(c * 0.82 for c in frame), -1)
        picture[y : y + 2, x : x + w] *= 0.55

    def _glass(self, rng: Rng, w: int, h: int) -> Image:
        # The same numbers are drawn by day and by night, so that a town keeps its face.
        light, bright, curtained, curtain = rng.random(4)
        if light < self._lit:
            return np.full((h, w, 3), _LIT, dtype=np.float32) * np.float32(0.75 + 0.25 * bright) + np.float32(_MARK)
        t = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
        top, bottom = np.array([126, 142, 160], dtype=np.float32), np.array([42, 48, 58], dtype=np.float32)
        shade = np.float32(0.6 + 0.45 * bright)
        glass: Image = np.broadcast_to((top * (1 - t) + bottom * t) * shade, (h, w, 3)).copy()
        if curtained < 0.35:
            part = max(2, int(w * (0.15 + 0.25 * curtain)))
            glass[:, :part] = glass[:, w - part :] = np.array([175, 170, 161], dtype=np.float32)
        return glass

    def _old_town(
        self,
        rng: Rng,
        wall: np.ndarray,
        trim: tuple[int, int, int],
        storeys: int,
        brick: bool,
        shop: bool,
        bays: int,
        plain: bool = False,
    ) -> Image:
        picture = self._wall(rng, wall, brick)
        height = SIZE / (storeys + 0.15)
        pitch = SIZE / bays
        w, h = int(min(pitch * 0.42, height * 0.5)), int(height * 0.52)
        shutters = not plain and rng.random() < 0.4
        shutter = tuple(
            float(c) for c in rng.choice(np.array([(62, 92, 74), (92, 62, 50), (72, 84, 110), (200, 196, 188)]))
        )
        for storey in range(storeys):
            top = int(SIZE - (storey + 1) * height + height * 0.24)
            if storey == 0 and not plain:
                continue
            for bay in range(bays):
                if plain and rng.random() < 0.35:
                    continue
                x = int((bay + 0.5) * pitch - w / 2)
                if shutters:
                    cv2.rectangle(picture, (x - w // 2 - 2, top), (x + w + w // 2 + 1, top + h), shutter, -1)
                self._window(rng, picture, x, top, w, h, trim)
                if storey == 2 and not plain and rng.random() < 0.25:
                    cv2.rectangle(picture, (x - 5, top + h // 2), (x + w + 4, top + h + 4), (70, 70, 74), 1)
                    for bar in range(x - 4, x + w + 4, 3):
                        cv2.line(picture, (bar, top + h // 2), (bar, top + h + 4), (70, 70, 74), 1)
            line = int(SIZE - (storey + 1) * height)
            if not plain:
                cv2.rectangle(picture, (0, line), (SIZE, line + 3), trim, -1)
        if not plain:
            self._ground_floor(rng, picture, int(SIZE - height), bays, trim, shop)
        cv2.rectangle(picture, (0, 0), (SIZE, 5), trim, -1)
        return self._finished(picture)

    def _ground_floor(
        self, rng: Rng, picture: Image, top: int, bays: int, trim: tuple[int, int, int], shop: bool
    ) -> None:
        pitch = SIZE / bays
        door = int(rng.integers(bays))
        tall = SIZE - top
        if shop:
            colour = np.array(_SHOPS[int(rng.integers(len(_SHOPS)))], dtype=np.float64)
            picture[top + 4 :] = colour * 0.55
            sign = tuple((colour * 1.1).clip(0, 255).tolist())
            cv2.rectangle(picture, (3, top + 5), (SIZE - 4, top + int(tall * 0.28)), sign, -1)
            for k in range(int(rng.integers(5, 9))):
                x = int(SIZE * 0.25) + k * 16
                cv2.rectangle(picture, (x, top + 8), (x + 9, top + int(tall * 0.28) - 4), (238, 234, 220), -1)
        for bay in range(bays):
            x0, x1 = int(bay * pitch + pitch * 0.12), int((bay + 1) * pitch - pitch * 0.12)
            if bay == door:
                wood = tuple(float(c) for c in rng.choice(np.array([(70, 44, 32), (40, 58, 48), (58, 62, 78)])))
                middle, half = (x0 + x1) // 2, int(min(pitch * 0.2, tall * 0.26))
                y = top + int(tall * 0.3)
                cv2.rectangle(picture, (middle - half - 3, y - 3), (middle + half + 2, SIZE), trim, -1)
                cv2.rectangle(picture, (middle - half, y), (middle + half, SIZE), wood, -1)
                cv2.rectangle(
                    picture, (middle - half + 3, y + 3), (middle + half - 3, y + tall // 5), (96, 110, 122), -1
                )
            elif shop:
                y = top + int(tall * 0.34)
                picture[y : SIZE - 8, x0:x1] = self._glass(rng, x1 - x0, SIZE - 8 - y)
            else:
                w, h = int(pitch * 0.42), int(tall * 0.46)
                self._window(rng, picture, (x0 + x1 - w) // 2, top + int(tall * 0.28), w, h, trim)

    def _suburb(self, rng: Rng, wall: np.ndarray, storeys: int, brick: bool) -> Image:
        picture = self._wall(rng, wall, brick)
        frame = (240, 238, 232)
        height = SIZE / storeys
        for storey in range(storeys):
            top = int(SIZE - (storey + 1) * height + height * 0.28)
            h = int(height * 0.42)
            for middle, w in ((0.2, 48), (0.8, 48)) if storey == 0 else ((0.2, 40), (0.5, 40), (0.8, 40)):
                self._window(rng, picture, int(middle * SIZE - w / 2), top, w, h, frame)
        tone = tuple(
            float(c) for c in rng.choice(np.array([(120, 50, 44), (52, 76, 96), (84, 60, 44), (230, 228, 222)]))
        )
        y = SIZE - int(height * 0.72)
        cv2.rectangle(picture, (112, y - 4), (148, SIZE), frame, -1)
        cv2.rectangle(picture, (115, y), (145, SIZE), tone, -1)
        cv2.rectangle(picture, (121, y + 6), (139, y + int(height * 0.2)), (100, 116, 130), -1)
        return self._finished(picture)

    def _office(self, rng: Rng, storeys: int, style: int) -> Image:
        wall = np.array([(172, 170, 164), (116, 120, 126), (196, 188, 172)][style])
        picture = self._wall(rng, wall, brick=False)
        height, bays = SIZE / storeys, 8 if style != 1 else 12
        pitch = SIZE / bays
        gap = 1 if style == 1 else max(3, int(pitch * 0.16))
        for storey in range(storeys):
            top, bottom = int(SIZE - (storey + 1) * height + height * 0.22), int(SIZE - storey * height - height * 0.12)
            for bay in range(bays):
                x0, x1 = int(bay * pitch) + gap, int((bay + 1) * pitch) - gap
                picture[top:bottom, x0:x1] = self._glass(rng, x1 - x0, bottom - top)
                picture[top : top + 1, x0:x1] *= 0.6
        door = SIZE - int(height * 0.8)
        cv2.rectangle(picture, (100, door), (156, SIZE), (54, 58, 64), -1)
        for x in (104, 118, 132, 146):
            cv2.rectangle(picture, (x, door + 3), (x + 7, SIZE - 2), (120, 138, 150), -1)
        return self._finished(picture)
