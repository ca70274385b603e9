"""A steering model learns from the first 80 % of a drive, repeats with its seed, and goes on where it was stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from convoy.learning.errors import LearningError  # noqa: E402
from convoy.learning.fit import Epoch, InterruptedTrainingError  # noqa: E402
from convoy.learning.options import SteeringOptions  # noqa: E402
from convoy.learning.recordings import Drive  # noqa: E402
from convoy.learning.steering import SteeringEnsemble, train_steering, validation_frames  # noqa: E402

SHORT = SteeringOptions(epochs=3, members=2, batch_size=16, width=40, height=30)


def weights(net: SteeringEnsemble) -> torch.Tensor:
    return torch.cat([value.flatten().double() for value in net.state_dict().values()])


def test_learns_to_steer_towards_the_line(drive: Drive, tmp_path: Path) -> None:
    epochs: list[tuple[int, int]] = []
    options = replace(SHORT, epochs=15, learning_rate=2e-3, augment=False)
    trained = train_steering(
        [drive], options, tmp_path, on_epoch=lambda member, epoch: epochs.append((member, epoch.done))
    )
    assert [done for at, done in epochs if at == 0] == list(range(1, 16))
    assert {at for at, _ in epochs} == {0, 1}
    held_out = drive.frames("held-out")
    images = torch.from_numpy(np.stack(list(drive.decode(held_out))))
    with torch.no_grad():
        error = trained.net.eval()(images).numpy() - drive.angles[80:]
    assert np.sqrt(np.mean(error**2)) < 0.5 * np.std(drive.angles[80:])
    assert trained.constant == pytest.approx(float(drive.angles[:80].mean()))


def test_the_same_seed_gives_the_same_weights(drive: Drive, tmp_path: Path) -> None:
    first, again, other = (
        weights(train_steering([drive], replace(SHORT, seed=seed), tmp_path).net) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_never_looks_at_the_last_fifth(drive: Drive, tmp_path: Path) -> None:
    angles = drive.angles.copy()
    angles[80:] = 0.4
    changed = replace(drive, angles=angles)
    first, second = (weights(train_steering([each], SHORT, tmp_path).net) for each in (drive, changed))
    assert torch.equal(first, second)


@pytest.mark.parametrize("stop_in", [0, 1])
def test_goes_on_where_it_was_stopped(drive: Drive, tmp_path: Path, stop_in: int) -> None:
    def stop(member: int, epoch: Epoch) -> None:
        if (member, epoch.done) == (stop_in, 2):
            raise KeyboardInterrupt

    whole = train_steering([drive], SHORT, tmp_path / "whole")
    with pytest.raises(InterruptedTrainingError, match="--resume goes on from there"):
        train_steering([drive], SHORT, tmp_path / "stopped", on_epoch=stop)
    resumed = train_steering([drive], SHORT, tmp_path / "stopped", resume=True)
    same = torch.equal(weights(resumed.net), weights(whole.net))
    assert same


def test_resumes_only_the_same_training(drive: Drive, tmp_path: Path) -> None:
    with pytest.raises(LearningError, match="no run to resume"):
        train_steering([drive], SHORT, tmp_path / "none", resume=True)
    train_steering([drive], replace(SHORT, epochs=1), tmp_path)
    with pytest.raises(LearningError, match=r"started with dropout = 0\.\d+, now it is 0\.4"):
        train_steering([drive], replace(SHORT, epochs=1, dropout=0.4), tmp_path, resume=True)


def test_each_member_holds_other_blocks_back_and_all_frames_teach_some() -> None:
    masks = np.array([validation_frames(640, member, 5) for member in range(5)])
    assert (masks.sum(axis=0) == 1).all()
    assert (masks.sum(axis=1) == 128).all()
    for mask in masks:
        assert np.count_nonzero(np.diff(mask.astype(int)) == 1) + mask[0] == 2
    assert all(validation_frames(8, member, 5).any() for member in range(5))
    assert validation_frames(640, 0, 1).mean() == 0.2


def test_refuses_a_drive_that_teaches_nothing(drive: Drive, tmp_path: Path) -> None:
    with pytest.raises(LearningError, match="9 frames with an angle; wanted 10 or more"):
        train_steering([replace(drive, angles=drive.angles[:9])], SHORT, tmp_path)
    straight = replace(drive, angles=np.full(100, 0.25, np.float32))
    with pytest.raises(LearningError, match=r"0\.250 rad in all 80 frames"):
        train_steering([straight], SHORT, tmp_path)


def test_refuses_more_images_than_the_memory_takes(drive: Drive, tmp_path: Path) -> None:
    with pytest.raises(LearningError, match=r"take 11\.\d GiB of memory, wanted at most 8"):
        train_steering([drive], replace(SHORT, width=8000, height=6250), tmp_path)


def test_leaves_nothing_but_its_checkpoints(
    drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train_steering([drive], replace(SHORT, epochs=1), tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert capfd.readouterr() == ("", "")
