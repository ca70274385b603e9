"""What backbones cost, as far as it does not depend on the machine."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="backbones need the extra 'learn'")

from convoy.learning.errors import LearningError  # noqa: E402
from convoy.learning.nets import backbone_table  # noqa: E402
from convoy.learning.nets.backbone_table import Cost, costs, matching  # noqa: E402


def test_a_backbone_is_measured_as_the_robot_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    write = backbone_table.write_model

    def noted(net: torch.nn.Module, card: object, frames: list, path: object, measure: object) -> object:
        def watched(session: object) -> object:
            ran.append(session)
            return measure(session)

        return write(net, card, frames, path, watched)

    monkeypatch.setattr(backbone_table, "write_model", noted)
    of_ours, resnet, none = costs(["compact", "resnet18", "vit_tiny_patch16_224"])
    assert isinstance(of_ours, Cost)
    assert isinstance(resnet, Cost)
    assert (of_ours.source, resnet.source) == ("convoy", "torchvision")
    assert resnet.parameters == pytest.approx(11.69 - 0.51, abs=0.01), "as published, without the classifier"
    assert resnet.gflops == pytest.approx(2 * 1.81, abs=0.03), "as published: 1.81 billion multiplications"
    assert 0 < resnet.cpu_ms < 1000
    assert len(ran) == 2, "each once as a model file"
    assert len(ran[0].card.outputs) == len(of_ours.strides)
    assert "choose a convolutional net" in none


def test_names_by_pattern() -> None:
    assert "resnet18" in matching("resnet1*")
    assert "resnet34" not in matching("resnet1*")
    assert {"compact", "alexnet", "vgg16", "googlenet", "densenet121", "squeezenet1_0"} <= set(matching(""))
    assert {"xception41", "nasnetalarge", "resnext50_32x4d"} <= set(matching("*na*") + matching("*x*"))
    assert {"legacy_xception", "xception41", "nasnetalarge", "pnasnet5large"} <= set(matching(""))
    assert len(set(matching(""))) == len(matching(""))
    with pytest.raises(LearningError, match="No backbone is called 'resnut'; nearest first: resnet"):
        matching("resnut")
