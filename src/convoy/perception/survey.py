"""Goes through pictures for views of a board that differ from each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2

from convoy.interfaces.images import CameraImage
from convoy.perception.boards import Board, CalibrationError, View
from convoy.perception.calibration import is_new
from convoy.perception.pictures import Pictures

MAX_VIEWS = 100
"""More than enough to calibrate with; each more would cost time and gain nothing."""


@dataclass(eq=False)
class Survey:
    """What was found.

    Attributes:
        size: width and height of all pictures.
        sample: the picture that shows the board largest.
        views: the board where it was found, each time in another place.
        without: in how many pictures it was not found.
        alike: in how many it was where another view has it, or beyond `MAX_VIEWS`.
    """

    size: tuple[int, int]
    sample: CameraImage
    views: list[View] = field(default_factory=list)
    without: int = 0
    alike: int = 0


def survey(pictures: Pictures, board: Board, advance: Callable[[], None] = lambda: None) -> Survey:
    """Look for the board in all pictures; `advance` is called after each.

    Raises:
        CalibrationError: a picture is damaged, or of another size than the first.
    """
    found: Survey | None = None
    largest = 0.0
    for name, image in pictures:
        size = image.width, image.height
        if found is None:
            found = Survey(size, image)
        if size != found.size:
            raise CalibrationError(
                f"{pictures.path}, picture {name} is {size[0]}x{size[1]}, others are {found.size[0]}x{found.size[1]}; "
                "wanted pictures of one camera, in one resolution."
            )
        view = board.find(name, image.to("mono8"))
        if view is None:
            found.without += 1
        elif len(found.views) == MAX_VIEWS or not is_new(view, found.views, size):
            found.alike += 1
        else:
            found.views.append(view)
            if (area := cv2.contourArea(cv2.convexHull(view.image))) > largest:
                found.sample, largest = image, area
        advance()
    if found is None:
        raise CalibrationError(f"{pictures.path} has no pictures.")
    return found
