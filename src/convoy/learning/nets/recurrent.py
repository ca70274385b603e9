"""LSTM (Hochreiter and Schmidhuber 1997) and GRU (Cho et al. 2014) over a series, read in both directions."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn


class Recurrent(nn.Module):
    """Two recurrent layers, their states averaged over time; see `recurrent`."""

    def __init__(self, cell: type[nn.LSTM] | type[nn.GRU], channels: int, classes: int, units: int, dropout: float):
        super().__init__()
        self.layers = cell(channels, units, num_layers=2, batch_first=True, bidirectional=True, dropout=dropout)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * units, classes))

    def forward(self, series: Tensor) -> Tensor:
        states, _ = self.layers(series.transpose(1, 2))
        return self.head(states.mean(1))


def recurrent(
    cell: Literal["lstm", "gru"], channels: int, classes: int, *, units: int = 64, dropout: float = 0.3
) -> Recurrent:
    """Build the network.

    Takes series of shape (N, `channels`, steps), about -1 to 1; gives logits (N, `classes`).
    """
    return Recurrent({"lstm": nn.LSTM, "gru": nn.GRU}[cell], channels, classes, units, dropout)
