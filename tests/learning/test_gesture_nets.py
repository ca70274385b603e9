"""Every network builds, learns a small set by heart, and exports to a file that says the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from convoy.gestures.anatomy import ARMS, HAND, Anatomy  # noqa: E402
from convoy.inference import Session  # noqa: E402
from convoy.learning.errors import LearningError  # noqa: E402
from convoy.learning.export import write_model  # noqa: E402
from convoy.learning.gesture_card import gesture_card  # noqa: E402
from convoy.learning.gesture_options import GestureOptions, Net  # noqa: E402
from convoy.learning.gestures import build, predict, train_gestures  # noqa: E402
from convoy.learning.series import SeriesSet  # noqa: E402
from convoy.learning.series_augment import SeriesAugmentation, augment  # noqa: E402
from convoy.learning.series_net import FrontEnd  # noqa: E402

OPTIONS = GestureOptions(epochs=45, batch_size=12, augment=False, label_smoothing=0.0, learning_rate=5e-3, members=2)


def waves(count: int = 36, channels: int = 6, steps: int = 24) -> SeriesSet:
    """Slow, fast and rising waves, each with its own phase, offset and noise."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 3
    t = np.linspace(0, 1, steps)[None, :, None]
    phase = random.uniform(0, 2 * np.pi, (count, 1, channels))
    kinds = np.stack([np.sin(2 * np.pi * t + phase), np.sin(8 * np.pi * t + phase), 2 * t + 0 * phase])
    values = kinds[labels, np.arange(count)] + random.normal(0, 0.1, (count, steps, channels))
    return SeriesSet(
        "waves", "CC0-1.0", "waves", values.astype(np.float32), labels, ("slow", "fast", "rising"), np.arange(count)
    )


@pytest.mark.parametrize("net", [net for net in Net if net is not Net.auto])
def test_learns_and_exports(net: Net, tmp_path: Path) -> None:
    if net is Net.minirocket:
        pytest.importorskip("sktime", reason="MiniRocket needs the extra 'learn'")
    data = waves()
    options = replace(OPTIONS, net=net)
    trained = train_gestures(data, options, tmp_path / "run")
    assert (predict(trained.net, data.values) == data.labels).mean() > 0.9
    card = gesture_card("waves", data, options, 2, "CC0-1.0", "test")
    write_model(trained.net, card, data.values[:6], tmp_path / "waves.onnx", lambda _: {})
    session = Session.load(tmp_path / "waves.onnx", "gestures", "cpu", 1)
    assert session.card.classes == data.classes
    probabilities = session.run(data.values[1])["probabilities"]
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert probabilities.argmax() == 1


def test_what_is_not_chosen_goes_by_the_number_of_series() -> None:
    few, many = GestureOptions().settled(180), GestureOptions().settled(5000)
    assert (few.net, few.epochs, few.members) == (Net.gru, 120, 5)
    assert (many.net, many.epochs, many.members) == (Net.multi_branch, 16, 1)
    assert GestureOptions(net=Net.lstm, epochs=3, members=2).settled(180) == GestureOptions(
        net=Net.lstm, epochs=3, members=2
    )


def test_cross_validation_covers_every_series_once(tmp_path: Path) -> None:
    data = waves()
    trained = train_gestures(data, replace(OPTIONS, members=3, epochs=2), tmp_path)
    assert (trained.predicted >= 0).all()
    alone = train_gestures(data, replace(OPTIONS, members=1, epochs=2), tmp_path)
    assert (alone.predicted >= 0).sum() == 6


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    def weights(seed: int) -> torch.Tensor:
        options = replace(OPTIONS, net=Net.mc_dcnn, epochs=2, members=1, augment=True, seed=seed)
        state = train_gestures(waves(), options, tmp_path).net.state_dict()
        return torch.cat([value.flatten().double() for value in state.values()])

    first, again, other = weights(1), weights(1), weights(2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_minirocket_computes_what_the_library_does() -> None:
    pytest.importorskip("sktime", reason="MiniRocket needs the extra 'learn'")
    from sktime.transformations.rocket import MiniRocketMultivariate

    from convoy.learning.nets.minirocket import MiniRocket

    series = waves(8).values.transpose(0, 2, 1)
    library = MiniRocketMultivariate(num_kernels=168, random_state=1).fit(series)
    wanted = library.transform(series).to_numpy()
    with torch.no_grad():
        found = MiniRocket(series.shape[1], library.parameters).transform(torch.from_numpy(series)).numpy()
    # A value on the threshold may fall on either side of it.
    assert np.abs(found - wanted).max() < 0.1
    assert np.abs(found - wanted).mean() < 1e-3


def test_dd_net_wants_joints() -> None:
    with pytest.raises(LearningError, match=r"joints of 3 coordinates, at least two of them; 4 channels are not"):
        build("dd-net", 4, 24, 3)


def test_data_that_teaches_nothing_is_refused(tmp_path: Path) -> None:
    data = waves()
    with pytest.raises(LearningError, match="has 1 class"):
        train_gestures(data.subset(data.labels == 0), OPTIONS, tmp_path)
    with pytest.raises(LearningError, match="is of 3 groups"):
        train_gestures(data.subset(np.arange(3)), replace(OPTIONS, members=5), tmp_path)


@pytest.mark.parametrize("anatomy", [HAND, ARMS], ids=["hand", "arms"])
def test_joints_look_the_same_to_the_network_wherever_and_however_large_they_are(anatomy: Anatomy) -> None:
    values = torch.randn(4, 16, anatomy.channels)
    front = FrontEnd(values, anatomy)
    joints = values.reshape(4, 16, anatomy.joints, 3)
    moved = (joints * 1.3 + torch.tensor([0.5, -0.2, 2.0])).reshape(values.shape)
    assert torch.allclose(front(values), front(moved), atol=1e-4)
    assert not torch.allclose(FrontEnd(values, None)(values), FrontEnd(values, None)(moved), atol=1e-4)


def test_augmentation_keeps_the_shape_and_varies_each_series() -> None:
    torch.manual_seed(0)
    for channels in (66, 4):
        series = torch.randn(5, 20, 1).expand(5, 20, channels).clone()
        varied = augment(series, SeriesAugmentation())
        assert varied.shape == series.shape
        assert torch.isfinite(varied).all()
        assert (varied - series).abs().amax((1, 2)).min() > 0.01
    nothing = SeriesAugmentation(0, 0, 0, 0, 0, 0, 0, 0)
    assert torch.allclose(augment(series, nothing), series, atol=1e-5)
