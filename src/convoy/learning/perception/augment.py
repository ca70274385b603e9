"""From samples to views: brought to the net's size, and varied where they teach. All parts of a sample stay consistent.

The geometry is torchvision's; the camera's intrinsics, the stereo pair and the boxes follow by what it does to pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional

from convoy.inference import Fit
from convoy.learning.augment import Augmentation, photometric
from convoy.learning.datasets.sample import Sample
from convoy.learning.perception.task import View

LEAST_VISIBLE = 0.25
"""Of a box's area, that a part of the picture must show for the box to stay."""
SMALLEST_BOX_PX = 1.0


@dataclass(frozen=True)
class Variation:
    """How views are varied.

    Attributes:
        mirror: half of them are mirrored; a stereo pair then changes sides.
        zoom: largest share of the picture's width and height that is cut away, anywhere around the rest.
        light: how far light, colour, sharpness and noise change.
    """

    mirror: bool = True
    zoom: float = 0.4
    light: Augmentation = field(default_factory=Augmentation)


_STEREO_LIGHT = {"shadow": 0.0, "noise": 0.0}
"""What would be different in both pictures of a pair, and break what they have in common."""


def plain_view(sample: Sample, width: int, height: int) -> View:
    """Bring a sample to a size as `convoy.inference` brings an image there, by stretching."""
    fit = Fit.stretched((sample.image.shape[1], sample.image.shape[0]), (width, height))
    return _after(sample, fit.image(sample.image), fit)


