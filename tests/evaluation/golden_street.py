"""What the shipped shared model sees on ``../shared/data/bags/street``, replayed: a few numbers, kept by provider.

After a new ``models/perception.onnx``, look at what it sees (``convoy replay ../shared/data/bags/street --launch
launch/perception.launch.yaml``), and then write the numbers anew:

    .venv/bin/python -m tests.evaluation.golden_street          # on the CPU; `cuda` on a machine that has one

Every tenth frame is replayed. Of each, all boxes are kept, the class of every pixel of a coarse grid, and the depth of
a coarser one.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from convoy.bags import BagReader, BagWriter
from convoy.evaluation.replay import replay
from convoy.interfaces.images import decode
from convoy.perception.reports import corners

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "perception.onnx"
BAG = ROOT.parent / "shared" / "data" / "bags" / "street"
FILE = Path(__file__).with_name("golden_street.json")
COMMAND = ".venv/bin/python -m tests.evaluation.golden_street"
EVERY = 10
MASK_GRID, DEPTH_GRID = (16, 12), (8, 6)
"""Columns and rows."""
SYMBOLS = "0123456789abcdefghijklmnopqrstuvwxyz"
"""Of the classes in a mask, by their numbers; '?' is a pixel without."""
TOLERANCES = {
    "cpu": {"score": 0.02, "px": 1.0, "mask": 0.02, "depth": 0.02},
    # TensorFloat-32 has ten bits.
    "cuda": {"score": 0.04, "px": 2.0, "mask": 0.03, "depth": 0.04},
}
"""How far another machine's results may be off: of a box its score and its edges, the share of the grid's pixels that
are of another class, and depth as a share of itself; of depths, as of boxes, one in fifty may be off by more."""
OUTLIERS = 0.02

Frame = dict[str, Any]


def key(model: Path) -> str:
    """What tells one model file from another."""
    return hashlib.sha256(model.read_bytes()).hexdigest()


def watch(bag: Path, model: Path, device: str, folder: Path) -> list[Frame]:
    """Replay every tenth image of a bag, and say what was seen."""
    few, out = folder / "few", folder / "out"
    with BagReader(bag) as whole, BagWriter(few) as part:
        (topic,) = (topic for topic in whole.topics.values() if topic.type.startswith("sensor_msgs/msg/Compressed"))
        part.add_topic(topic.name, topic.type)
        for number, record in enumerate(whole.messages([topic.name])):
            if number % EVERY == 0:
                part.write(topic.name, record.log_time_ns, record.data)
    arguments = {
        "model": str(model),
        "device": device,
        "image": topic.name.removesuffix("/compressed"),
        "tracker": "false",
    }
    replay(few, ROOT / "launch" / "perception.launch.yaml", arguments, out)
    with BagReader(out / "replay.mcap") as made:
        seen = {
            name: [made.deserialize(record) for record in made.messages([name])]
            for name in ("/detections", "/segmentation", "/depth/image")
        }
    return [
        {
            "boxes": [
                [one.results[0].hypothesis.class_id, round(one.results[0].hypothesis.score, 3)]
                + [round(edge, 1) for edge in corners(one.bbox)]
                for one in detections.detections
            ],
            "mask": "".join(SYMBOLS[at] if at < len(SYMBOLS) else "?" for at in _grid(mask, MASK_GRID)),
            "depth": [round(float(metres), 2) for metres in _grid(depth, DEPTH_GRID)],
        }
        for detections, mask, depth in zip(*seen.values(), strict=True)
    ]


def _grid(message: Any, size: tuple[int, int]) -> list[Any]:
    values = decode(message).pixels
    columns, rows = (
        (np.arange(count) + 0.5) * length // count for count, length in zip(size, values.shape[1::-1], strict=True)
    )
    chosen: list[Any] = values[rows.astype(int)][:, columns.astype(int)].ravel().tolist()
    return chosen


def differences(wanted: list[Frame], found: list[Frame], tolerance: dict[str, float], least: float) -> list[str]:
    """Say in which ways two replays differ by more than they may; `least` is the score of a box that is reported."""
    said = []
    if len(wanted) != len(found):
        return [f"{len(found)} frames, wanted {len(wanted)}"]
    pairs = list(zip(wanted, found, strict=True))
    lost = [_lost(*pair, tolerance, least) for pair in (*pairs, *(pair[::-1] for pair in pairs))]
    boxes = sum(len(frame["boxes"]) for frame in (*wanted, *found))
    if sum(lost) > OUTLIERS * boxes:
        said.append(f"{sum(lost)} of {boxes} boxes have no counterpart")
    masks = [["".join(frame["mask"] for frame in frames)] for frames in (wanted, found)]
    other = np.mean([one != two for one, two in zip(*masks[0], *masks[1], strict=True)])
    if other > tolerance["mask"]:
        said.append(f"{other:.1%} of the pixels are of another class")
    depths = [np.concatenate([frame["depth"] for frame in frames]) for frames in (wanted, found)]
    # What is infinitely far must be so in both.
    off = np.mean(~np.isclose(depths[1], depths[0], rtol=tolerance["depth"], atol=tolerance["depth"]))
    if off > OUTLIERS:
        said.append(f"{off:.1%} of the depths are off by more than {tolerance['depth']:.0%}")
    return said


def _lost(wanted: Frame, found: Frame, tolerance: dict[str, float], least: float) -> int:
    """How many boxes of a frame another one lacks; those that are only just reported may come and go."""
    return sum(
        not any(
            name == other[0]
            and abs(score - other[1]) <= tolerance["score"]
            and max(abs(a - b) for a, b in zip(edges, other[2:], strict=True)) <= tolerance["px"]
            for other in found["boxes"]
        )
        for name, score, *edges in wanted["boxes"]
        if score > least + tolerance["score"]
    )


def write(device: str) -> None:
    """Replay, and keep what was seen; what is kept of other devices stays if it is of the same model."""
    kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    if kept.get("model") != key(MODEL):
        kept = {"model": key(MODEL), "providers": {}}
    with tempfile.TemporaryDirectory() as folder:
        kept["providers"][device] = watch(BAG, MODEL, device, Path(folder))
    lines = json.dumps(kept, indent=1, sort_keys=True)
    FILE.write_text(lines + "\n")


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else "cpu")
