"""Drives in simulated towns, with what the expert would do at every instant: what a driving policy learns from.

Two ways make the policy see more than the expert's own line. The camera is shifted and turned now and then, and the
label is how the expert would come back from there (Bojarski et al. 2016); and the car is driven by the policy itself in
a share of the time, while the expert only labels (DAgger, Ross et al. 2011).
"""

from __future__ import annotations

import math
import multiprocessing
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convoy.inference import CylindricalView, Projector, Session
from convoy.interfaces.messages import CameraInfo, make
from convoy.learning.errors import LearningError

VIEW = CylindricalView(200, 66, math.radians(96), 0.37, -0.32)
"""What the policy sees: the width of the front camera, from the kerb beside the bonnet up to the traffic light under
which the car waits."""

LABEL_EVERY = 2
"""Steps of the world from one labelled image to the next."""
STANDING_MPS = 0.3
KEEP_STANDING = 0.3
"""Share of the images in which the car stands and should stand that is kept: one red light looks like another."""
SHIFTED = 0.5
SHIFT_M, TURN = 0.5, 0.06
"""Deviations of the camera's shift to the side and of its turn (rad)."""
PUSH_EVERY_S = 6.0
FAR_M = 60.0
_DRAFT = ".part.npz"
WEATHERS = ("clear", "clear", "cloudy", "low_sun", "overcast", "fog", "rain", "dusk")

Policy = Callable[[np.ndarray, str], tuple[float, float]]
"""Gives a steering angle (rad) and a speed (m/s) for a view, (66, 200, 3) uint8, and an instruction."""


@dataclass(frozen=True)
class Demonstrations:
    """Labelled images of one or more drives.

    Attributes:
        images: (N, 66, 200, 3) uint8, RGB on `VIEW`.
        instructions: (N,) index in `convoy_sim.route.INSTRUCTIONS`.
        angles, speeds: (N,) float32, what the expert would command: rad, left positive, and m/s.
        clear: (N,) float32, metres to what is ahead or to where to stop; `FAR_M` where that is farther, or nothing is.

    The speed does not depend on the car's own: a label that did would teach the policy to go on as it does (Codevilla
    et al. 2019, "Exploring the limitations of behavior cloning").
    """

    images: np.ndarray
    instructions: np.ndarray
    angles: np.ndarray
    speeds: np.ndarray
    clear: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def join(cls, parts: Sequence[Demonstrations]) -> Demonstrations:
        """Put drives one after another."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls.__dataclass_fields__))


def front_projector() -> Projector:
    """The projection of the simulator's front camera to `VIEW`."""
    from convoy_sim.cameras import camera_info
    from convoy_sim.rig import FRONT

    info, projector = camera_info(FRONT), Projector(VIEW)
    arrays = {name: np.array(getattr(info, name)) for name in ("d", "k", "r", "p")}
    size = {"width": info.width, "height": info.height, "distortion_model": info.distortion_model}
    projector.calibrate(make(CameraInfo, **size, **arrays))
    return projector


@dataclass(frozen=True)
class Take:
    """A drive to be recorded.

    Attributes:
        town, drive: where; all that chance decides comes from these two.
        seconds: how long.
    """

    town: int
    drive: int
    seconds: float


