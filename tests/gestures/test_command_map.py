"""The file of commands is refused with its fault named."""

from __future__ import annotations

from pathlib import Path

import pytest

from convoy.gestures.command_map import CommandMap, CommandMapError, Go

KNOWN = ("grab", "tap", "swipe_up")


def test_the_shipped_file_fits_the_shipped_model(command_map: Path, gesture_model: Path) -> None:
    from convoy.inference import ModelCard

    commands = CommandMap.read(command_map, ModelCard.read(gesture_model).classes)
    assert isinstance(commands.gestures["swipe_up"], Go)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gestures: {swipe_upp: {command: stop}}", "no gesture 'swipe_upp'; nearest first: swipe_up, "),
        ("gestures: {tap: {command: go, speed: 1, hold: 2}}", "no gesture commands 'stop'"),
        ("gestures: {tap: {command: go, speed: .inf, hold: 2}}", "gestures.tap.go.speed: .*finite"),
        ("gestures: {tap: {command: go, speed: 1}}", "gestures.tap.go.hold: Field required"),
        ("gestures: {tap: {command: fly}}", "gestures.tap: .*'fly'"),
        ("gestures: {}", "gestures: "),
        ("tap: {command: stop}", "Field required"),
        ("", "the whole: "),
        ("gestures: [", "is not YAML"),
    ],
)
def test_says_what_is_wrong_and_where(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "commands.yaml"
    file.write_text(text)
    with pytest.raises(CommandMapError, match=complaint) as error:
        CommandMap.read(file, KNOWN)
    assert str(file) in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandMapError, match=r"none.yaml can't be read"):
        CommandMap.read(tmp_path / "none.yaml", KNOWN)
