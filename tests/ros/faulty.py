"""A component that fails in the step that its parameter names, run as ``convoy_ros`` runs any other."""

import sys

from convoy_ros.process import run
from pydantic import Field

from convoy.errors import ConvoyError
from convoy.graph import Component, ComponentParameters


class Faulty(Component):
    class Parameters(ComponentParameters):
        fails_in: str = Field("", description="step to fail in")
        awkwardly: bool = Field(False, description="fail by an error that convoy does not know")

    def on_configure(self) -> None:
        self._fail("configure")

    def on_activate(self) -> None:
        self._fail("activate")

    def on_deactivate(self) -> None:
        self._fail("deactivate")

    def on_cleanup(self) -> None:
        self._fail("cleanup")

    def _fail(self, step: str) -> None:
        if self.parameters.fails_in == step:
            raise ZeroDivisionError("awkward") if self.parameters.awkwardly else ConvoyError("on purpose")


sys.exit(run("faulty", Faulty, sys.argv))
