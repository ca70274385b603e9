"""What teaches depth and poses punishes what is wrong, and forgives what it should."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from tests.learning.perception.conftest import make_sample  # noqa: E402

from convoy.learning.nets.blocks import filled, resize  # noqa: E402
from convoy.learning.nets.depth import ConvToOne  # noqa: E402
from convoy.learning.nets.depth_losses import BEYOND_WEIGHT, scale_invariant, ssim, stereo, warp  # noqa: E402
from convoy.learning.nets.posenet import rotation_between  # noqa: E402
from convoy.learning.nets.segmentation.net import ClassLoss, overlap_loss, quarter  # noqa: E402
from convoy.learning.nets.segmentation.segnet import unpool  # noqa: E402
from convoy.learning.perception.task import NetSettings  # noqa: E402


def test_depth_is_compared_where_it_is_known_and_half_of_a_common_scale_is_forgiven() -> None:
    depth = torch.rand(2, 8, 8) * 10 + 1
    depth[:, 0] = 0
    assert sum(scale_invariant(depth.clamp(min=1).log(), depth).values()) == pytest.approx(0, abs=1e-6)
    twice = scale_invariant((2 * depth.clamp(min=1)).log(), depth)
    assert float(twice["depth"]) == pytest.approx(0.5 * math.log(2) ** 2, rel=1e-4)
    assert float(twice["gradient"]) == pytest.approx(0, abs=1e-6)
    assert all(torch.isfinite(part) for part in scale_invariant(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)).values())


def test_what_is_beyond_measure_is_only_to_be_farther_than_what_is_not() -> None:
    depth = torch.tensor([[[2.0, 4.0], [torch.inf, 0.0]]])
    for said, wanted in ((2.0, math.log(2) ** 2), (4.0, 0.0), (40.0, 0.0)):
        log_depth = torch.tensor([[[2.0, 4.0], [said, 1.0]]]).log().requires_grad_()
        found = scale_invariant(log_depth, depth)
        assert found["beyond"].item() == pytest.approx(BEYOND_WEIGHT * wanted, abs=1e-6)
        assert found["depth"].item() == found["gradient"].item() == 0.0
        (slope,) = torch.autograd.grad(sum(found.values()), log_depth)
        assert torch.isfinite(slope).all()


def test_warping_by_the_true_disparity_gives_the_other_picture() -> None:
    scene = make_sample(1)
    left, right = (torch.from_numpy(picture).permute(2, 0, 1)[None] / 255 for picture in (scene.image, scene.right))
    disparity = torch.from_numpy(48.0 * 0.5 / scene.depth)[None, None]
    shares = torch.cat([disparity, disparity], dim=1) / scene.image.shape[1]
    seen = warp(right, -shares[:, :1])
    board = torch.from_numpy(scene.mask > 0)
    assert (seen - left)[0, :, board].abs().max() < 0.01
    right_one, wrong = (sum(stereo([by * shares], left, right).values()) for by in (1.0, 0.3))
    assert right_one < wrong


def test_likeness_is_one_with_itself_and_less_with_anything_else() -> None:
    one, other = torch.rand(2, 1, 3, 8, 8)
    assert torch.allclose(ssim(one, one), torch.ones(1, 3, 6, 6), atol=1e-5)
    assert ssim(one, other).mean() < 0.9


def test_rotations_are_compared_by_angle_whatever_the_sign_of_the_quaternion() -> None:
    def about_z(angle: float) -> torch.Tensor:
        return torch.tensor([[0.0, 0.0, math.sin(angle / 2), math.cos(angle / 2)]])

    for sign in (1, -1):
        found = rotation_between(about_z(0.2), sign * about_z(0.5))
        np.testing.assert_allclose(found, [[0, 0, 0.3]], atol=1e-6)


def test_void_teaches_nothing_and_a_batch_of_void_is_no_fault() -> None:
    loss = ClassLoss(NetSettings("", 8, 8, ("a", "b")))
    logits = torch.tensor([3.0, -3.0]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    masks = torch.full((1, 4, 4), 255)
    assert float(loss(logits, masks)) == 0
    masks[0, 0, 0] = 0
    surprise, missed = math.log(1 + math.exp(-6)), 1 - 2 / (2 + math.exp(-6))
    assert float(loss(logits, masks)) == pytest.approx(surprise + missed, rel=1e-3)


def test_a_class_of_few_pixels_counts_as_much_as_one_of_many() -> None:
    masks = torch.zeros(1, 10, 10, dtype=torch.int64)
    masks[0, 0, 0] = 1
    right = 100.0 * torch.nn.functional.one_hot(masks, 3).movedim(-1, 1).float()
    assert float(overlap_loss(right, masks)) == pytest.approx(0, abs=1e-6)
    without = right.clone()
    without[0, :, 0, 0] = torch.tensor([100.0, 0.0, 0.0])
    assert float(overlap_loss(without, masks)) == pytest.approx((1 + 1 / 199) / 2, rel=1e-3)


def test_unpooling_puts_values_back_where_they_were() -> None:
    maps = torch.rand(2, 3, 6, 8)
    pooled, places = torch.nn.functional.max_pool2d(maps, 2, return_indices=True)
    greatest = pooled.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    assert torch.equal(unpool(pooled, places, maps), torch.where(maps == greatest, maps, 0))


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_quarter_of_the_pixels_is_what_bringing_all_to_twice_the_size_gives_there(row: int, column: int) -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 5, 7)
    assert torch.allclose(quarter(maps, row, column), resize(maps, 10, 14)[:, :, row::2, column::2], atol=1e-6)


def test_a_convolution_to_one_channel_is_what_a_usual_one_gives() -> None:
    torch.manual_seed(0)
    layer, maps = ConvToOne(16, 1, 3, padding=1), torch.randn(2, 16, 5, 7)
    torch.testing.assert_close(layer(maps), torch.nn.functional.conv2d(maps, layer.weight, layer.bias, padding=1))


def test_classes_are_filled_up_with_some_that_never_win() -> None:
    torch.manual_seed(0)
    layer, maps = torch.nn.Conv2d(8, 11, 1), torch.randn(2, 8, 5, 7)
    found = filled(layer, maps)
    assert found.shape == (2, 16, 5, 7)
    torch.testing.assert_close(found[:, :11], layer(maps))
    assert (found.argmax(dim=1) < 11).all()
