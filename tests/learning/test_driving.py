"""A driving net learns from demonstrations, for each instruction by itself; what is exported drives the component."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from convoy.inference import Session  # noqa: E402
from convoy.learning.demonstrations import FAR_M, VIEW, Demonstrations, load_policy  # noqa: E402
from convoy.learning.driving import train_driving  # noqa: E402
from convoy.learning.driving_card import driving_card, measure_driving  # noqa: E402
from convoy.learning.driving_nets import AnyDrivingNet, cruise_speeds  # noqa: E402
from convoy.learning.export import TOLERANCE, write_model  # noqa: E402
from convoy.learning.options import DrivingNetName, DrivingOptions  # noqa: E402

SHORT = DrivingOptions(epochs=2, batch_size=16)
NETS = list(DrivingNetName)


def drives(count: int, seed: int = 0) -> Demonstrations:
    """A bright line to steer to; left and right add an angle; a blue sky means that the way is not clear."""
    rng = np.random.default_rng(seed)
    offsets, instructions = rng.uniform(-1, 1, count), rng.integers(0, 4, count)
    near = rng.random(count) < 0.4
    images = rng.integers(60, 90, (count, VIEW.height, VIEW.width, 3), np.uint8)
    for image, offset, block in zip(images, offsets, near, strict=True):
        column = round((offset + 1) / 2 * (VIEW.width - 20))
        image[34:, column : column + 20] = 230
        if block:
            image[:34] = (10, 10, 250)
    angles = -0.2 * offsets + np.array([0.0, 0.3, -0.3, 0.0])[instructions]
    clear = np.where(near, 5.0, FAR_M)
    speeds = np.where(near, 0.0, np.array([9.0, 5.0, 4.0, 9.0])[instructions])
    return Demonstrations(images, instructions, *(values.astype(np.float32) for values in (angles, speeds, clear)))


def weights(net: AnyDrivingNet) -> torch.Tensor:
    return torch.cat([value.flatten().double() for value in net.state_dict().values()])


@pytest.mark.parametrize("net", NETS)
def test_it_learns_to_steer_as_it_is_told(net: DrivingNetName, tmp_path: Path) -> None:
    options = DrivingOptions(net, epochs=6, batch_size=16, dropout=0.0, learning_rate=2e-3)
    tried = drives(40, seed=2)
    trained = train_driving(drives(320), drives(32, seed=1), options, tmp_path)
    path = tmp_path / "net.onnx"
    card = driving_card("net", options, 320, "none")
    card = write_model(trained, card, tried.images[:5], path, lambda session: measure_driving(session, tried))
    figures = card.metrics["drives of the expert in validation towns"]
    assert figures["angle_rmse_rad"] < 0.5 * figures["angle_constant_rmse_rad"]
    assert figures["angle_explained_variance"] > 0.75
    assert ("collision_f1" in figures) == (net is DrivingNetName.dronet)
    assert figures.get("collision_f1", 1.0) > 0.8
    policy = load_policy(path)
    left, right = (policy(tried.images[0], told)[0] for told in ("left", "right"))
    assert left - right > 0.3
    speeds = np.array([policy(image, "follow")[1] for image in tried.images])
    assert speeds.min() >= 0.0
    if net is DrivingNetName.dronet:  # of so little PilotNet learns no speeds
        blocked = tried.clear < FAR_M
        assert speeds[blocked].mean() < 0.5 * speeds[~blocked].mean()


def test_dronets_speed_is_its_cruise_speed_less_by_the_probability(tmp_path: Path) -> None:
    options = replace(SHORT, net=DrivingNetName.dronet)
    data = drives(48)
    net = train_driving(data, data, options, tmp_path)
    write_model(net, driving_card("net", options, 48, "none"), data.images[:5], tmp_path / "net.onnx", lambda _: {})
    outputs = Session.load(tmp_path / "net.onnx", "drive", device="cpu").run(data.images[0])
    assert outputs["commands"].shape == (4, 2)
    probability = float(outputs["collision_probability"])
    assert 0.0 < probability < 1.0
    wanted = (1 - probability) * cruise_speeds(data)
    np.testing.assert_allclose(outputs["commands"][:, 1], wanted, atol=10 * TOLERANCE)


def test_the_cruise_speed_is_the_experts_where_its_way_is_clear() -> None:
    data = drives(200)
    np.testing.assert_allclose(cruise_speeds(data), [9.0, 5.0, 4.0, 9.0])
    never_right = data.instructions != 2
    fewer = Demonstrations(*(getattr(data, name)[never_right] for name in Demonstrations.__dataclass_fields__))
    assert np.isfinite(cruise_speeds(fewer)).all()


@pytest.mark.parametrize("net", NETS)
def test_batch_norm_learns_too(net: DrivingNetName, tmp_path: Path) -> None:
    data = drives(32)
    trained = train_driving(data, data, replace(SHORT, net=net, epochs=1), tmp_path)
    norms = [layer for layer in trained.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert norms
    assert all(layer.running_mean is not None and layer.running_mean.abs().max() > 0 for layer in norms)


@pytest.mark.parametrize("net", NETS)
def test_the_same_seed_gives_the_same_weights_and_a_start_is_taken_over(net: DrivingNetName, tmp_path: Path) -> None:
    options, data = replace(SHORT, net=net), drives(32)
    first, again = (train_driving(data, data, options, tmp_path) for _ in range(2))
    assert torch.equal(weights(first), weights(again))
    on = train_driving(data, data, replace(options, epochs=1, learning_rate=1e-7), tmp_path, start=first)
    moved = torch.linalg.vector_norm(weights(on) - weights(first)) / torch.linalg.vector_norm(weights(first))
    assert moved < 0.05
