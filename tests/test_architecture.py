"""The house stands as it was drawn: floors, who may import what, what is public, and what a start costs."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import convoy
from convoy.commands import VERBS
from convoy.components import COMPONENTS, component_class
from convoy.errors import ConvoyError
from convoy.graph import Component

HERE = Path(__file__).parent
PUBLIC_NAMES = HERE / "public_names.txt"

FLOORS = {
    "__version__": 0,
    "errors": 0,
    "memory": 0,
    "tracing": 0,
    "interfaces": 1,
    "graph": 2,
    "bags": 2,
    "inference": 2.5,  # the base of components that run a model stands on the graph
    "perception": 3,
    "driving": 3,
    "gestures": 3,
    "devices": 3,
    "components": 4,  # names them, and imports each when it is asked for
    "hosts": 4,
    "launch": 5,
    "console": 5,  # a component like those of floor 3, but it lists the parameters of all others
    "learning": 6,
    "evaluation": 6,
    "commands": 7,
    "__main__": 8,
}
"""A package imports packages of lower floors, and itself."""

BESIDE = {
    "sim/convoy_sim": {"errors", "tracing", "interfaces", "graph"},
    "ros2_ws/src/convoy_ros/convoy_ros": {"errors", "interfaces", "graph", "components", "hosts"},
}
"""What stands beside the floors, and what of them it imports."""

EVERYWHERE = {"numpy"}
STANDS_ON = {
    "interfaces": {"rosbags", "cv2", "simplejpeg", "yaml"},
    "graph": {"pydantic"},
    "bags": {"rosbags", "mcap", "zstandard", "lz4", "yaml"},
    "inference": {"onnxruntime", "pydantic", "cv2", "yaml"},
    "perception": {"cv2", "pydantic", "trackforge"},
    "driving": {"pydantic"},
    "gestures": {"pydantic", "yaml", "mediapipe"},
    "devices": {"cv2", "pydantic", "serial", "smbus2", "evdev"},
    "hosts": {"cyclonedds"},
    "launch": {"yaml"},
    "console": {"pydantic", "cv2", "starlette", "uvicorn", "qrcode", "cryptography"},
    "learning": {
        *("torch", "torchvision", "lightning", "torchmetrics", "timm", "segmentation_models_pytorch", "onnx", "cv2"),
        *("stable_baselines3", "gymnasium", "faster_coco_eval", "sklearn", "sktime"),
    },
    "evaluation": {"torchmetrics", "faster_coco_eval", "matplotlib", "cv2"},
    "commands": {"typer", "rich"},
    "sim/convoy_sim": {"mujoco", "OpenGL", "gymnasium", "cv2", "pydantic"},
    "ros2_ws/src/convoy_ros/convoy_ros": {"rclpy", "rcl_interfaces", "lifecycle_msgs", "rosidl_runtime_py"},
}
"""The packages of others that each package may import."""

HEAVY = ["numpy", "cv2", "onnxruntime", "rosbags", "mcap", "cyclonedds", "torch", "lightning", "matplotlib"]
TRAINING = ["torch", "torchvision", "lightning", "onnx", "torchmetrics", "stable_baselines3", "matplotlib"]


def imports(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports, at its top or within a function; not those for type hints alone."""
    tree = ast.parse(file.read_text())
    hints = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    for hint in hints:
        hint.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def package_files(root: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted((root / "src" / "convoy").rglob("*.py")):
        yield file.relative_to(root / "src" / "convoy").parts[0].removesuffix(".py"), file


def loaded(root: Path, code: str, modules: list[str]) -> list[str]:
    """Run code in a fresh interpreter; returns which of the modules it has loaded."""
    code += f"\nimport sys\nprint('LOADED', *[name for name in {modules!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.rpartition("LOADED")[2].split()


def test_a_package_imports_only_floors_below_it(root: Path) -> None:
    wrong = []
    for package, file in package_files(root):
        if package == "__init__":
            continue
        for module in imports(file):
            top, _, rest = module.partition(".")
            other = rest.partition(".")[0]
            if top == "convoy" and other != package and FLOORS[other] >= FLOORS[package]:
                wrong.append(f"{file.relative_to(root)} (floor {FLOORS[package]}) imports {module} ({FLOORS[other]})")
    assert not wrong, "\n".join(wrong)


def test_what_stands_beside_the_floors_imports_what_it_may(root: Path) -> None:
    wrong = []
    for folder, allowed in BESIDE.items():
        for file in (root / folder).rglob("*.py"):
            for module in imports(file):
                top, _, rest = module.partition(".")
                if top == "convoy" and rest.partition(".")[0] not in allowed:
                    wrong.append(f"{file.relative_to(root)} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_every_package_stands_on_what_it_may(root: Path) -> None:
    files = list(package_files(root))
    files += [(folder, file) for folder in BESIDE for file in (root / folder).rglob("*.py")]
    own = {"convoy", "convoy_sim", "convoy_ros"}
    wrong = []
    for package, file in files:
        allowed = EVERYWHERE | STANDS_ON.get(package, set()) | own | sys.stdlib_module_names
        for module in imports(file):
            if module.partition(".")[0] not in allowed:
                wrong.append(f"{file.relative_to(root)} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_nothing_imports_the_rclpy_host(root: Path) -> None:
    for folder in ("src", "sim"):
        for file in (root / folder).rglob("*.py"):
            assert not [module for module in imports(file) if module.startswith(("convoy_ros", "rclpy"))], file


def test_the_check_of_floors_can_fail(tmp_path: Path) -> None:
    file = tmp_path / "hasty.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import hinted\n"
        "def late():\n    from convoy.commands import main\n"
        "import torch.nn\n"
    )
    assert set(imports(file)) == {"typing.TYPE_CHECKING", "convoy.commands.main", "torch.nn"}


def test_the_robot_never_imports_torch(root: Path) -> None:
    modules = {target.partition(":")[0] for target in COMPONENTS.values()}
    modules |= {"convoy.hosts.in_process", "convoy.hosts.dds", "convoy.launch", "convoy.bags", "convoy.commands.run"}
    assert loaded(root, "\n".join(f"import {module}" for module in sorted(modules)), TRAINING) == []


def test_help_is_instant_because_it_imports_nothing_heavy(root: Path) -> None:
    calls = [["--help"], *([verb, "--help"] for verb in VERBS)]
    code = (
        "from convoy.commands import main\n"
        f"for call in {calls!r}:\n"
        "    try:\n        main(call)\n    except SystemExit as end:\n        assert not end.code, call"
    )
    assert loaded(root, code, HEAVY) == []


def test_the_table_of_components_imports_none_of_them(root: Path) -> None:
    assert loaded(root, "import convoy.components", HEAVY) == []


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_component_in_the_table_is_one_and_says_what_it_does(name: str) -> None:
    found = component_class(name)
    assert issubclass(found, Component)
    assert found.__doc__, "the docstring is the component's manual"
    assert found.__doc__ != Component.__doc__


def test_a_component_that_is_not_there_is_refused_with_the_nearest_name_first() -> None:
    with pytest.raises(ConvoyError, match="There is no component 'suprevisor'; nearest first: supervisor, "):
        component_class("suprevisor")


def test_public_names_are_recorded() -> None:
    """To add, rename or remove a public name, edit tests/public_names.txt in the same change."""
    found = set()
    for module in pkgutil.walk_packages(convoy.__path__, "convoy."):
        if module.ispkg:
            package = importlib.import_module(module.name)
            found |= {f"{module.name}.{name}" for name in getattr(package, "__all__", ())}
            assert all(hasattr(package, name) for name in getattr(package, "__all__", ())), module.name
    recorded = set(PUBLIC_NAMES.read_text().split())
    assert recorded - found == set(), "removed: every user of these names breaks"
    assert found - recorded == set(), "added: record them"
