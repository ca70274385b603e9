"""Images go into a net's input and results come back, to the pixel."""

from __future__ import annotations

import numpy as np
import pytest

from convoy.inference import CameraInput, Fit


def letterbox(width: int, height: int, **fields: int) -> CameraInput:
    return CameraInput(width=width, height=height, resize="letterbox", **fields)


def test_a_letterboxed_image_keeps_its_aspect_and_lies_in_the_middle() -> None:
    fit = letterbox(64, 64, padding=7).fit(128, 32)
    assert (fit.left, fit.top, fit.width, fit.height) == (0, 24, 64, 16)
    shown = fit.image(np.full((32, 128, 3), 200, np.uint8))
    assert shown.shape == (64, 64, 3)
    assert (shown[24:40] == 200).all()
    assert (shown[:24] == 7).all()
    assert (shown[40:] == 7).all()


def test_padding_that_cannot_be_even_is_smaller_at_the_upper_left() -> None:
    fit = letterbox(10, 10).fit(10, 7)
    assert (fit.top, fit.height) == (1, 7)
    fit = letterbox(10, 10).fit(7, 10)
    assert (fit.left, fit.width) == (1, 7)


@pytest.mark.parametrize("source", [(1, 1), (4000, 1), (1, 3000), (4000, 3000), (33, 17)])
@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_every_size_comes_to_the_inputs_and_back(source: tuple[int, int], resize: str) -> None:
    fit = CameraInput(width=32, height=24, resize=resize).fit(*source)
    assert fit.image(np.zeros((source[1], source[0], 3), np.uint8)).shape == (24, 32, 3)
    assert fit.mask_back(np.zeros((24, 32), np.uint8)).shape == source[::-1]
    assert fit.depth_back(np.ones((24, 32), np.float32)).shape == source[::-1]
    whole = fit.boxes(np.array([[0, 0, *source]], np.float32))
    assert fit.boxes_back(whole)[0] == pytest.approx([0, 0, *source], rel=1e-5)


@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_a_boxes_edges_are_those_of_the_pixels_it_holds(resize: str) -> None:
    """A painted rectangle, found again in the input and brought back, is where it was painted."""
    fit = CameraInput(width=120, height=120, resize=resize).fit(240, 120)
    image = np.zeros((120, 240, 3), np.uint8)
    image[20:60, 100:180] = 255
    shown = fit.image(image)[..., 0]
    shown = np.where(shown == 114, 0, shown)
    rows, columns = np.nonzero(shown)
    found = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    assert fit.boxes_back(found)[0].tolist() == [100, 20, 180, 60]
    assert fit.boxes(np.array([[100, 20, 180, 60]], np.float32))[0].tolist() == found[0].tolist()


def test_boxes_are_cut_to_the_source() -> None:
    fit = letterbox(64, 64).fit(128, 64)
    assert fit.boxes_back(np.array([[-5, 0, 70, 64]], np.float32))[0].tolist() == [0, 0, 128, 64]


@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_a_mask_comes_back_pixel_by_pixel(resize: str) -> None:
    """Half the size: each pixel of the input becomes two by two of the source."""
    fit = CameraInput(width=16, height=16, resize=resize).fit(32, 16 if resize == "letterbox" else 32)
    mask = np.random.default_rng(0).integers(0, 15, (16, 16), np.uint8)
    back = fit.mask_back(mask)
    shown = mask[4:12] if resize == "letterbox" else mask
    assert (back == np.repeat(np.repeat(shown, 2, 0), 2, 1)).all()


def test_a_mask_of_an_uneven_ratio_has_at_each_pixel_the_value_at_its_middle() -> None:
    fit = Fit.stretched((641, 479), (320, 240))
    mask = np.random.default_rng(1).integers(0, 255, (240, 320), np.uint8)
    back = fit.mask_back(mask)
    for row, column in ((0, 0), (478, 640), (239, 320), (101, 77)):
        assert back[row, column] == mask[int((row + 0.5) * 240 / 479), int((column + 0.5) * 320 / 641)]


def test_a_mask_of_the_same_size_is_itself() -> None:
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert (Fit.stretched((4, 3), (4, 3)).mask_back(mask) == mask).all()


def test_a_ramp_of_depth_comes_back_as_a_ramp() -> None:
    """Depth at a pixel's middle, in both sizes: what grows evenly across the input grows evenly across the source."""
    fit = letterbox(40, 40).fit(160, 80)
    depth = np.tile(np.arange(40, dtype=np.float32) + 0.5, (40, 1))
    back = fit.depth_back(depth)
    expected = (np.arange(160) + 0.5) / 4
    assert back.shape == (80, 160)
    assert np.abs(back[:, 2:-2] - expected[2:-2]).max() < 1e-5
