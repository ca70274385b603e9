"""What a user can choose about a training on series, with its defaults. No torch here."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Net(enum.StrEnum):
    """The networks that learn gestures."""

    mc_dcnn = "mc-dcnn"
    multi_branch = "multi-branch"
    multi_branch_shared = "multi-branch-shared"
    dd_net = "dd-net"
    lstm = "lstm"
    gru = "gru"
    minirocket = "minirocket"


@dataclass(frozen=True)
class GestureOptions:
    """Options of the training of a gesture model; `convoy train gestures --help` says what each does.

    `members` 0 stands for one network where there are `ENOUGH_SERIES` or more, and for `SMALL_SET_MEMBERS` else.
    """

    net: Net = Net.gru
    epochs: int = 120
    seed: int = 0
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    augment: bool = True
    members: int = 0


ENOUGH_SERIES = 1000
SMALL_SET_MEMBERS = 5
