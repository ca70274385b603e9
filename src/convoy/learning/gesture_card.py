"""The card of a gesture model that was trained here."""

from __future__ import annotations

from convoy.inference import DataSource, ModelCard, ModelOutput, SeriesInput
from convoy.learning.gesture_options import GestureOptions, Net
from convoy.learning.series import SeriesSet
from convoy.learning.steering_card import code_revision

_PAPERS = {
    Net.mc_dcnn: "MC-DCNN (Zheng et al. 2014)",
    Net.multi_branch: "multi-branch convolution (Devineau et al. 2018), weights of each channel's own",
    Net.multi_branch_shared: "multi-branch convolution (Devineau et al. 2018), weights shared by all channels",
    Net.dd_net: "DD-Net (Yang et al. 2019)",
    Net.lstm: "LSTM in both directions",
    Net.gru: "GRU in both directions",
    Net.minirocket: "MiniRocket (Dempster et al. 2021)",
}


def gesture_card(
    name: str, data: SeriesSet, options: GestureOptions, members: int, licence: str, command: str
) -> ModelCard:
    """Describe a model of `members` networks that was trained on all of `data`."""
    several = (
        f"the mean of {members} networks, each trained without another part of the data"
        if members > 1
        else "one network"
    )
    part = (
        "all; each network without a part of its own"
        if members > 1
        else "five sixths of the groups; the rest is held out"
    )
    return ModelCard(
        name=name,
        task="gestures",
        description=f"Tells gestures apart: {_PAPERS[options.net]} on centred, scaled and whitened series; {several}.",
        input=SeriesInput(steps=data.values.shape[1], channels=data.values.shape[2], quantity=data.quantity),
        outputs=(ModelOutput(name="probabilities", unit="probability", description="of each class, in their order"),),
        classes=data.classes,
        trained_on=(
            DataSource(
                name=data.spec, licence=data.licence, frames=data.values.shape[0] * data.values.shape[1], part=part
            ),
        ),
        seeds=(options.seed,),
        licence=licence,
        revision=code_revision(),
        command=command,
    )
