"""``convoy train drive``: from simulated towns to a model that drives in them."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convoy.commands import training
from convoy.learning.options import DrivingNetName, DrivingOptions
from convoy.learning.reinforcement.options import Algorithm, ReinforcementOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from convoy.learning.imitation import Progress
    from convoy.learning.reinforcement.learn import Check

_DEFAULT = DrivingOptions()
_LEARNT = ReinforcementOptions()
_PANEL = "Reinforcement"


class Algo(enum.StrEnum):
    """How a policy may learn."""

    imitation = "imitation"
    ppo = "ppo"
    sac = "sac"
    td3 = "td3"
    dqn = "dqn"


def drive(
    out: training.Out,
    algo: Annotated[Algo, typer.Option(help="By imitation of the expert, or by reinforcement.")] = Algo.imitation,
    net: Annotated[
        DrivingNetName, typer.Option(help="The network; dronet slows the car by the probability of a collision.")
    ] = _DEFAULT.net,
    towns: Annotated[int, typer.Option(min=2, max=1000, help="Train towns.")] = _DEFAULT.towns,
    seconds: Annotated[float, typer.Option(min=1.0, max=3600.0, help="Driven in each town.")] = _DEFAULT.seconds,
    rounds: Annotated[int, typer.Option(min=0, help="Rounds of DAgger after the first training.")] = _DEFAULT.rounds,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data in each round.")] = _DEFAULT.epochs,
    patience: training.Patience = _DEFAULT.patience,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same drives and weights.")] = _DEFAULT.seed,
    batch_size: training.BatchSize = _DEFAULT.batch_size,
    lr: training.LearningRate = _DEFAULT.learning_rate,
    weight_decay: training.WeightDecay = _DEFAULT.weight_decay,
    dropout: training.Dropout = _DEFAULT.dropout,
    start: Annotated[
        Path | None,
        typer.Option(help="ONNX model of a pilotnet to begin with; reinforcement keeps its convolutions as they are."),
    ] = None,
    run: training.Run = None,
    resume: training.Resume = False,
    steps: Annotated[int, typer.Option(min=1, help="Of 1/10 s, at most.", rich_help_panel=_PANEL)] = _LEARNT.steps,
    envs: Annotated[int, typer.Option(min=1, max=256, help="At a time.", rich_help_panel=_PANEL)] = _LEARNT.envs,
    rl_lr: Annotated[
        float, typer.Option(min=1e-7, max=1.0, help="Learning rate of the algorithm.", rich_help_panel=_PANEL)
    ] = _LEARNT.learning_rate,
    guidance: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="With ppo: share of the steps that are advised.", rich_help_panel=_PANEL),
    ] = _LEARNT.guidance,
    scenarios: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share with somebody in the way.", rich_help_panel=_PANEL)
    ] = _LEARNT.scenarios,
    curriculum: Annotated[
        bool, typer.Option(help="From empty streets to full ones.", rich_help_panel=_PANEL)
    ] = _LEARNT.curriculum,
    randomise: Annotated[
        bool, typer.Option(help="Another vehicle in each drive.", rich_help_panel=_PANEL)
    ] = _LEARNT.randomise,
    shield: Annotated[
        bool, typer.Option(help="Brake at the last moment, at a cost.", rich_help_panel=_PANEL)
    ] = _LEARNT.shield,
    check_every: Annotated[
        int, typer.Option(min=1, help="Steps between checks in validation towns.", rich_help_panel=_PANEL)
    ] = _LEARNT.check_every,
    checks: Annotated[
        int, typer.Option(min=1, help="Without progress, to stop after.", rich_help_panel=_PANEL)
    ] = _LEARNT.patience,
) -> None:
    """Train a policy by imitation of the simulator's expert, with DAgger; or by reinforcement.

    What the run's folder keeps, drives of the expert and checkpoints, is not made again with --resume. TensorBoard
    shows the folder of a reinforcement.

    Example: convoy train drive --towns 60 --rounds 1 --out models/mine.onnx

    Example: convoy train drive --algo ppo --start models/drive_il.onnx --out models/mine.onnx
    """
    console = training.console()
    with console.status("loading torch"):
        from convoy.learning.imitation import imitate

    driving = DrivingOptions(net, towns, seconds, rounds, epochs, patience, seed, batch_size, lr, weight_decay, dropout)
    folder, command = training.run_folder(run, out), training.command_line()
    with training.bar(console) as bar:
        report = _reporter(bar, rounds)
        if algo is Algo.imitation:
            card = imitate(driving, folder, out, command, resume, report, start)
        else:
            from convoy.learning.reinforcement.reinforce import reinforce

            learnt = ReinforcementOptions(
                Algorithm(algo),
                str(start or ""),
                steps,
                seconds,
                envs,
                seed,
                rl_lr,
                guidance,
                scenarios,
                curriculum,
                randomise,
                shield,
                check_every,
                checks,
            )
            card = reinforce(learnt, folder, out, command, resume, report)
    training.tell(console, card, out)


def _reporter(bar: Any, rounds: int) -> Callable[[Check | Progress], None]:
    """Shows on one line how far the training is, whichever part of it."""
    from convoy.learning.imitation import Progress

    task = bar.add_task("preparing", total=None)

    def report(progress: Check | Progress) -> None:
        if not isinstance(progress, Progress):
            said = f"learning (best reward {progress.best_reward:.1f}, autonomy {100 * progress.autonomy:.1f} %)"
            done, total = progress.steps, progress.of
        elif progress.epoch is None:
            said, done, total = f"round {progress.round} of {rounds}: drives", progress.drives, progress.of_drives
        else:
            epoch = progress.epoch
            said = f"round {progress.round} of {rounds}: training (loss {epoch.best_loss:.4f} in epoch {epoch.best})"
            done, total = epoch.done, epoch.of
        bar.update(task, description=said, completed=done, total=total)

    return report
