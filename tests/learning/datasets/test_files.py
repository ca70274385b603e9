"""Data sets from files: what they hold, and what is said of files that are wrong."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.learning.datasets.conftest import picture, png

from convoy.learning.datasets.classes import CAMVID, CITYSCAPES, ClassTable
from convoy.learning.datasets.sample import VOID
from convoy.learning.datasets.spec import open_dataset
from convoy.learning.errors import LearningError

Coco = Callable[..., str]
BOX = {"image_id": 0, "category_id": 7, "bbox": [2, 3, 10, 5]}


def test_coco_gives_boxes_by_ascending_category(coco: Coco) -> None:
    found = open_dataset(coco(BOX, BOX | {"category_id": 3, "bbox": [0, 0, 1.5, 2.5]}))
    assert found.classes == ("car", "cone")
    assert found.boxed == (0, 1)
    sample = found[0]
    assert sample.boxes is not None
    assert sample.boxes.tolist() == [[2, 3, 12, 8], [0, 0, 1.5, 2.5]]
    assert sample.labels.tolist() == [1, 0]
    assert found[1].boxes.shape == (0, 4), "a picture with nothing in it is a sample too"
    assert sample.mask is sample.depth is sample.instances is None


def test_coco_boxes_outside_are_clipped_and_counted(coco: Coco) -> None:
    wide, gone, flat = ({**BOX, "bbox": box} for box in ([-3, 4, 30, 20], [20, 2, 5, 5], [3, 3, 0, 4]))
    found = open_dataset(coco(wide, gone, flat, BOX | {"iscrowd": 1}))
    assert found[0].boxes.tolist() == [[0, 4, 20, 10]]
    assert found.report.counts == {
        "boxes clipped to their picture": 1,
        "boxes outside their picture or of no size left out": 2,
        "boxes of crowds left out": 1,
    }


def test_coco_polygons_and_run_lengths_become_instances(coco: Coco) -> None:
    lengths = {"size": [10, 20], "counts": [30, 4, 166]}  # column 3, rows 0 to 3
    polygon = [[10, 2, 16, 2, 16, 6, 10, 6]]
    found = open_dataset(coco(BOX | {"segmentation": lengths}, BOX | {"segmentation": polygon}))[0]
    rows, columns = np.nonzero(found.instances == found.instance_ids[0])
    assert (rows.tolist(), set(columns)) == ([0, 1, 2, 3], {3})
    rows, columns = np.nonzero(found.instances == found.instance_ids[1])
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (10, 15, 2, 5)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bbox": [1, 2, 3]}, r"annotation 1: bbox is \[1, 2, 3\], wanted four finite numbers"),
        ({"bbox": [1, float("nan"), 3, 4]}, r"annotation 1: bbox is \[1, nan, 3, 4\]"),
        ({"category_id": 99}, "annotation 1: there is no category of id 99"),
        ({"image_id": 5}, "annotation 1: there is no image of id 5"),
    ],
)
def test_a_wrong_row_of_coco_is_named_or_left_out(coco: Coco, wrong: dict[str, object], said: str) -> None:
    spec = coco(BOX | {"image_id": 1}, BOX | wrong)
    with pytest.raises(LearningError, match=f"found.json, {said}"):
        open_dataset(spec)
    found = open_dataset(spec, missing="skip")
    assert found[len(found) - 1].name == "b"
    orphans = found.report.counts["annotations of no picture left out"]
    assert (len(found.report.skipped), found.report.of, orphans) == ((0, 2, 1) if "image_id" in wrong else (1, 2, 0))


def test_a_missing_picture_is_named_or_left_out(coco: Coco, tmp_path: Path) -> None:
    spec = coco(BOX)
    (tmp_path / "pictures" / "a.jpg").unlink()
    named = r"a\.jpg, which .*found\.json names as image 0, is missing\. \(--skip-missing leaves such samples out\)"
    with pytest.raises(LearningError, match=named):
        open_dataset(spec)
    found = open_dataset(spec, missing="skip")
    assert [found[number].name for number in range(len(found))] == ["b"]
    assert "a.jpg" in found.report.skipped[0]


def test_a_damaged_segmentation_is_named(coco: Coco) -> None:
    found = open_dataset(coco(BOX | {"segmentation": {"size": [10, 20], "counts": "\x7f"}}))
    with pytest.raises(LearningError, match=r"found.json, annotation 0: its segmentation is damaged"):
        found[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty; wanted COCO's images"),
        ("{", "is no JSON"),
        ("[]", "has no list of images"),
        (json.dumps({"images": [], "annotations": [], "categories": []}), "its list of images is empty"),
        (
            json.dumps({"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1}]}),
            "categories, row 0: wanted",
        ),
        (
            json.dumps({"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1, "name": "a"}]}),
            "image 0: wanted file_name, width and height",
        ),
    ],
)
def test_a_file_that_is_not_coco_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "found.json").write_text(text)
    with pytest.raises(LearningError, match=f"found.json.*{said}"):
        open_dataset(f"coco:{tmp_path},{tmp_path / 'found.json'}")


def test_a_picture_of_another_size_than_its_annotations_is_named(coco: Coco, tmp_path: Path) -> None:
    spec = coco(BOX)
    picture(tmp_path / "pictures" / "a.jpg", 10, 10)
    with pytest.raises(LearningError, match=r"a\.jpg is 10x10, its annotations are for 20x10"):
        open_dataset(spec)[0]


def test_a_truncated_jpeg_is_named_or_left_out(coco: Coco, tmp_path: Path) -> None:
    spec = coco(BOX)
    path = tmp_path / "pictures" / "a.jpg"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(LearningError, match=r"a\.jpg: The JPEG file of \d+ bytes is damaged"):
        open_dataset(spec)[0]
    found = open_dataset(spec, missing="skip")
    assert len(found) == 1
    assert "a.jpg" in found.report.skipped[0]


def camvid(folder: Path, mask: object = ((0, 1, 11), (10, 255, 3))) -> str:
    for part in ("train", "val"):
        for name in ("one", "two"):
            picture(folder / part / f"{name}.jpg", 3, 2)
            png(folder / f"{part}annot" / f"{name}.png", np.array(mask, np.uint8))
    return f"folder:{folder}"


def test_camvid_has_eleven_classes_and_void(tmp_path: Path) -> None:
    found = open_dataset(camvid(tmp_path))
    assert found.classes == CAMVID.names
    assert found[0].mask.tolist() == [[0, 1, VOID], [10, VOID, 3]]
    assert len(found) == 4
    assert len(open_dataset(f"folder:{tmp_path}#val")) == 2
    assert open_dataset(f"folder:{tmp_path}", want=())[0].mask is None


def test_the_real_camvid_opens(shared: Path) -> None:
    folder = shared / "camvid"
    train, val = (open_dataset(f"folder:{folder}#{part}") for part in ("train", "val"))
    assert (len(train), len(val)) == (367, 101)
    few = open_dataset(f"folder:{folder}#train@50")
    assert len({few[number].name for number in range(50)}) == 50
    sample = val[50]
    assert sample.image.shape == (360, 480, 3)
    assert {3, 1, VOID} <= set(np.unique(sample.mask)), "road, building and void are in every street"


def test_a_mask_with_unknown_numbers_is_named_or_left_out(tmp_path: Path) -> None:
    spec = camvid(tmp_path)
    bad = png(tmp_path / "trainannot" / "two.png", np.array([(0, 12, 13), (0, 0, 0)], np.uint8))
    with pytest.raises(LearningError, match=rf"{bad} has the numbers 12, 13, which no class has"):
        open_dataset(spec)[1]
    found = open_dataset(f"{spec}#train", missing="skip")
    assert len(found) == 1
    assert str(bad) in found.report.skipped[0]


def test_a_mask_without_a_picture_and_the_reverse_are_named(tmp_path: Path) -> None:
    spec = camvid(tmp_path)
    (tmp_path / "trainannot" / "one.png").unlink()
    (tmp_path / "val" / "two.jpg").unlink()
    with pytest.raises(LearningError, match=r"one\.png is missing, though there is its picture"):
        open_dataset(spec)
    found = open_dataset(spec, missing="skip")
    assert len(found) == 2
    assert (len(found.report.skipped), found.report.of) == (2, 4)
    assert open_dataset(f"{spec}#val", missing="skip").report.of == 4


def test_a_mask_of_another_size_is_named(tmp_path: Path) -> None:
    with pytest.raises(LearningError, match=r"one\.png is 1x1, its picture 3x2"):
        open_dataset(camvid(tmp_path, [[0]]))[0]


def test_cityscapes_labels_become_its_nineteen_classes(tmp_path: Path) -> None:
    picture(tmp_path / "leftImg8bit/train/ulm/ulm_0_leftImg8bit.png", 3, 1)
    png(tmp_path / "gtFine/train/ulm/ulm_0_gtFine_labelIds.png", np.array([(7, 4, 33)], np.uint8))
    found = open_dataset(f"folder:{tmp_path}#train")
    assert found.classes == CITYSCAPES.names
    assert found[0].mask.tolist() == [[0, VOID, 18]]


def test_a_folder_with_its_own_classes_may_have_coloured_masks(tmp_path: Path) -> None:
    table = ClassTable(("ground", "cone"), ((90, 90, 90), (255, 96, 0)))
    (tmp_path / "classes.json").write_text(table.dump())
    picture(tmp_path / "images/a.png", 3, 1)
    colours = np.array([[(90, 90, 90), (255, 96, 0), (0, 0, 0)]], np.uint8)
    png(tmp_path / "masks/a.png", colours[..., ::-1])
    found = open_dataset(f"folder:{tmp_path}")
    assert (found.classes, found.palette) == (table.names, table.colours)
    assert found[0].mask.tolist() == [[0, 1, VOID]]
    png(tmp_path / "masks/a.png", colours)
    with pytest.raises(LearningError, match=r"a\.png has the colours \(0, 96, 255\), which no class has"):
        found[0]


def test_a_table_of_classes_that_is_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_text('[{"name": "ground", "colour": [1, 2]}]')
    with pytest.raises(LearningError, match=r"classes\.json: class 0 is .* wanted"):
        open_dataset(f"folder:{tmp_path}")


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((6, 8), 200, np.uint8),
        np.full((6, 8), 200 * 257, np.uint16),
        np.full((6, 8, 4), 200, np.uint8),
        np.full((1, 1), 200, np.uint8),
    ],
    ids=["grey", "16 bits", "alpha", "1x1"],
)
def test_pictures_of_every_kind_become_rgb(tmp_path: Path, pixels: np.ndarray) -> None:
    for kind in ("cat", "dog"):
        png(tmp_path / kind / "a.png", pixels)
    sample = open_dataset(f"images:{tmp_path}")[0]
    assert sample.image.dtype == np.uint8
    assert sample.image.shape == (*pixels.shape[:2], 3)
    assert (sample.image == 200).all()


def test_pictures_by_class_are_split_within_each_class(tmp_path: Path) -> None:
    for kind in ("cat", "dog"):
        for number in range(10):
            picture(tmp_path / kind / f"{number}.jpg")
    train, val = (open_dataset(f"images:{tmp_path}#{part}") for part in ("train", "val"))
    assert (len(train), len(val)) == (16, 4)
    assert [val[number].category for number in range(4)] == [0, 0, 1, 1]
    assert train.classes == ("cat", "dog")
    with pytest.raises(LearningError, match="has 0 folders of pictures"):
        open_dataset(f"images:{tmp_path / 'cat'}")


def test_sets_of_the_same_classes_join_and_others_do_not(tmp_path: Path, coco: Coco) -> None:
    first, second = camvid(tmp_path / "a"), camvid(tmp_path / "b")
    joined = open_dataset(first, f"{second}#val")
    assert len(joined) == 6
    assert joined.name == f"{first}, {second}#val"
    with pytest.raises(LearningError, match=r"can't be joined: their classes differ \(bicyclist, .*cone"):
        open_dataset(first, coco(BOX))


def test_parts_and_counts(tmp_path: Path) -> None:
    for number in range(10):
        picture(tmp_path / "x" / f"{number}.jpg")
        picture(tmp_path / "y" / f"{number}.jpg")
    spec = f"images:{tmp_path}"
    assert len(open_dataset(f"{spec}#0.5-1")) == 10
    few = open_dataset(f"{spec}#0-0.5@5")
    assert [few[number].name for number in range(5)] == [f"x/{number}" for number in (0, 2, 4, 6, 8)]
    with pytest.raises(LearningError, match=r"has no part 'dev'; it has #train, #val, and fractions"):
        open_dataset(f"{spec}#dev")
    with pytest.raises(LearningError, match=r"has 20 samples; 21 were asked for"):
        open_dataset(f"{spec}@21")
    with pytest.raises(IndexError):
        few[5]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("sims:train", "there is no kind 'sims'; nearest first: sim, "),
        ("towns", "is not understood; wanted KIND:PLACE"),
        ("coco:only", "lacks the annotations; wanted coco:PICTURES,ANNOTATIONS.json"),
        ("sim:train/fob=90", "'fob=90' is not understood; wanted 640x480, fov="),
        ("sim:train/stereo=wide", "'stereo=wide' is not understood"),
        ("folder:nowhere", "has no pictures with masks; wanted train and trainannot"),
        ("rgbd:nowhere", "has neither frame-000000.color.jpg"),
        ("images:nowhere", "There is no folder nowhere"),
    ],
)
def test_a_spec_that_is_wrong_is_refused(spec: str, said: str) -> None:
    with pytest.raises(LearningError, match=said):
        open_dataset(spec)


def test_a_data_set_goes_to_another_process(tmp_path: Path) -> None:
    found = pickle.loads(pickle.dumps(open_dataset(camvid(tmp_path))))
    assert found[3].image.shape == (2, 3, 3)


def test_a_large_picture_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a" / "large.jpg"
    path.parent.mkdir()
    assert cv2.imwrite(str(path), np.full((3000, 4000, 3), 77, np.uint8))
    picture(tmp_path / "b" / "small.jpg")
    assert open_dataset(f"images:{tmp_path}")[0].image.shape == (3000, 4000, 3)