def demonstrate(take: Take, policy: Policy | None = None, beta: float = 1.0) -> Demonstrations:
    """Drive through a town and label what is seen as the expert would drive.

    `beta` is the share of stretches that the expert drives, with a push now and then; in the others `policy` drives.
    """
    from convoy_sim import expert
    from convoy_sim.rig import Rig
    from convoy_sim.route import INSTRUCTIONS
    from convoy_sim.traffic import Density
    from convoy_sim.world import STEP_S, World

    rng = np.random.default_rng((take.town, take.drive, 11))
    density = Density(int(rng.integers(4, 19)), int(rng.integers(6, 27)))
    weather = str(rng.choice(WEATHERS))
    world = World(take.town, density, weather, drive=take.drive)
    rig, projector = Rig(world, take.drive), front_projector()
    images, instructions, angles, speeds, clear = [], [], [], [], []
    push, pushed_until, expert_drives = 0.0, -1.0, True

    def see(left_m: float = 0.0, turned: float = 0.0) -> np.ndarray:
        picture = rig.render(left_m=left_m, turned=turned).rgb
        assert picture is not None  # it was asked for
        return projector.project(picture)

    try:
        for step in range(round(take.seconds / STEP_S)):
            if step % round(PUSH_EVERY_S / STEP_S) == 0:
                expert_drives = policy is None or rng.random() < beta
                push, pushed_until = rng.normal(0, 0.09), world.time_s + rng.uniform(0.4, 1.2)
            state, plan = world.state, world.agent.plan
            angle, speed = expert.relabel(world, state.x, state.y, state.heading)
            view: np.ndarray | None = None
            if not expert_drives or step % LABEL_EVERY == 0:
                rig.look()
            if not expert_drives and policy is not None:
                view = see()
                driven = policy(view, state.instruction)
            else:
                driven = (angle + (push if world.time_s < pushed_until else 0.0), speed)
            standing = state.speed < STANDING_MPS and speed < STANDING_MPS
            if step % LABEL_EVERY == 0 and (not standing or rng.random() < KEEP_STANDING):
                if view is None or rng.random() < SHIFTED:
                    left, turned = (
                        (rng.normal(0, SHIFT_M), rng.normal(0, TURN)) if rng.random() < SHIFTED else (0.0, 0.0)
                    )
                    view = see(left, turned)
                    x, y = state.x - left * math.sin(state.heading), state.y + left * math.cos(state.heading)
                    angle, speed = expert.relabel(world, x, y, state.heading + turned)
                images.append(view)
                instructions.append(INSTRUCTIONS.index(state.instruction))
                angles.append(angle)
                speeds.append(speed)
                clear.append(min(plan.gap, plan.stop, FAR_M))
            world.step(*driven)
    finally:
        rig.close()
    return Demonstrations(
        np.array(images, np.uint8).reshape(-1, VIEW.height, VIEW.width, 3),
        np.array(instructions, np.int64),
        np.array(angles, np.float32),
        np.array(speeds, np.float32),
        np.array(clear, np.float32),
    )


def load_policy(path: Path) -> Policy:
    """Make a policy of a model file, for `convoy_sim` worlds; the component `drive_policy` does the same live."""
    session = Session.load(path, task="drive", device="cpu", threads=1)
    instructions = session.card.classes

    def policy(view: np.ndarray, instruction: str) -> tuple[float, float]:
        angle, speed = session.run(view)["commands"][instructions.index(instruction)]
        return float(angle), float(speed)

    return policy


def record(
    folder: Path, takes: Sequence[Take], model: Path | None = None, beta: float = 1.0
) -> Iterator[Demonstrations]:
    """Make demonstrations on all cores, in order; what `folder` holds is not made again.

    `model` is the policy's file, see `demonstrate`.

    Raises:
        LearningError: see `load`.
        SimulationError: there is no OpenGL.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for draft in folder.glob(f"*{_DRAFT}"):  # of a run that was killed
        draft.unlink()
    name = "{0.town}_{0.drive}_{0.seconds:g}s.npz"
    jobs = [(folder / name.format(take), take, model, beta) for take in takes]
    missing = [job for job in jobs if not job[0].exists()]
    if not missing:
        yield from (load(path) for path, *_ in jobs)
        return
    with multiprocessing.get_context("spawn").Pool(max(1, min(multiprocessing.cpu_count(), len(missing)))) as pool:
        made = pool.imap(_record, missing)
        for job in jobs:
            if job in missing:
                next(made)
            yield load(job[0])


def load(path: Path) -> Demonstrations:
    """Read demonstrations from the file that they were recorded to.

    Raises:
        LearningError: it is missing, damaged, or of another version.
    """
    try:
        with np.load(path) as shard:
            return Demonstrations(**shard)
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0]
        raise LearningError(f"{path} is no whole drive: {reason}. Delete it, and it is recorded anew.") from None


def _record(job: tuple[Path, Take, Path | None, float]) -> None:
    path, take, model, beta = job
    made = demonstrate(take, None if model is None else load_policy(model), beta)
    draft = path.with_suffix(f".{os.getpid()}{_DRAFT}")
    np.savez(draft, **{name: getattr(made, name) for name in Demonstrations.__dataclass_fields__})
    draft.replace(path)
