"""What every remedy promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

from unstuck.record import Finding, Run
from unstuck.remedies.change import Change

__all__ = ["Remedy"]


class Remedy(ABC):
    """One kind of change to a training, made from outside to any script.

    Attributes:
        name: Its name, which its changes carry.
        proves: The causes of ``causes.toml`` that it proves if learning is restored by it.
        decides: Whether it mends them wherever they are the cause, so that a change that does nothing speaks against
            them; False where another number, place or method may be needed.
    """

    name: ClassVar[str]
    proves: ClassVar[tuple[str, ...]]
    decides: ClassVar[bool] = True

    @abstractmethod
    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """The changes worth trying on one stream of a run, the most promising first; none where it does not apply.

        Args:
            run: The stream of the run that was diagnosed.
            finding: The finding that is to be tested, whose printed advice is among the changes where it names one of
                this kind; None where the training did not learn and nobody says why.
        """

    def advised(self, run: Run, finding: Finding) -> Sequence[Change]:
        """The changes of this kind that the printed advice of a finding asks for, whatever cause they prove."""
        return ()

    def proved_by(self, change: Change, run: Run) -> Sequence[str]:
        """Those of its causes that one of its changes proves: a higher rate proves that the rate was too low."""
        return self.proves

    @abstractmethod
    def words(self, change: Change, run: Run) -> str:
        """The change as a clause that begins a sentence: ``"with the rate at 0.01"``."""

    @abstractmethod
    def obstacle(self, run: Run) -> str | None:
        """Why this cannot be made from outside to the script of this run, as a clause; None where it can."""

    @abstractmethod
    def make(self, change: Change) -> AbstractContextManager[None]:
        """Make the change to what this process trains while the context lasts, and put everything back behind it."""
