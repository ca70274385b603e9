"""What a user can choose about a training on series, with its defaults. No torch here."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace


class Net(enum.StrEnum):
    """The networks that learn gestures; `auto` is the one that is best for so many series."""

    auto = "auto"
    mc_dcnn = "mc-dcnn"
    multi_branch = "multi-branch"
    multi_branch_shared = "multi-branch-shared"
    dd_net = "dd-net"
    lstm = "lstm"
    gru = "gru"
    minirocket = "minirocket"


ENOUGH_SERIES = 1000
SMALL_SET_MEMBERS, LARGE_SET_MEMBERS = 5, 1
SMALL_SET_EPOCHS, LARGE_SET_EPOCHS = 120, 16
SMALL_SET_NET, LARGE_SET_NET = Net.gru, Net.multi_branch


@dataclass(frozen=True)
class GestureOptions:
    """Options of the training of a gesture model; `convoy train gestures --help` says what each does.

    `net` auto, and `epochs` and `members` of 0, are chosen by the number of series; see `settled`.
    """

    net: Net = Net.auto
    epochs: int = 0
    seed: int = 0
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    augment: bool = True
    members: int = 0

    def settled(self, series: int) -> GestureOptions:
        """Return the options for so many series: of few, several networks learn long; of many, one learns shortly."""
        small = series < ENOUGH_SERIES
        return replace(
            self,
            net=self.net if self.net is not Net.auto else SMALL_SET_NET if small else LARGE_SET_NET,
            epochs=self.epochs or (SMALL_SET_EPOCHS if small else LARGE_SET_EPOCHS),
            members=self.members or (SMALL_SET_MEMBERS if small else LARGE_SET_MEMBERS),
        )
