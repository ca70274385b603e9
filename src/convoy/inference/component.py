"""What components that run a model share: which one, where, and what becomes of it over their life cycle."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from convoy.graph import Component, ComponentParameters, Level
from convoy.inference.card import ModelCard
from convoy.inference.errors import ModelError
from convoy.inference.session import Session


class ModelComponent(Component):
    """Base of the components that run one model; loads it when it is configured, and reports it on ``/diagnostics``."""

    TASK: ClassVar[str]
    """Of the models that it runs."""

    class Parameters(ComponentParameters):
        model: Path = Field(description="ONNX model of the component's task")
        device: Literal["auto", "cpu", "cuda", "tensorrt"] = Field(
            "auto", description="where the model runs; 'auto' takes the best that loads"
        )
        threads: int = Field(0, ge=0, le=256, description="CPU threads of one run; 0 takes half of the cores")

    session: Session | None = None

    def check_model(self, card: ModelCard) -> None:
        """Refuse a model of the right task that this component can't use all the same, by a `ConvoyError`."""

    @property
    def loaded(self) -> Session:
        """The model, of a component that is configured."""
        assert self.session is not None  # no message arrives before on_configure has loaded it
        return self.session

    def on_configure(self) -> None:
        self.load(self.parameters.model)

    def load(self, path: Path) -> None:
        """Run this model from now on.

        Raises:
            ConvoyError: it can't be loaded, or not be used here; the one before stays.
        """
        parameters = self.parameters
        session = Session.load(path, self.TASK, parameters.device, parameters.threads or None)
        self.check_model(session.card)
        self.session, card = session, session.card
        self.report("Model", Level.OK, f"{card.name} on {session.device}", version=card.version)
        self.log.info(f"model {card.name}, version {card.version}, on {session.device}")

    def on_cleanup(self) -> None:
        self.session = None

    def on_parameters(self, parameters: Any) -> None:
        fixed = ModelComponent.Parameters.model_fields
        changed = [name for name in fixed if getattr(parameters, name) != getattr(self.parameters, name)]
        if changed:
            raise ModelError(f"{changed[0]!r} is read when the component is configured; configure it anew.")
