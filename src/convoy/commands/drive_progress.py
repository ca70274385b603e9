"""How a drive goes, while it goes."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console

    from convoy.evaluation.drive_log import DriveLog


class DriveProgress:
    """A line on the terminal: how far, how fast, how far off, how many interventions."""

    def __init__(self, console: Console, seconds: float) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn("driving"), BarColumn(bar_width=24), TextColumn("{task.fields[said]}"))
        self._bar = Progress(*columns, console=console)
        self._task = self._bar.add_task("drive", total=seconds, said="setting up")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, log: DriveLog) -> None:
        """Show where the drive is."""
        if log.steps:
            step, metrics = log.steps[-1], log.metrics
            said = (
                f"{metrics.elapsed_s:5.1f} s  {step.speed * 3.6:3.0f} km/h  lateral {step.lateral:+.2f} m  "
                f"{metrics.interventions} interventions"
            )
            self._bar.update(self._task, completed=metrics.elapsed_s, said=said)
