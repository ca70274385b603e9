"""A steering net may begin with what a driving model has learnt to see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from convoy.inference import ModelError  # noqa: E402
from convoy.learning.demonstrations import VIEW  # noqa: E402
from convoy.learning.driving_card import driving_card  # noqa: E402
from convoy.learning.driving_nets import INSTRUCTIONS, CollisionNet, DrivingNet  # noqa: E402
from convoy.learning.driving_weights import load_convolutions  # noqa: E402
from convoy.learning.errors import LearningError  # noqa: E402
from convoy.learning.export import write_model  # noqa: E402
from convoy.learning.nets.pilotnet import pilotnet  # noqa: E402
from convoy.learning.options import DrivingNetName, DrivingOptions, SteeringOptions  # noqa: E402
from convoy.learning.recordings import Drive  # noqa: E402
from convoy.learning.steering import train_steering  # noqa: E402


def seen(net: torch.nn.Module, views: torch.Tensor) -> torch.Tensor:
    """What the convolutions of a PilotNet make of views."""
    for layer in net.children():
        if isinstance(layer, torch.nn.Flatten):
            break
        views = layer(views)
    return views


@pytest.fixture(scope="module")
def driver() -> DrivingNet:
    """A net whose batch norm has seen something."""
    torch.manual_seed(3)
    net = DrivingNet(0.0)
    net(torch.randint(0, 256, (8, VIEW.height, VIEW.width, 3), dtype=torch.uint8))
    return net.eval()


@pytest.fixture(scope="module")
def model(driver: DrivingNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "driver.onnx"
    write_model(driver, driving_card("driver", DrivingOptions(), 1, "none"), [], path, lambda _: {})
    return path


def test_the_convolutions_see_the_same_batch_norm_included(driver: DrivingNet, model: Path) -> None:
    net = pilotnet(batch_norm=False)
    load_convolutions(model, net)
    views = torch.rand(2, 3, VIEW.height, VIEW.width) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(seen(net, views), seen(driver.net, views), atol=1e-4, rtol=1e-4)


def test_a_training_begins_with_them_and_resumes_with_them_alone(model: Path, drive: Drive, tmp_path: Path) -> None:
    options = SteeringOptions(epochs=1, members=1, batch_size=16, width=40, height=30, learning_rate=1e-7)
    trained = train_steering([drive], options, tmp_path, start=model)
    expected = pilotnet(batch_norm=False)
    load_convolutions(model, expected)
    views = torch.rand(2, 3, VIEW.height, VIEW.width)
    with torch.no_grad():
        torch.testing.assert_close(seen(trained.net.members[0].net, views), seen(expected, views), atol=1e-3, rtol=1e-2)
    with pytest.raises(LearningError, match="was started with start = "):
        train_steering([drive], options, tmp_path, resume=True)


def test_what_is_no_such_model_is_refused(tmp_path: Path) -> None:
    net = pilotnet(batch_norm=False)
    with pytest.raises(ModelError, match="does not exist"):
        load_convolutions(tmp_path / "none.onnx", net)
    path, options = tmp_path / "dronet.onnx", replace(DrivingOptions(), net=DrivingNetName.dronet)
    other = CollisionNet(0.0, torch.from_numpy(np.ones(len(INSTRUCTIONS), np.float32)))
    write_model(other, driving_card("dronet", options, 1, "none"), [], path, lambda _: {})
    with pytest.raises(LearningError, match="by another network"):
        load_convolutions(path, net)
