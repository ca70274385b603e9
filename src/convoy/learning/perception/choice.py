"""The nets and losses of a task, by the names that a user gives."""

from __future__ import annotations

from convoy.errors import nearest
from convoy.learning.errors import LearningError
from convoy.learning.perception.task import NetChoice, Task


def net_name(task: Task, name: str) -> str:
    """The name of one of a task's nets; the default one's where `name` is empty.

    Raises:
        LearningError: there is none of this name.
    """
    if name and name not in task.nets:
        raise LearningError(
            f"There is no net {name!r} for {task.name}; nearest first: {', '.join(nearest(name, task.nets))}."
        )
    return name or next(iter(task.nets))


def choose(task: Task, name: str) -> NetChoice:
    """One of a task's nets, see `net_name`."""
    return task.nets[net_name(task, name)]


def backbone_name(task: Task, net: str, name: str) -> str:
    """The name of the backbone of one of a task's nets; its default one's where `name` is empty.

    Raises:
        LearningError: the net has a backbone of its own, and takes no other.
    """
    own = choose(task, net).backbone
    if name and not own:
        raise LearningError(
            f"The net {net_name(task, net)!r} has a backbone of its own, and can't take {name!r}; "
            "leave out --backbone, or choose another net."
        )
    return name or own


def loss_name(task: Task, name: str) -> str:
    """The name of one of a task's losses, '' where it has only one; the default one's where `name` is empty.

    Raises:
        LearningError: there is none of this name.
    """
    if name and name not in task.losses:
        there = f"it has {', '.join(task.losses)}" if task.losses else "it has only one"
        raise LearningError(f"There is no loss {name!r} for {task.name}; {there}.")
    return name or next(iter(task.losses), "")
