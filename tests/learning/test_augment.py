"""Augmented views show the same scene, and the angle follows where the camera is moved."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from convoy.learning.augment import NO_AUGMENTATION, Augmentation, photometric, warp  # noqa: E402
from convoy.learning.nets.pilotnet import HEIGHT, WIDTH, pilotnet  # noqa: E402
from convoy.learning.steering import SteeringNet  # noqa: E402


def test_without_augmentation_training_sees_the_view_of_the_exported_net() -> None:
    images = torch.randint(0, 255, (2, 120, 160, 3), dtype=torch.uint8)
    net = SteeringNet(torch.nn.Flatten(), top=40, scale=1.0)
    seen = []
    net.net.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    net(images)
    views, correction = warp(images.permute(0, 3, 1, 2).float() / 255, 40, (HEIGHT, WIDTH), NO_AUGMENTATION)
    net.steer(views)
    assert torch.allclose(seen[0], seen[1], atol=1e-4)
    assert not correction.any()


def test_a_view_that_is_moved_to_the_right_asks_to_steer_left() -> None:
    images = torch.zeros(200, 1, 60, 80)
    images[..., 38:42] = 1
    views, correction = warp(images, 20, (40, 80), Augmentation(shift=0.2, shear=0.0, shift_rad=0.5))
    columns = torch.arange(80.0)
    seen_at = (views[:, 0].mean(1) * columns).sum(1) / views[:, 0].mean(1).sum(1)
    moved_left = seen_at < 35
    moved_right = seen_at > 45
    assert moved_left.any()
    assert moved_right.any()
    assert (correction[moved_left] > 0).all()
    assert (correction[moved_right] < 0).all()
    assert correction.abs().max() <= 0.5 * 0.2


def test_changes_of_light_stay_within_the_range_of_pixels() -> None:
    torch.manual_seed(0)
    views = torch.rand(64, 3, 20, 30)
    changed = photometric(views, Augmentation())
    assert changed.shape == views.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert (changed - views).abs().mean() > 0.02
    assert torch.allclose(photometric(views, NO_AUGMENTATION), views.clamp(1e-3, 1), atol=1e-5)


def test_pilotnet_has_the_shape_of_the_paper() -> None:
    net = pilotnet(batch_norm=False)
    assert sum(parameter.numel() for parameter in net.parameters()) == 252_219
    assert net(torch.zeros(2, 3, HEIGHT, WIDTH)).shape == (2, 1)
