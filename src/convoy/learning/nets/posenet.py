"""PoseNet: where a camera is, from one picture (Kendall et al. 2015), and how sure that is (Kendall & Gal 2017)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from convoy.learning.nets.backbones import backbone
from convoy.learning.nets.blocks import conv_bn_relu, precisely
from convoy.learning.perception.task import NetSettings, PerceptionNet

CHANNELS, FEATURES, LOCAL = 32, 512, 32
"""Of the map that the dense layers see, of the first of them, and of what places a view beside a landmark."""
BETA = 5.0
"""Weight of the rotation's error in rad against the position's in units of the area's extent."""
_LEAST_LOG, _MOST_LOG = -8.0, 4.0
_MEMORY = 0.99
_LEAST_SPACING = 1e-3
"""Of landmarks, as `distances` has it."""


class PoseHead(nn.Module):
    """Dense layers for position, rotation and the deviations of both, from an encoder's deepest maps.

    Two things are otherwise than in the paper. Features are made fewer and then seen where they are: pooled over the
    picture they tell which street it is, but hardly how far along. And the head first tells which of
    `NetSettings.landmarks`, poses of training pictures all over the map, are near, which it is taught as a classifier
    is (Weyand et al. 2016, PlaNet), and then how the view lies to each of them: what shows that a camera is a metre
    farther is another thing in every street.

    `forward` gives poses (N, 7), x y z in m and a unit quaternion x y z w; deviations (N, 6): of x y z in m and of
    the rotation about the camera's axes in rad; and (N, 1) among how many landmarks the head hesitates, their
    perplexity. Targets are poses (N, 7).

    Views of another town look like some street of this one, and of the deviation the net is sure all the same. But
    they look like many streets: by the landmarks the two are told apart.

    Where it has `learned` how far off it may be, it says so for each picture, by the likelihood of a Laplace
    distribution, and that weighs its errors. Else position and rotation are weighed once and for all, and the
    deviations are the errors that were met in training, the same for all pictures.
    """

    origin: Tensor
    landmarks: Tensor
    met: Tensor

    def __init__(self, encoder: nn.Module, settings: NetSettings, learned: bool) -> None:
        super().__init__()
        self.learned, self.extent_m = learned, settings.extent_m
        with torch.no_grad():
            maps = encoder.eval()(torch.zeros(1, 3, settings.height, settings.width))[-1]
            encoder.train()
        self.reduce = conv_bn_relu(maps.shape[1], CHANNELS, 1)
        self.features = nn.Sequential(
            nn.Linear(CHANNELS * maps[0, 0].numel(), FEATURES), nn.ReLU(), nn.Dropout(settings.dropout)
        )
        landmarks = torch.tensor(settings.landmarks or [(*settings.origin, 0.0, 0.0, 0.0, 1.0)])
        landmarks[:, :3] = (landmarks[:, :3] - torch.tensor(settings.origin)) / settings.extent_m
        self.register_buffer("landmarks", landmarks)
        self.spacing = _spacing(landmarks)
        self.near = nn.Linear(FEATURES, len(landmarks))
        self.local = nn.Sequential(nn.Linear(FEATURES, LOCAL), nn.ReLU())
        self.beside = _zero(nn.Linear(LOCAL, len(landmarks) * 7))
        # What nothing teaches several GPUs would refuse: they want a gradient of all that learns.
        self.log_scale = _zero(nn.Linear(FEATURES, 6)) if learned else None
        self.register_buffer("origin", torch.tensor(settings.origin))
        self.register_buffer("met", torch.ones(6))

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        near, position, rotation, log_scale = self._predict(maps)
        units = torch.tensor([self.extent_m] * 3 + [1.0] * 3, device=maps.device)
        # A Laplace distribution's deviation is sqrt(2) times its scale.
        scale = self.met.expand(len(maps), 6) if log_scale is None else math.sqrt(2) * log_scale.exp()
        places = (near.softmax(dim=1) * -near.log_softmax(dim=1)).sum(dim=1, keepdim=True).exp()
        return torch.cat([position * self.extent_m + self.origin, rotation], dim=1), scale * units, places

    def loss(self, maps: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Give the parts of the loss, of which the sum is learned."""
        near, position, rotation, log_scale = self._predict(maps)
        wanted = torch.cat([(targets[:, :3] - self.origin) / self.extent_m, targets[:, 3:]], dim=1)
        off = torch.cat([position - wanted[:, :3], rotation_between(wanted[:, 3:], rotation)], dim=1)
        nearness = (-distances(wanted, self.landmarks) / self.spacing).softmax(dim=1)
        place = {"place": functional.cross_entropy(near.float(), nearness)}
        if self.training:
            self.met.lerp_(off.detach().float().pow(2).mean(dim=0).sqrt(), 1 - _MEMORY)
        if log_scale is not None:
            likelihood = off.abs() * (-log_scale).exp() + log_scale
            return place | {"position": likelihood[:, :3].mean(), "rotation": likelihood[:, 3:].mean()}
        distance, angle = off[:, :3].norm(dim=1).mean(), off[:, 3:].norm(dim=1).mean()
        return place | {"position": distance, "rotation": BETA * angle}

    def _predict(self, maps: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        features = precisely(self.features, self.reduce(maps).flatten(1))
        near = precisely(self.near, features)
        beside = precisely(self.beside, precisely(self.local, features))
        poses = self.landmarks + beside.view(-1, len(self.landmarks), 7)
        # A quaternion and its opposite are one rotation: they are added as the nearest landmark has it.
        rotations = self.landmarks[:, 3:]
        same = torch.where(rotations[near.argmax(dim=1)] @ rotations.T < 0, -1.0, 1.0)
        share = near.softmax(dim=1)
        position = (share[:, None] @ poses[:, :, :3])[:, 0]
        rotation = functional.normalize(((share * same)[:, None] @ poses[:, :, 3:])[:, 0], dim=1)
        if self.log_scale is None:
            return near, position, rotation, None
        return near, position, rotation, precisely(self.log_scale, features).clamp(_LEAST_LOG, _MOST_LOG)


class PoseNet(PerceptionNet):
    """A backbone and a `PoseHead`, with the loss 'learned' or 'beta'; gives and is taught by what the head is."""

    def __init__(self, settings: NetSettings) -> None:
        super().__init__()
        encoder = backbone(settings.backbone, settings.pretrained)
        self.encoder = encoder
        self.pose = PoseHead(encoder, settings, learned=settings.loss == "learned")

    def forward(self, views: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.pose(self.encoder(views)[-1]))

    def loss(self, views: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return self.pose.loss(self.encoder(views)[-1], targets)


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def distances(poses: Tensor, landmarks: Tensor) -> Tensor:
    """Between poses (N, 7) and landmarks (K, 7), (N, K): of the places, in extents, plus the angle in rad."""
    along = torch.cdist(poses[:, :3], landmarks[:, :3])
    return along + 2 * (poses[:, 3:] @ landmarks[:, 3:].T).abs().clamp(max=1).acos()


def _spacing(landmarks: Tensor) -> float:
    """How far a landmark typically is from the next; some are one place, where the robot stood."""
    apart = distances(landmarks, landmarks)
    apart.fill_diagonal_(math.inf)
    return max(_LEAST_SPACING, float(apart.amin(dim=1).median())) if len(landmarks) > 1 else 1.0


def rotation_between(one: Tensor, other: Tensor) -> Tensor:
    """The rotation from a unit quaternion to another, both (N, 4) x y z w, in the frame of the first: (N, 3), rad.

    The vector of the axis, as long as the angle; of the two quaternions of a rotation the nearer one counts.
    """
    x, y, z, w = (-one[:, 0], -one[:, 1], -one[:, 2], one[:, 3])
    a, b, c, d = other.unbind(dim=1)
    axis = torch.stack(
        (w * a + x * d + y * c - z * b, w * b - x * c + y * d + z * a, w * c + x * b - y * a + z * d), dim=1
    )
    real = w * d - x * a - y * b - z * c
    axis = axis * torch.where(real < 0, -1.0, 1.0)[:, None]
    length = axis.norm(dim=1, keepdim=True).clamp(min=1e-7)
    return axis / length * (2 * torch.atan2(length, real.abs()[:, None]))
