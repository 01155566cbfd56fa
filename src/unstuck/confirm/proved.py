"""A change that has been proved, with what is known of the program that it is to be written into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from unstuck.confirm.edit import EditError
from unstuck.confirm.sites import Source, read
from unstuck.record import Finding, Run
from unstuck.record.facts import Invocation, Layer, Model, Optimizer, ParameterGroup

__all__ = ["Proved"]


@dataclass(frozen=True, kw_only=True)
class Proved:
    """A change that has been proved.

    Attributes:
        settings: Those of its remedy.
        finding: The finding that it has confirmed.
        run: The stream of the run.
    """

    settings: Mapping[str, Any]
    finding: Finding
    run: Run

    @property
    def args(self) -> tuple[str, ...]:
        """The arguments that the program was started with."""
        started = self.run.program(Invocation)
        return started.args if started else ()

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The program's own files.

        Raises:
            EditError: One of them cannot be read any more.
        """
        started = self.run.program(Invocation)
        return tuple(read(file) for file in (started.sources if started else ()) if file.endswith(".py"))

    @property
    def found(self) -> tuple[Source, int]:
        """File and line that the finding names.

        Raises:
            EditError: It names none.
        """
        return self.at(self.finding.where.file, self.finding.where.line)

    @property
    def optimizer(self) -> Optimizer:
        """The run's optimizer."""
        return self.run.fact(Optimizer) or Optimizer(type="")

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The leaf modules of the model."""
        model = self.run.fact(Model)
        return model.layers if model else ()

    @property
    def made(self) -> tuple[Source, int]:
        """File and line of the call that makes the optimizer.

        Raises:
            EditError: They are not known.
        """
        return self.at(self.optimizer.file, self.optimizer.line)

    def at(self, file: str | None, line: int | None) -> tuple[Source, int]:
        """A line of the program.

        Raises:
            EditError: It is not known.
        """
        if not file or not line:
            raise EditError("the line is not known")
        known = next((source for source in self.sources if source.file == file), None)
        return known or read(file), line

    def was(self, of: Callable[[ParameterGroup], float | None]) -> float | None:
        """A constant of the optimizer, where all its groups have the same."""
        values = {of(group) for group in self.optimizer.groups}
        return values.pop() if len(values) == 1 else None
