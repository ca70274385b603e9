"""Networks that convoy did not make, exported as their own makers do it, run with a card beside them.

Each is compared with what its own library makes of the same picture. The weights are random: what is tried is the way
in and the way out, to the last digit.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from convoy.inference import ModelError, Session
from convoy.inference.runtime import onnxruntime

torch = pytest.importorskip("torch", reason="exports networks of torchvision and others (extra 'learn')")
torchvision = pytest.importorskip("torchvision", reason="exports its networks (extra 'learn')")
pytest.importorskip("onnx", reason="exports ONNX files (extra 'learn')")
from torchvision.models import detection as zoo  # noqa: E402

SIZE = 64
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
IMAGENET = {"name": "x", "width": SIZE, "height": SIZE, "layout": "NCHW float32", "scale": 1 / 255}
IMAGENET |= {"mean": MEAN, "std": STD}
NAMES = ["one", "two", "three"]


@pytest.fixture
def image() -> np.ndarray:
    """A picture of the nets' size."""
    return np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)


def tensor(image: np.ndarray, *, normalised: bool = True) -> Any:
    values = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    if normalised:
        values = (values - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
    return values


def export(net: Any, example: Any, path: Path, outputs: list[str], card: dict[str, Any], **options: Any) -> Path:
    """Export as one does, and write the card beside it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(),
            (example,),
            path,
            input_names=["x"],
            output_names=outputs,
            opset_version=17,
            dynamo=False,
            **options,
        )
    path.with_name(path.stem + ".card.yaml").write_text(yaml.safe_dump(card))
    return path


def test_a_class_map_of_torchvision(tmp_path: Path, image: np.ndarray) -> None:
    torch.manual_seed(0)
    net = torchvision.models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=3)

    class Out(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Any) -> Any:
            return self.net(x)["out"]

    card = {"task": "segmentation", "input": IMAGENET, "output": {"form": "class_map", "output": "y"}, "classes": NAMES}
    path = export(Out(), tensor(image), tmp_path / "lraspp.onnx", ["y"], card)
    found = Session.load(path, "segmentation", "cpu").run(image)["mask"]
    with torch.no_grad():
        wanted = net.eval()(tensor(image))["out"][0].argmax(0).numpy()
    assert found.dtype == np.uint8
    assert (found == wanted).mean() > 0.999


def test_a_class_map_of_smp_in_nhwc_with_an_open_batch(tmp_path: Path, image: np.ndarray) -> None:
    smp = pytest.importorskip("segmentation_models_pytorch", reason="exports one of its networks (extra 'learn')")
    torch.manual_seed(0)
    net = smp.Unet("mobilenet_v2", encoder_weights=None, classes=3)

    class ChannelsLast(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Any) -> Any:
            return self.net(x.permute(0, 3, 1, 2).float() / 255).argmax(1)

    given = {"name": "x", "width": SIZE, "height": SIZE, "layout": "NHWC uint8", "colour": "bgr8"}
    card = {"task": "segmentation", "input": given, "output": {"form": "class_map", "output": "y"}, "classes": NAMES}
    example = torch.from_numpy(image)[None]
    path = export(ChannelsLast(), example, tmp_path / "unet.onnx", ["y"], card, dynamic_axes={"x": {0: "batch"}})
    found = Session.load(path, "segmentation", "cpu").run(image)["mask"]
    with torch.no_grad():
        assert (found == net.eval()(tensor(image, normalised=False))[0].argmax(0).numpy()).mean() > 0.999


def test_depth_of_a_net_on_timms_features(tmp_path: Path, image: np.ndarray) -> None:
    timm = pytest.importorskip("timm", reason="exports one of its networks (extra 'learn')")
    torch.manual_seed(0)
    features = timm.create_model("mobilenetv3_small_050", pretrained=False, features_only=True, out_indices=(1,))

    class InverseDepth(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = features

        def forward(self, x: Any) -> Any:
            return self.features(x)[0].mean(1, keepdim=True).sigmoid()

    net = InverseDepth().eval()
    form = {"form": "depth", "output": "y", "quantity": "inverse", "scale": 0.5, "shift": 0.01}
    path = export(
        net, tensor(image), tmp_path / "depth.onnx", ["y"], {"task": "depth", "input": IMAGENET, "output": form}
    )
    found = Session.load(path, "depth", "cpu").run(image)["depth"]
    with torch.no_grad():
        small = 1 / (net(tensor(image)) * 0.5 + 0.01)
        wanted = torch.nn.functional.interpolate(small, (SIZE, SIZE), mode="bilinear", align_corners=False)[0, 0]
    assert found.shape == (SIZE, SIZE)
    assert found == pytest.approx(wanted.numpy(), rel=1e-3)


def test_a_torchvision_detector_with_its_own_suppression(tmp_path: Path, image: np.ndarray) -> None:
    torch.manual_seed(0)
    net = zoo.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4, score_thresh=0.0)

    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Any) -> Any:
            found = self.net([x])[0]
            return found["boxes"], found["scores"], found["labels"]

    given = {"name": "x", "width": 320, "height": 320, "layout": "CHW float32", "scale": 1 / 255}
    form = {"form": "boxes", "labels": "labels", "first_class": 1}
    card = {"task": "detection", "input": given, "output": form, "classes": NAMES}
    large = np.random.default_rng(1).integers(0, 256, (320, 320, 3), np.uint8)
    example = tensor(large, normalised=False)[0]
    path = export(Flat(), example, tmp_path / "ssdlite.onnx", ["boxes", "scores", "labels"], card)
    found = Session.load(path, "detection", "cpu").run(large)
    # Not with torch's: the order of nearly equal scores, and so what is suppressed, hangs on the last digit.
    boxes, scores, labels = onnxruntime.InferenceSession(path).run(None, {"x": example.numpy()})
    assert len(found["boxes"]) == len(boxes) > 0
    assert (found["boxes"] == boxes).all()
    assert found["scores"].argmax(1).tolist() == (labels - 1).tolist()
    assert (found["scores"].max(1) == scores).all()


def test_the_raw_heads_of_torchvisions_ssd_with_its_anchors(tmp_path: Path, image: np.ndarray) -> None:
    torch.manual_seed(0)
    net = zoo.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4).eval()

    class Heads(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Any) -> Any:
            given = self.net.head(list(self.net.backbone(x).values()))
            return given["bbox_regression"], given["cls_logits"]

    images = tensor(image, normalised=False) * 2 - 1
    with torch.no_grad():
        maps = list(net.backbone(images).values())
        heads = net.head(maps)
        sizes = zoo.image_list.ImageList(images, [(SIZE, SIZE)])
        (anchors,) = net.anchor_generator(sizes, maps)
        wanted = net.box_coder.decode_single(heads["bbox_regression"][0], anchors)
        scores = heads["cls_logits"][0].softmax(1)[:, 1:]
    low, high = anchors[:, :2], anchors[:, 2:]
    np.save(tmp_path / "anchors.npy", torch.cat([(low + high) / 2, high - low], 1).numpy())
    given = {"name": "x", "width": SIZE, "height": SIZE, "layout": "NCHW float32"}
    given |= {"scale": 1 / 255, "mean": [0.5] * 3, "std": [0.5] * 3}
    form = {"form": "ssd", "boxes": "b", "scores": "s", "anchors": "anchors.npy"}
    card = {"task": "detection", "input": given, "output": form, "classes": NAMES}
    path = export(Heads(), images, tmp_path / "ssd.onnx", ["b", "s"], card)
    found = Session.load(path, "detection", "cpu").run(image)
    assert len(found["boxes"]) == len(wanted)
    assert found["boxes"] == pytest.approx(wanted.numpy(), abs=0.01)
    assert found["scores"] == pytest.approx(scores.numpy(), abs=1e-4)
    (tmp_path / "anchors.npy").unlink()
    with pytest.raises(ModelError, match=r"The anchors .*anchors\.npy can't be read"):
        Session.load(path, "detection", "cpu")


def test_the_raw_heads_of_torchvisions_fcos(tmp_path: Path, image: np.ndarray) -> None:
    torch.manual_seed(0)
    body = zoo.backbone_utils.mobilenet_backbone(
        backbone_name="mobilenet_v3_large", fpn=True, trainable_layers=0, weights=None
    )
    sizes = tuple((size,) for size in (8, 16, 32))
    anchors = zoo.anchor_utils.AnchorGenerator(sizes, ((1.0,),) * 3)
    net = zoo.FCOS(body, 3, anchor_generator=anchors).eval()

    class Heads(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Any) -> Any:
            given = self.net.head(list(self.net.backbone(x).values()))
            return given["cls_logits"], given["bbox_regression"], given["bbox_ctrness"]

    with torch.no_grad():
        maps = list(net.backbone(tensor(image)).values())
        heads = net.head(maps)
        (boxes,) = anchors(zoo.image_list.ImageList(tensor(image), [(SIZE, SIZE)]), maps)
        # A grid's stride is what its anchors' sizes say where they are alike, as in the paper's own set-up.
        strides = [SIZE // level.shape[-1] for level in maps]
        scores = (heads["cls_logits"].sigmoid() * heads["bbox_ctrness"].sigmoid()).sqrt()[0]
        sides = torch.cat(
            [
                torch.full((level.shape[-1] * level.shape[-2], 1), float(s))
                for level, s in zip(maps, strides, strict=True)
            ]
        )
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        steps = heads["bbox_regression"][0] * sides
        wanted = torch.cat([middle - steps[:, :2], middle + steps[:, 2:]], 1)
    form = {"form": "fcos", "scores": ["s"], "distances": ["d"], "centreness": ["c"], "strides": strides, "offset": 0.0}
    card = {"task": "detection", "input": IMAGENET, "output": form, "classes": NAMES}
    path = export(Heads(), tensor(image), tmp_path / "fcos.onnx", ["s", "d", "c"], card)
    found = Session.load(path, "detection", "cpu").run(image)
    assert found["boxes"] == pytest.approx(wanted.numpy(), abs=0.01)
    assert found["scores"] == pytest.approx(scores.numpy(), abs=1e-4)


def test_what_a_card_says_of_a_model_is_checked_against_it(tmp_path: Path, image: np.ndarray) -> None:
    net = torch.nn.Conv2d(3, 5, 3, padding=1)
    form = {"form": "class_map", "output": "y"}
    card = {"task": "segmentation", "input": IMAGENET, "output": form, "classes": NAMES}
    path = export(net, tensor(image), tmp_path / "net.onnx", ["y"], card | {"input": IMAGENET | {"name": "images"}})
    with pytest.raises(ModelError, match=r"takes x tensor\(float\) .*, the card says images"):
        Session.load(path, "segmentation", "cpu")
    path = export(net, tensor(image), tmp_path / "net.onnx", ["y"], card | {"output": form | {"output": "mask"}})
    with pytest.raises(ModelError, match="its graph gives y, the card says mask too"):
        Session.load(path, "segmentation", "cpu")
