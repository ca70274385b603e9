"""The written file gives what torch gives, says what it is, and appears only when it is whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")
onnx = pytest.importorskip("onnx", reason="exporting needs the extra 'learn'")

from convoy.inference import ModelCard, ModelError, Session  # noqa: E402
from convoy.learning.errors import LearningError  # noqa: E402
from convoy.learning.export import TOLERANCE, write_model  # noqa: E402
from convoy.learning.nets.pilotnet import pilotnet  # noqa: E402
from convoy.learning.options import SteeringOptions  # noqa: E402
from convoy.learning.recordings import Drive  # noqa: E402
from convoy.learning.steering import SteeringNet  # noqa: E402
from convoy.learning.steering_card import steering_card  # noqa: E402

OPTIONS = SteeringOptions(width=40, height=30)


@pytest.fixture
def net() -> SteeringNet:
    torch.manual_seed(0)
    return SteeringNet(pilotnet(dropout=0.5), top=10, scale=0.2).train()


@pytest.fixture
def card(drive: Drive) -> ModelCard:
    return steering_card("net", [drive], OPTIONS, 0.01, "CC0-1.0", "convoy train steering ...")


def test_gives_what_torch_gives_on_every_frame(net: SteeringNet, card: ModelCard, drive: Drive, tmp_path: Path) -> None:
    path = tmp_path / "models" / "net.onnx"
    frames = list(drive.decode(range(20)))
    written = write_model(net, card, frames, path, lambda session: {"drive": {"threads": session.threads}})
    session = Session.load(path, "steering", device="cpu")
    with torch.no_grad():
        wanted = net.eval()(torch.from_numpy(np.stack(frames))).numpy()
    found = [session.run(frame)["steering_angle"] for frame in frames]
    assert all(angle.shape == () for angle in found)
    np.testing.assert_allclose(found, wanted, atol=TOLERANCE)
    assert session.card == written
    assert written.metrics == {"drive": {"threads": session.threads}}
    assert [entry.name for entry in path.parent.iterdir()] == ["net.onnx"]


def test_carries_no_path_of_this_machine(net: SteeringNet, card: ModelCard, drive: Drive, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    write_model(net, card, drive.decode(range(1)), path, lambda _: {})
    content = path.read_bytes()
    assert str(Path(__file__).parent.parent).encode() not in content
    assert str(tmp_path).encode() not in content


def test_refuses_a_file_that_differs_from_torch(card: ModelCard, drive: Drive, tmp_path: Path) -> None:
    class Unsteady(torch.nn.Module):
        """Counts its calls in Python, which an exported graph can't."""

        calls = 0

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return images.float().mean((1, 2, 3)) + self.calls

    with pytest.raises(LearningError, match=r"differs from torch by .* on frame 0, wanted at most 1e-04"):
        write_model(Unsteady(), card, drive.decode(range(1)), tmp_path / "net.onnx", lambda _: {})
    assert not list(tmp_path.iterdir())


def test_keeps_the_former_file_when_something_fails(
    net: SteeringNet, card: ModelCard, drive: Drive, tmp_path: Path
) -> None:
    def interrupt(_: Session) -> dict[str, dict[str, float]]:
        raise KeyboardInterrupt

    path = tmp_path / "net.onnx"
    path.write_bytes(b"former")
    with pytest.raises(KeyboardInterrupt):
        write_model(net, card, drive.decode(range(1)), path, interrupt)
    assert path.read_bytes() == b"former"
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.onnx"]
    with pytest.raises(ModelError):
        Session.load(path, "steering")