def varied_view(sample: Sample, width: int, height: int, by: Variation, seed: int) -> View:
    """Vary a sample; the same seed gives the same view, whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        view = plain_view(*_part(sample, width, height, by.zoom))
        if by.mirror and torch.rand(()) < 0.5:
            view = mirrored(view)
        return _lit(view, by.light)


def mirrored(view: View) -> View:
    """Mirror a view left to right; the pictures of a stereo pair change sides, and what is known of the left is lost.

    A camera's pose has no mirror image, and the mirror image of a left hand is a right one: both are dropped.
    """
    height, width = view.image.shape[-2:]
    camera = view.camera
    if camera is not None:
        camera = camera.clone()
        camera[0, 2] = width - 1 - camera[0, 2]
    if view.right is not None:
        left, right = functional.horizontal_flip(view.right), functional.horizontal_flip(view.image)
        return View(left, right=right, baseline_m=view.baseline_m, camera=camera, category=view.category)
    boxes = view.boxes
    if boxes is not None:
        framed = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(height, width))
        boxes = functional.horizontal_flip(framed).as_subclass(Tensor)

    def flip(map_: Tensor | None) -> Tensor | None:
        return None if map_ is None else functional.horizontal_flip(map_)

    return replace(
        view,
        image=functional.horizontal_flip(view.image),
        boxes=boxes,
        mask=flip(view.mask),
        instances=flip(view.instances),
        keypoints=None,
        depth=flip(view.depth),
        camera=camera,
        pose=None,
    )


def part(sample: Sample, left: int, top: int, width: int, height: int) -> Sample:
    """Cut a rectangle, in pixels, out of a sample. Boxes of which too little is left go."""
    rows, columns = slice(top, top + height), slice(left, left + width)

    def cut(map_: np.ndarray | None) -> np.ndarray | None:
        return None if map_ is None else map_[rows, columns]

    camera = sample.camera
    if camera is not None:
        camera = camera.copy()
        camera[:2, 2] -= left, top
    boxes, labels, ids, points = sample.boxes, sample.labels, sample.instance_ids, sample.keypoints
    if boxes is not None:
        moved = np.clip(boxes - np.array([left, top] * 2, np.float32), 0, np.array([width, height] * 2, np.float32))
        keep = _areas(moved) >= np.maximum(LEAST_VISIBLE * _areas(boxes), 1e-6)
        boxes, labels = moved[keep], None if labels is None else labels[keep]
        ids = None if ids is None else ids[keep]
        points = None if points is None else _points_within(points[keep], left, top, width, height)
    return replace(
        sample,
        image=sample.image[rows, columns],
        boxes=boxes,
        labels=labels,
        mask=cut(sample.mask),
        instances=cut(sample.instances),
        instance_ids=ids,
        keypoints=points,
        depth=cut(sample.depth),
        right=cut(sample.right),
        camera=camera,
    )


def _part(sample: Sample, width: int, height: int, zoom: float) -> tuple[Sample, int, int]:
    high, wide = sample.image.shape[:2]
    share, x, y = 1 - zoom * torch.rand(()).item() ** 2, torch.rand(()).item(), torch.rand(()).item()
    size = math.ceil(wide * share), math.ceil(high * share)
    return part(sample, round((wide - size[0]) * x), round((high - size[1]) * y), *size), width, height


def _after(sample: Sample, image: np.ndarray, fit: Fit) -> View:
    """A view whose picture is resized already; the rest follows."""
    labels, boxes, points, keep = sample.labels, sample.boxes, sample.keypoints, None
    if boxes is not None:
        boxes = fit.boxes(boxes).astype(np.float32)
        sides = boxes[:, 2:] - boxes[:, :2]
        keep = (sides >= SMALLEST_BOX_PX).all(axis=1)
        boxes, labels = boxes[keep], None if labels is None else labels[keep]
        points = None if points is None else points[keep] * np.array([*fit.scale, 1], np.float32)
    instances = None
    if sample.instances is not None and sample.instance_ids is not None:
        ids = sample.instance_ids if keep is None else sample.instance_ids[keep]
        instances = torch.from_numpy(_nearest(sample.instances, fit).astype(np.int64) == ids[:, None, None])
    camera = sample.camera
    if camera is not None:
        scale = np.array(fit.scale)
        camera = camera.copy()
        camera[:2, :2] *= scale[:, None]
        camera[:2, 2] = (camera[:2, 2] + 0.5) * scale - 0.5
    return View(
        image=_picture(image),
        boxes=None if boxes is None else torch.from_numpy(boxes),
        labels=None if labels is None else torch.from_numpy(labels.astype(np.int64)),
        mask=None if sample.mask is None else torch.from_numpy(_nearest(sample.mask, fit).astype(np.int64)),
        instances=instances,
        keypoints=None if points is None else torch.from_numpy(points),
        depth=None if sample.depth is None else torch.from_numpy(_metres(_nearest(sample.depth, fit))),
        right=None if sample.right is None else _picture(fit.image(sample.right)),
        baseline_m=sample.baseline_m,
        camera=None if camera is None else torch.from_numpy(camera.astype(np.float32)),
        pose=None if sample.pose is None else torch.from_numpy(sample.pose.astype(np.float32)),
        category=sample.category,
    )


def _points_within(points: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    """Move keypoints (N, P, 3) to a part of the picture; those outside of it are not known."""
    places = points[..., :2] - np.array([left, top], np.float32)
    inside = ((places >= 0) & (places <= np.array([width, height]))).all(axis=-1, keepdims=True)
    return np.concatenate([places, points[..., 2:] * inside], axis=-1).astype(np.float32)


def _nearest(values: np.ndarray, fit: Fit) -> np.ndarray:
    # Labels and depths are not mixed at edges: each pixel takes the one at its middle.
    if values.shape[1::-1] == fit.target:
        return np.ascontiguousarray(values)
    return cv2.resize(values, fit.target, interpolation=cv2.INTER_NEAREST_EXACT)


def _metres(depth: np.ndarray) -> np.ndarray:
    return np.where(depth > 0, depth, 0).astype(np.float32)


def _picture(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255


def _lit(view: View, light: Augmentation) -> View:
    if view.right is None:
        return replace(view, image=photometric(view.image[None], light)[0])
    both = torch.cat([view.image, view.right], dim=1)
    left, right = photometric(both[None], replace(light, **_STEREO_LIGHT))[0].chunk(2, dim=1)
    return replace(view, image=left.contiguous(), right=right.contiguous())


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
