"""The launch files of perception start what they say, with parameters that their components take."""

from __future__ import annotations

from pathlib import Path

import pytest

from convoy.launch import build, load
from convoy.launch.errors import LaunchError

NODES = {
    "perception": ["shared_perception", "tracker"],
    "detection": ["detector", "tracker"],
    "instances": ["instance_segmenter"],
    "segmentation": ["segmenter"],
    "depth": ["depth_estimator"],
    "relocalisation": ["relocaliser"],
}
SHIPPED = {
    "perception": "perception",
    "detection": "detector",
    "segmentation": "segmenter",
    "depth": "depth",
    "relocalisation": "relocaliser",
}


@pytest.mark.parametrize("name", NODES)
def test_its_nodes_take_the_images_asked_for(root: Path, name: str) -> None:
    arguments = {"namespace": "robot", "image": "/front/image_raw", "model": "/models/own.onnx", "device": "cpu"}
    graph = build(load(root / f"launch/{name}.launch.yaml", arguments))
    assert [node.full for _, node in graph] == [f"/robot/{node}" for node in NODES[name]]
    component, node = graph[0]
    assert node.topic("image", "/compressed") == "/front/image_raw/compressed"
    assert (component.parameters.model, component.parameters.device) == (Path("/models/own.onnx"), "cpu")
    assert node.topic("label_info") == "/robot/label_info"


@pytest.mark.parametrize(("name", "model"), SHIPPED.items())
def test_without_a_model_it_takes_the_shipped_one(root: Path, name: str, model: str) -> None:
    component, _ = build(load(root / f"launch/{name}.launch.yaml"))[0]
    assert component.parameters.model.resolve() == (root / f"models/{model}.onnx").resolve()


def test_where_no_model_is_shipped_one_must_be_given(root: Path) -> None:
    with pytest.raises(LaunchError, match="model"):
        load(root / "launch/instances.launch.yaml")


def test_tracks_can_be_left_out(root: Path) -> None:
    graph = build(load(root / "launch/detection.launch.yaml", {"tracker": "false"}))
    assert [component.name for component, _ in graph] == ["detector"]


@pytest.mark.parametrize("empty", ["", "''"])
def test_the_relocaliser_hears_of_mountings_and_speaks_where_it_is_asked_to(root: Path, empty: str) -> None:
    arguments = {"pose": "/initialpose", "base_frame": empty}
    ((component, node),) = build(load(root / "launch/relocalisation.launch.yaml", arguments))
    assert (node.topic("tf_static"), node.topic("pose")) == ("/tf_static", "/initialpose")
    assert component.parameters.base_frame == ""
