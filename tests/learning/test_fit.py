"""The loop that trains, in several processes as with several GPUs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from convoy.learning.fit import one_cycle  # noqa: E402

SCRIPT = """
import sys
from pathlib import Path

import torch
from lightning import LightningModule
from torch.utils.data import TensorDataset

from convoy.learning.fit import MONITOR, Schedule, fit


class Line(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, _):
        return (self.layer(batch[0]) - batch[1]).pow(2).mean()

    def validation_step(self, batch, _):
        self.log(MONITOR, self.training_step(batch, 0), sync_dist=True)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


values = torch.rand(8, 2)
data = TensorDataset(values, values.sum(1, keepdim=True))
epoch = fit(Line(), data, data, Schedule(epochs=1, patience=1, batch_size=2, seed=0), Path(sys.argv[1]), {})
print(epoch.done, "epoch done")
"""


@pytest.mark.parametrize("warm_up", [0.1, 0.15])
def test_the_learning_rate_goes_one_cycle_whatever_the_number_of_steps(warm_up: float) -> None:
    for steps in range(1, 41):
        layer = torch.nn.Linear(2, 1)
        made = one_cycle(layer.parameters(), 0.5, 0.0, steps, warm_up)
        optimiser, cycle = made["optimizer"], made["lr_scheduler"]["scheduler"]
        rates = []
        for _ in range(steps):
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            cycle.step()
        highest = rates.index(max(rates))
        assert rates == sorted(rates[: highest + 1]) + sorted(rates[highest + 1 :], reverse=True)
        assert 0 < rates[-1] <= max(rates) <= 0.5
        assert steps < 20 or max(rates) > 0.4


def test_two_processes_share_the_batches_and_the_first_goes_on_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    how = {"PL_TRAINER_ACCELERATOR": "cpu", "PL_TRAINER_DEVICES": "2", "PL_TRAINER_STRATEGY": "ddp"}
    how |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    how |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    # Both at once: lightning, which starts the second one itself otherwise, waits some seconds after it.
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, tmp_path / "run"],
            env=os.environ | how | {"LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    try:
        said = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], said
    assert [out for out, _ in said] == ["1 epoch done\n", ""]
    steps = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)["global_step"]
    assert steps == 2, "of four batches"
