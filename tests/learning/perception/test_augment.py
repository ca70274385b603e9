"""However a view is varied, its parts still speak of the same things: to the pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from convoy.inference import stretch  # noqa: E402
from convoy.learning.augment import NO_AUGMENTATION  # noqa: E402
from convoy.learning.datasets.sample import Sample  # noqa: E402
from convoy.learning.perception.augment import Variation, mirrored, part, plain_view, varied_view  # noqa: E402
from convoy.learning.perception.task import View  # noqa: E402

DARK = NO_AUGMENTATION


def alone(scene: Sample) -> Sample:
    return replace(scene, right=None, baseline_m=0.0)


def board(view: View) -> list[float]:
    """Where the mask shows the board, as a box."""
    assert view.mask is not None
    rows, columns = torch.nonzero(view.mask, as_tuple=True)
    return [float(edge) for edge in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]


def test_a_plain_view_is_what_the_robot_sees(scene: Sample) -> None:
    view = plain_view(alone(scene), 48, 32)
    seen = torch.from_numpy(stretch(scene.image, 48, 32)).permute(2, 0, 1) / 255
    assert torch.equal(view.image, seen)
    assert view.mask.shape == view.depth.shape == (32, 48)
    assert view.instances.shape == (1, 32, 48)
    np.testing.assert_allclose(view.boxes, scene.boxes / 2)


@pytest.mark.parametrize("seed", range(8))
def test_boxes_masks_depth_and_instances_move_together(scene: Sample, seed: int) -> None:
    view = varied_view(alone(scene), 96, 64, Variation(light=DARK), seed)
    assert torch.equal(view.mask > 0, view.instances[0])
    assert torch.equal(view.mask > 0, (view.depth > 0) & (view.depth < 11.9))
    np.testing.assert_allclose(board(view), view.boxes[0], atol=1.0)
    share = (view.image - view.image.mean(0)).abs().sum(0) > 0.2
    assert (share == (view.mask > 0)).float().mean() > 0.97, "the colour is where the mask says"


@pytest.mark.parametrize("seed", range(8))
def test_a_point_projects_to_where_it_is_seen(scene: Sample, seed: int) -> None:
    """The board's corners, placed in space by the scene's depth and camera, fall on those in the varied view."""
    view = varied_view(alone(scene), 96, 64, Variation(mirror=False, light=DARK), seed)
    found = board(view)
    inside = [found[0] > 0, found[1] > 0, found[2] < 96, found[3] < 64]
    left, top, right, bottom = scene.boxes[0]
    depth = scene.depth[int(top), int(left)]
    ray = np.linalg.inv(scene.camera)
    near, far = ray @ [left - 0.5, top - 0.5, 1] * depth, ray @ [right - 0.5, bottom - 0.5, 1] * depth
    camera = view.camera.double().numpy()
    corners = [(camera @ point / point[2])[:2] + 0.5 for point in (near, far)]
    wanted = np.array([*corners[0], *corners[1]])
    for is_inside, at, edge in zip(inside, wanted, found, strict=True):
        assert not is_inside or abs(at - edge) <= 1.0


def test_a_mirror_turns_the_camera_and_swaps_the_stereo_pair(scene: Sample) -> None:
    view = plain_view(scene, 96, 64)
    turned = mirrored(view)
    assert torch.equal(turned.image, view.right.flip(-1))
    assert torch.equal(turned.right, view.image.flip(-1))
    assert turned.mask is None
    assert turned.boxes is None
    assert turned.camera[0, 2] == 95 - view.camera[0, 2]
    again = mirrored(turned)
    assert torch.equal(again.image, view.image)
    assert torch.equal(again.camera, view.camera)


def test_a_mirrored_view_has_no_pose_and_mirrored_boxes(scene: Sample) -> None:
    view = plain_view(alone(scene), 96, 64)
    turned = mirrored(view)
    assert turned.pose is None
    assert turned.boxes[0].tolist() == [
        96 - view.boxes[0, 2],
        view.boxes[0, 1],
        96 - view.boxes[0, 0],
        view.boxes[0, 3],
    ]
    assert torch.equal(turned.mask, view.mask.flip(-1))
    assert torch.equal(turned.depth, view.depth.flip(-1))


def test_a_part_keeps_what_is_visible_enough(scene: Sample) -> None:
    left, top, right, bottom = (int(edge) for edge in scene.boxes[0])
    most = part(scene, left + 2, top, 90 - left, bottom - top)
    assert most.boxes.tolist() == [[0, 0, right - left - 2, bottom - top]]
    assert most.camera[0, 2] == scene.camera[0, 2] - left - 2
    little = part(scene, 0, 0, left + 3, 64)
    assert len(little.boxes) == len(little.labels) == len(little.instance_ids) == 0


def test_the_same_seed_gives_the_same_view_whatever_was_drawn_before(scene: Sample) -> None:
    first = varied_view(scene, 48, 32, Variation(), 5)
    torch.rand(7)
    state = torch.random.get_rng_state()
    assert torch.equal(varied_view(scene, 48, 32, Variation(), 5).image, first.image)
    assert torch.equal(torch.random.get_rng_state(), state), "nothing else draws otherwise for it"
    assert not torch.equal(varied_view(scene, 48, 32, Variation(), 6).image, first.image)


def test_light_changes_both_pictures_of_a_pair_alike(scene: Sample) -> None:
    same = replace(scene, right=scene.image)
    view = varied_view(same, 96, 64, Variation(mirror=False, zoom=0.0), 3)
    assert torch.allclose(view.image[:, :, 2:-2], view.right[:, :, 2:-2], atol=1e-6)
    assert not torch.allclose(view.image, plain_view(same, 96, 64).image, atol=0.02)


def test_depth_that_is_no_number_is_unknown_and_infinite_depth_is_far(scene: Sample) -> None:
    depth = scene.depth.copy()
    depth[0, 0], depth[0, 1], depth[0, 2] = np.nan, np.inf, -1
    assert plain_view(replace(scene, depth=depth), 96, 64).depth[0, :3].tolist() == [0, np.inf, 0]


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (375, 500)])
def test_pictures_of_any_size_become_views(size: tuple[int, int]) -> None:
    height, width = size
    sample = Sample(
        "odd",
        np.zeros((height, width, 3), np.uint8),
        boxes=np.array([[0, 0, width, height]], np.float32),
        labels=np.array([0]),
        mask=np.zeros((height, width), np.uint8),
    )
    view = varied_view(sample, 48, 32, Variation(), 0)
    assert view.image.shape == (3, 32, 48)
    np.testing.assert_allclose(view.boxes, [[0, 0, 48, 32]], atol=1e-3)
