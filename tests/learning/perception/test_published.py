"""Published nets become model files; the weights here are drawn by chance, and lie where torch keeps fetched ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="exporting needs the extra 'learn'")

from torchvision.models import get_model, get_model_weights  # noqa: E402

from convoy.inference import ModelCard, Session  # noqa: E402
from convoy.learning.perception.published import default_size, names  # noqa: E402

Convoy = Callable[..., None]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts weights of a net into torch's cache, which is a folder of the test."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    # Nobody answers there: what is not in the cache can't be fetched.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    def put(name: str) -> None:
        torch.manual_seed(0)
        net = get_model(name, weights=None, weights_backbone=None)
        if name.startswith("ssdlite"):
            _settle(net)
        path = tmp_path / "torch/hub/checkpoints" / get_model_weights(name).DEFAULT.url.rpartition("/")[2]
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(net.state_dict(), path)

    return put


def _settle(net: torch.nn.Module) -> None:
    """Let batch norm see something: all boxes of a net as it is drawn score the same, and none would be the best."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    target = {"boxes": torch.tensor([[20.0, 20, 90, 90]]), "labels": torch.tensor([1])}
    net.train()([*torch.rand(2, 3, 320, 320)], [target, target])


@pytest.mark.parametrize(
    ("name", "task", "size", "classes"),
    [
        ("ssdlite320_mobilenet_v3_large", "detection", (320, 320), 80),
        ("fasterrcnn_mobilenet_v3_large_320_fpn", "detection", (160, 128), 80),
        ("lraspp_mobilenet_v3_large", "segmentation", (160, 128), 21),
    ],
)
def test_a_published_net_becomes_a_model_file(
    cache: Callable[[str], None],
    convoy: Convoy,
    tmp_path: Path,
    name: str,
    task: str,
    size: tuple[int, int],
    classes: int,
) -> None:
    cache(name)
    asked = [] if default_size(name) == size else ["--size", f"{size[0]}x{size[1]}"]
    convoy("models", "pull", name, *asked)
    path = tmp_path / "models" / f"{name}.onnx"
    card = ModelCard.read(path)
    assert (card.task, card.camera.width, card.camera.height, len(card.classes)) == (task, *size, classes)
    assert card.classes[-1] in ("toothbrush", "tvmonitor")
    assert "N/A" not in card.classes
    assert any(data.startswith("COCO-val2017") for data in card.metrics)
    assert card.command.startswith(f"convoy models pull {name}")
    outputs = Session.load(path, task, "cpu", 1).run(np.zeros((60, 80, 3), np.uint8))
    if task == "segmentation":
        assert outputs["mask"].shape == (size[1], size[0])
    else:
        assert outputs["scores"].shape == (len(outputs["boxes"]), classes)


def test_without_a_network_it_says_so_in_one_line(
    cache: Callable[[str], None], convoy: Convoy, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        convoy("models", "pull", "fcos_resnet50_fpn")
    said = capfd.readouterr().err.strip().splitlines()[-1]
    assert "The published weights of fcos_resnet50_fpn can't be fetched" in said


@pytest.mark.parametrize("name", names())
def test_every_net_has_weights_classes_and_figures(name: str) -> None:
    meta = get_model_weights(name).DEFAULT.meta
    assert meta["categories"]
    assert meta["_metrics"]
    assert meta["recipe"]
