"""A steering net may begin with what a driving model has learnt to see."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from convoy.inference import ModelCard, ModelError, Session  # noqa: E402
from convoy.interfaces.messages import CameraInfo, make  # noqa: E402
from convoy.learning.augment import DAMPING, STEADY_WAY, recovering  # noqa: E402
from convoy.learning.demonstrations import VIEW  # noqa: E402
from convoy.learning.driving_card import driving_card  # noqa: E402
from convoy.learning.driving_nets import INSTRUCTIONS, CollisionNet, DrivingNet  # noqa: E402
from convoy.learning.driving_weights import load_convolutions  # noqa: E402
from convoy.learning.errors import LearningError  # noqa: E402
from convoy.learning.export import write_model  # noqa: E402
from convoy.learning.nets.pilotnet import pilotnet  # noqa: E402
from convoy.learning.options import DrivingNetName, DrivingOptions, SteeringOptions  # noqa: E402
from convoy.learning.recordings import Drive  # noqa: E402
from convoy.learning.steering import train_steering, view_of  # noqa: E402
from convoy.learning.steering_card import steering_card  # noqa: E402


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


def calibrated(drive: Drive) -> Drive:
    """The drive as of a camera of which somebody said how it sees, 100 degrees from side to side."""
    f = 20 / math.tan(math.radians(50))
    k = np.array([f, 0, 19.5, 0, f, 14.5, 0, 0, 1])
    lens = {"distortion_model": "plumb_bob", "d": np.zeros(5)}
    return replace(drive, camera_info=make(CameraInfo, width=40, height=30, k=k, **lens))


def test_of_a_calibrated_camera_the_net_begins_as_the_whole_model_in_its_view(
    driver: DrivingNet, model: Path, drive: Drive, tmp_path: Path
) -> None:
    options = SteeringOptions(epochs=1, members=1, batch_size=16, learning_rate=1e-9, dropout=0.0)
    drive = calibrated(drive)
    trained = train_steering([drive], options, tmp_path / "run", start=model)
    views = torch.from_numpy(trained.samples[:4])
    assert views.shape[1:] == (VIEW.height, VIEW.width, 3)
    with torch.no_grad():
        follow = driver(views)[:, INSTRUCTIONS.index("follow"), 0]
        torch.testing.assert_close(trained.net(views), follow, atol=1e-3, rtol=1e-2)
    view = view_of([drive], model)
    assert view == VIEW
    card = steering_card("mine", [drive], options, 0.0, "none", "train", ModelCard.read(model), view)
    path = tmp_path / "mine.onnx"
    write_model(trained.net, card, trained.samples, path, lambda _: {})
    session = Session.load(path, task="steering", device="cpu")
    angles = list(drive.predict(session, range(4)))
    with pytest.raises(LearningError, match="no camera_info"):
        next(replace(drive, camera_info=None).predict(session, range(4)))
    assert np.isfinite(angles).all()


def test_a_view_that_is_moved_is_that_of_a_car_aside_and_turned_and_is_steered_back() -> None:
    height, pitch, wheelbase, aside, turned = 1.2, 0.06, 2.6, 0.2, 0.05
    by = recovering(VIEW, height, pitch, wheelbase)
    ground = np.stack([np.zeros(3), np.full(3, height), np.array([6.0, 12.0, 24.0])], axis=-1)

    def columns_and_rows(aside: float, turned: float) -> np.ndarray:
        """Of points ahead, seen by a car `aside` metres to the right of them and turned to the right."""
        x, y, z = (ground - [aside, 0, 0]).T
        x, z = x * math.cos(turned) - z * math.sin(turned), x * math.sin(turned) + z * math.cos(turned)
        y, z = y * math.cos(pitch) - z * math.sin(pitch), y * math.sin(pitch) + z * math.cos(pitch)
        return VIEW.project(np.stack([x, y, z], axis=-1))

    before, after = columns_and_rows(0.0, 0.0), columns_and_rows(aside, turned)
    shares = (before[:, 0] - after[:, 0]) / VIEW.width  # how far to the right the view has moved, at each row
    shear, shift = np.polyfit((before[:, 1] + 0.5) / VIEW.height, shares, 1)
    way = STEADY_WAY * wheelbase
    back = (2 * DAMPING * turned + aside / way) * wheelbase / way
    assert by.shift_rad * shift + by.shear_rad * shear == pytest.approx(back, rel=0.05)


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
