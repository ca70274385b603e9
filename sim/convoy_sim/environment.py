"""The world as a gymnasium environment, `convoy/Drive-v0`.

Importing this module registers it; `gymnasium.make("convoy_sim.environment:convoy/Drive-v0")` does so by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from convoy_sim import expert
from convoy_sim.actions import DISCRETE_ANGLES, DISCRETE_SPEEDS, command, discrete
from convoy_sim.bird_view import BirdView
from convoy_sim.cameras import Pinhole
from convoy_sim.errors import SimulationError
from convoy_sim.features import NAMES, SPEED_SCALE, features
from convoy_sim.look.weather import WEATHERS
from convoy_sim.radar import Shield, look_ahead
from convoy_sim.reward import Reward
from convoy_sim.route import INSTRUCTIONS
from convoy_sim.scenarios import BEYOND_M, KINDS, RUN_UP_M, Scenario, Staged
from convoy_sim.seeds import town_seeds
from convoy_sim.traffic import Density
from convoy_sim.vehicle import VehicleModel, another_vehicle
from convoy_sim.world import STEP_S, Event, World

if TYPE_CHECKING:
    from convoy_sim.rig import Rig

ID = "convoy/Drive-v0"
MEASUREMENTS = ("speed", *INSTRUCTIONS)
"""Beside the picture: speed (1 is `SPEED_SCALE`), and 1 for the instruction that holds."""

_VIEW_DEGREES = 100.0


class Drive(gymnasium.Env[Any, Any]):
    """Drive on a tour of a town; an episode ends with an intervention or a red light run, or after some time.

    Observations are features (see `convoy_sim.features`), or with `observation="pixels"` a dictionary of the `image`
    (height, width, 3) and the `measurements`. Actions are (steering, speed), each -1 to 1, or with `discrete_actions`
    numbers, see `convoy_sim.actions`. The info of a step has the kinds of the `events` that happened, and at the end
    the figures of the drive (`metrics`), with a shield how often it braked (`shield_stops`); `env.unwrapped.world`
    knows the rest.

    Drives, towns and all else are drawn from the seed given to `reset`. Its options may name the `town` (its seed), the
    `drive`, and the kind of `scenario` that it is to be ("" for none), and set the `difficulty` (0 to 1) from then on.

    Raises:
        SimulationError: an option is out of range, or pixels are wanted and there is no OpenGL.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": round(1 / STEP_S)}  # noqa: RUF012

    def __init__(
        self,
        towns: str = "train",
        observation: str = "features",
        discrete_actions: bool = False,
        weathers: Sequence[str] = ("clear",),
        density: Density | None = None,
        difficulty: float = 1.0,
        randomise: bool = False,
        seconds: float = 60.0,
        drives_per_town: int = 1,
        repeat: int = 1,
        scenarios: float = 0.0,
        scenario_m: tuple[float, float] = (RUN_UP_M, BEYOND_M),
        shield: Shield | None = None,
        reward: Reward | None = None,
        size: tuple[int, int] = (200, 66),
        look: Callable[[Rig], NDArray[np.uint8]] | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Make an environment.

        Args:
            towns: a split, or seeds as in `convoy_sim.seeds.town_seeds`.
            observation: "features" or "pixels".
            discrete_actions: for algorithms that want them.
            weathers: one is drawn for each town.
            density: traffic at full difficulty.
            difficulty: part of the traffic that is there; below 0.5 the weather is the first of `weathers`.
            randomise: draw another vehicle (mass, tyres, delays, steering that pulls) for each drive.
            seconds: length of an episode.
            drives_per_town: episodes before another town is made, which takes a moment (pixels: seconds). They share
                the weather.
            repeat: steps of the world (1/20 s) that an action holds: fewer pictures for as long a drive.
            scenarios: share of the episodes, at full difficulty, in which somebody gets in the way, see
                `convoy_sim.scenarios`; such an episode ends when that is over.
            scenario_m: it begins so far from where that happens, the expert drives there, and ends so far behind it.
            shield: brakes at the last moment; the policy's steering holds.
            reward: what a step is worth.
            size: width and height of the picture.
            look: takes the picture; None: a pinhole camera of this size that sees 100 degrees.
            render_mode: "rgb_array": `render` draws a map of the surroundings.
        """
        if observation not in ("features", "pixels"):
            raise SimulationError(f"Observations are features or pixels; found {observation!r}.")
        if unknown := sorted(set(weathers) - set(WEATHERS)) or not weathers:
            raise SimulationError(f"Weathers are {', '.join(WEATHERS)}; found {unknown if weathers else 'none'}.")
        if not 0.0 <= scenarios <= 1.0:
            raise SimulationError(f"The share of scenarios is 0 to 1; found {scenarios}.")
        if render_mode not in (None, "rgb_array"):
            raise SimulationError(f"The render mode is rgb_array or None; found {render_mode!r}.")
        self.render_mode = render_mode
        self._towns = town_seeds(towns)
        self._pixels = observation == "pixels"
        self._weathers = tuple(weathers)
        self._density = density or Density()
        self._randomise = randomise
        self._steps = round(seconds / STEP_S)
        self._drives_per_town = drives_per_town
        self._repeat = repeat
        self._scenarios = scenarios
        self._scenario_m = scenario_m
        self._shield = shield
        self._staged: Staged | None = None
        self._reward = reward or Reward()
        self._size = size
        self._look = look
        self._drives_left = 0
        self._rig: Rig | None = None
        self._bird_view: BirdView | None = None
        self.set_difficulty(difficulty)
        self.action_space: spaces.Space[Any] = (
            spaces.Discrete(len(DISCRETE_ANGLES) * len(DISCRETE_SPEEDS))
            if discrete_actions
            else spaces.Box(-1.0, 1.0, (2,), np.float32)
        )
        width, height = size
        self.observation_space: spaces.Space[Any] = (
            spaces.Dict(
                {
                    "image": spaces.Box(0, 255, (height, width, 3), np.uint8),
                    "measurements": spaces.Box(-1.0, 1.0, (len(MEASUREMENTS),), np.float32),
                }
            )
            if self._pixels
            else spaces.Box(-1.0, 1.0, (len(NAMES),), np.float32)
        )

    def set_difficulty(self, difficulty: float) -> None:
        """Set what the next drives are like, 0 to 1; for a curriculum, through `VecEnv.env_method`."""
        if not 0.0 <= difficulty <= 1.0:
            raise SimulationError(f"The difficulty is 0 to 1; found {difficulty}.")
        self._difficulty = difficulty

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        options = options or {}
        if "difficulty" in options:
            self.set_difficulty(float(options["difficulty"]))
        if seed is not None or "town" in options or not self._drives_left:
            self._move(options.get("town"))
        self._drives_left -= 1
        drive = int(options.get("drive", self.np_random.integers(2**31)))
        cars, people = (round(n * self._difficulty) for n in (self._density.cars, self._density.people))
        model, self._pull = VehicleModel(), 0.0
        if self._randomise:
            model, self._pull = another_vehicle(model, self.np_random)
        kind = ""
        if self.np_random.random() < self._scenarios * self._difficulty:
            kind = KINDS[int(self.np_random.integers(len(KINDS)))]
        kind = str(options.get("scenario", kind))
        self._staged = self._stage(kind, drive, model) if kind else None
        self.world = (
            self._staged.world
            if self._staged
            else World(self._town, Density(cars, people), self._weather, model, drive)
        )
        if self._shield is not None:
            self._shield.reset()
        if self._rig is not None:
            self._rig.world = self.world
        elif self._pixels:
            from convoy_sim.rig import Rig

            self._rig = Rig(self.world, drive)
        self._last = (0.0, -1.0)
        where = {"town": self._town, "drive": drive, "weather": self._weather}
        return self._observe(), where | {"scenario": kind if self._staged else ""}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        wanted = self._decode(action)
        worth, happened = 0.0, list[str]()
        failed = ended = False
        for _ in range(self._repeat):
            if not failed and not ended:
                gained, events, failed, ended = self._step(wanted)
                worth += gained
                happened += [event.kind for event in events]
        info: dict[str, Any] = {"events": happened}
        if failed or ended:
            info["metrics"] = self.world.metrics.as_dict()
            if self._shield is not None:
                info["shield_stops"] = self._shield.interventions
        return self._observe(), worth, failed, ended and not failed, info

    def render(self) -> NDArray[np.uint8] | None:
        """(360, 360, 3) RGB map of the surroundings; None without a render mode."""
        if self.render_mode is None:
            return None
        self._bird_view = self._bird_view or BirdView()
        return self._bird_view.draw(self.world)

    def close(self) -> None:
        self._close_rig()

    def _step(self, wanted: tuple[float, float]) -> tuple[float, tuple[Event, ...], bool, bool]:
        """One step of the world: what it was worth, what happened, whether the drive failed, or came to its end."""
        before = self.world.state.s
        angle, speed = command(wanted)
        speed, shielded = self._shielded(speed)
        if self._staged:
            self._staged.act()
        events = self.world.step(angle + self._pull, speed)
        failed = any(event.intervention or event.kind == "red_light" for event in events)
        ended = self.world.time_s > (self._steps - 0.5) * STEP_S or (self._staged is not None and self._staged.over)
        worth = self._reward.of(self.world, self.world.state.s - before, wanted, self._last, failed, shielded)
        self._last = wanted
        return worth, events, failed, ended

    def _move(self, town: int | None) -> None:
        """Go to another town, and another weather."""
        self._close_rig()
        drawn = self._towns[int(self.np_random.integers(len(self._towns)))]
        self._town = drawn if town is None else int(town)
        weather = int(self.np_random.integers(len(self._weathers)))
        self._weather = self._weathers[weather if self._difficulty >= 0.5 else 0]
        self._drives_left = self._drives_per_town

    def _stage(self, kind: str, drive: int, model: VehicleModel) -> Staged | None:
        """A scenario in the present town; none where that has no place for it."""
        try:
            staged = replace(
                Scenario(drive, kind, (self._town,)).begin(self._weather, model), beyond=self._scenario_m[1]
            )
        except SimulationError:
            return None
        while staged.place - staged.world.agent.nose > self._scenario_m[0] and not staged.over:
            staged.act()
            staged.world.step(*expert.drive(staged.world))
        return staged

    def _shielded(self, speed: float) -> tuple[float, bool]:
        """The speed that is driven, and whether the shield has just begun to brake."""
        shield = self._shield
        if shield is None:
            return speed, False
        before = shield.interventions
        shield.see(self.world.time_s, look_ahead(self.world))
        return 0.0 if shield.brakes(speed) else speed, shield.interventions > before

    def _decode(self, action: Any) -> tuple[float, float]:
        """Steering and speed, -1 to 1."""
        if isinstance(self.action_space, spaces.Discrete):
            return discrete(int(action))
        steering, speed = (min(max(float(a), -1.0), 1.0) for a in action)
        return steering, speed

    def _observe(self) -> Any:
        if self._rig is None:
            return features(self.world)
        self._rig.look()
        state = self.world.state
        told = (float(state.instruction == instruction) for instruction in INSTRUCTIONS)
        measurements = np.array([min(max(state.speed / SPEED_SCALE, -1.0), 1.0), *told], np.float32)
        return {"image": self._see(self._rig), "measurements": measurements}

    def _see(self, rig: Rig) -> NDArray[np.uint8]:
        if self._look is not None:
            return self._look(rig)
        picture = rig.render(Pinhole.of_view(*self._size, _VIEW_DEGREES)).rgb
        assert picture is not None  # asked for
        return picture

    def _close_rig(self) -> None:
        if self._rig is not None:
            self._rig.close()
            self._rig = None


# A second import under another name must not register it twice.
if ID not in gymnasium.registry:
    gymnasium.register(ID, entry_point="convoy_sim.environment:Drive")
