"""The gymnasium environment: its contract, seeds, options, and that driving well pays."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from convoy_sim import expert
from convoy_sim.actions import FULL_ANGLE, FULL_SPEED
from convoy_sim.environment import Drive
from convoy_sim.errors import SimulationError
from convoy_sim.features import NAMES, features
from convoy_sim.traffic import Density

ID = "convoy_sim.environment:convoy/Drive-v0"
FEW = Density(4, 4)


def expert_action(env: Drive) -> np.ndarray:
    command = expert.drive(env.world)
    return np.array([command.steering_angle / FULL_ANGLE, command.speed / FULL_SPEED * 2 - 1], np.float32)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("discrete", [False, True])
def test_the_contract_of_gymnasium_holds(discrete: bool) -> None:
    env = gymnasium.make(ID, towns="1000", discrete_actions=discrete, density=FEW, render_mode="rgb_array")
    check_env(env.unwrapped)


@pytest.mark.filterwarnings("error::UserWarning")
def test_the_contract_of_stable_baselines_holds() -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker", reason="stable-baselines3 is not installed")
    checker.check_env(Drive("1000", density=FEW))


def test_a_seed_says_all() -> None:
    def run(seed: int) -> list[np.ndarray]:
        env = gymnasium.make(ID, towns="1000-1003", density=FEW, randomise=True, weathers=("clear", "rain"))
        found = [env.reset(seed=seed)[0]]
        env.action_space.seed(seed)
        for _ in range(120):
            observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
            found += [observation, np.array([reward])]
            if terminated or truncated:
                found.append(env.reset()[0])
        return found

    first, again, other = run(5), run(5), run(6)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_many_environments_run_side_by_side() -> None:
    envs = gymnasium.make_vec(ID, num_envs=3, vectorization_mode="sync", towns="1000", density=FEW)
    observations, _ = envs.reset(seed=[1, 2, 1])
    assert np.array_equal(observations[0], observations[2])
    assert not np.array_equal(observations[0], observations[1])
    for _ in range(5):
        observations, rewards, *_ = envs.step(np.zeros((3, 2), np.float32))
    assert observations.shape == (3, len(NAMES))
    assert np.isfinite(rewards).all()
    envs.close()


def test_driving_well_pays_more_than_standing_or_rushing() -> None:
    def episode(policy: str) -> float:
        env, total = Drive("1001", density=FEW, seconds=30.0), 0.0
        for drive in range(3):
            env.reset(seed=0, options={"drive": drive})
            over = False
            while not over:
                action = expert_action(env)
                if policy != "expert":
                    action[1] = {"stand": -1.0, "rush": 1.0}[policy]
                _, reward, terminated, truncated, info = env.step(action)
                total += reward
                over = terminated or truncated
            assert info["metrics"]["elapsed_s"] > 0
        return total

    expert_return, standing, rushing = (episode(policy) for policy in ("expert", "stand", "rush"))
    assert expert_return > 50
    assert expert_return > 2 * max(standing, rushing)


def test_an_intervention_ends_an_episode_and_time_cuts_it_off() -> None:
    env = Drive("1000", density=FEW, seconds=2.0)
    env.reset(seed=0)
    steps = [env.step(np.array([0.0, -1.0]))[2:4] for _ in range(40)]
    assert steps[-1] == (False, True)
    assert not any(any(step) for step in steps[:-1])
    env.reset(seed=0)
    while not (end := env.step(np.array([1.0, 0.2])))[2]:
        assert not end[3]
    assert end[1] < -5
    assert end[4]["events"][-1] in ("lane", "collision")


def test_an_action_may_hold_for_several_steps() -> None:
    each, held = (Drive("1000", density=FEW, repeat=repeat) for repeat in (1, 3))
    action = np.array([0.05, 0.5])
    for env in (each, held):
        env.reset(seed=0, options={"drive": 2})
    worth = sum(each.step(action)[1] for _ in range(6))
    assert sum(held.step(action)[1] for _ in range(2)) == pytest.approx(worth)
    assert held.world.state == each.world.state


def test_a_scenario_may_begin_shortly_before_it_happens() -> None:
    env = Drive("1000", scenario_m=(40.0, 10.0))
    _, where = env.reset(seed=0, options={"drive": 0, "scenario": "step_out"})
    assert where["scenario"] == "step_out"
    assert env.world.state.speed > 6.0
    assert 1.0 < env.world.time_s < 10.0
    assert not env.world.metrics.events


def test_difficulty_fills_the_roads() -> None:
    env = Drive("1000", density=Density(10, 10), difficulty=0.2, weathers=("clear", "rain"))
    env.reset(seed=1)
    assert (len(env.world.traffic.cars), len(env.world.traffic.people)) == (2, 2)
    assert {env.reset(seed=seed)[1]["weather"] for seed in range(8)} == {"clear"}
    env.reset(seed=1, options={"difficulty": 1.0})
    assert (len(env.world.traffic.cars), len(env.world.traffic.people)) == (10, 10)
    assert {env.reset(seed=seed)[1]["weather"] for seed in range(8)} == {"clear", "rain"}


def test_features_tell_of_the_world_within_their_range() -> None:
    env = Drive("1002", density=Density(20, 20))
    env.reset(seed=3)
    told = set()
    for _ in range(600):
        observation, *_ = env.step(expert_action(env))
        named = dict(zip(NAMES, observation, strict=True))
        state = env.world.state
        assert (np.abs(observation) <= 1).all()
        assert named["lateral"] == pytest.approx(state.lateral / 1.75, abs=1e-5)
        assert named["speed"] == pytest.approx(state.speed / 12, abs=1e-5)
        assert named[state.instruction] == 1
        assert sum(named[name] for name in NAMES[-4:]) == 1
        told.add(state.instruction)
    assert len(told) > 1
    assert features(env.world).dtype == np.float32


def test_pixels_come_with_the_speed_and_the_instruction() -> None:
    env = Drive("1000", observation="pixels", density=FEW, drives_per_town=2)
    try:
        first, _ = env.reset(seed=4)
    except SimulationError as error:
        if "OpenGL" not in str(error):
            raise
        pytest.skip(str(error))
    assert env.observation_space.contains(first)
    assert first["image"].shape == (66, 200, 3)
    assert first["image"].std() > 10
    for _ in range(20):
        seen, *_ = env.step(np.array([0.0, 0.5]))
    assert not np.array_equal(seen["image"], first["image"])
    assert seen["measurements"][0] == pytest.approx(env.world.state.speed / FULL_SPEED, abs=1e-5)
    assert seen["measurements"][1:].sum() == 1
    env.reset()
    env.close()


def test_the_map_shows_the_car_in_the_middle() -> None:
    env = Drive("1000", density=FEW, render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()
    assert picture is not None
    assert picture.shape == (360, 360, 3)
    red, green, blue = picture[180, 180].tolist()
    assert red > 150 > green
    assert blue < 100
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"towns": "tset"}, "Towns are test"),
        ({"observation": "sound"}, "features or pixels; found 'sound'"),
        ({"weathers": ("hail",)}, "found .*hail"),
        ({"difficulty": 1.5}, "0 to 1; found 1.5"),
        ({"render_mode": "human"}, "rgb_array"),
    ],
)
def test_what_cannot_be_is_refused(options: dict, message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        Drive(**options)
