"""The classes that masks and boxes speak of. This table is the only place that numbers them.

The first ten have CamVid's numbers and meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Label(IntEnum):
    SKY = 0
    BUILDING = 1
    POLE = 2
    ROAD = 3
    PAVEMENT = 4
    TREE = 5
    SIGN = 6
    FENCE = 7
    CAR = 8
    PEDESTRIAN = 9
    ROAD_MARKING = 10
    TRAFFIC_LIGHT = 11
    CONE = 12
    GRASS = 13
    OBJECT = 14


UNLABELLED = 255
"""Where a camera sees nothing: outside a fisheye's image circle."""


@dataclass(frozen=True)
class SceneClass:
    """A class: its number in masks, its name, its colour in pictures of masks, and whether its things get boxes."""

    id: int
    name: str
    colour: tuple[int, int, int]
    boxed: bool = False


CLASSES: tuple[SceneClass, ...] = (
    SceneClass(Label.SKY, "sky", (128, 160, 210)),
    SceneClass(Label.BUILDING, "building", (128, 40, 40)),
    SceneClass(Label.POLE, "pole", (192, 192, 128)),
    SceneClass(Label.ROAD, "road", (128, 64, 128)),
    SceneClass(Label.PAVEMENT, "pavement", (224, 136, 200)),
    SceneClass(Label.TREE, "tree", (80, 128, 40)),
    SceneClass(Label.SIGN, "sign", (224, 200, 40), boxed=True),
    SceneClass(Label.FENCE, "fence", (96, 80, 64)),
    SceneClass(Label.CAR, "car", (32, 40, 176), boxed=True),
    SceneClass(Label.PEDESTRIAN, "pedestrian", (220, 40, 60), boxed=True),
    SceneClass(Label.ROAD_MARKING, "road_marking", (248, 248, 248)),
    SceneClass(Label.TRAFFIC_LIGHT, "traffic_light", (250, 150, 20), boxed=True),
    SceneClass(Label.CONE, "cone", (255, 96, 0), boxed=True),
    SceneClass(Label.GRASS, "grass", (150, 190, 110)),
    SceneClass(Label.OBJECT, "object", (110, 130, 140)),
)
