"""Epsilon and betas at their defaults."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from torch.optim import Optimizer

from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change, Setting
from unstuck.remedies.constants import constants
from unstuck.remedies.remedy import Remedy

__all__ = ["DefaultConstants"]

EPSILON = 1e-8
BETAS = (0.9, 0.999)

HALF_EPSILON = 1e-4
"""The epsilon that half precision can hold, and that advice names for it."""


class DefaultConstants(Remedy):
    """Step an adaptive method with an epsilon of 1e-8 and betas of 0.9 and 0.999.

    Changes: ``eps`` and ``betas`` of every group within each step.

    Applies: where they differ from these; where a number format is too narrow, an epsilon of 1e-4 is tried.

    Proves: constants of the optimizer that do not fit, or that the number format cannot hold.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """

    name = "default-constants"
    proves = ("optimizer-unsuited", "precision-unsuited")
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """Epsilon alone, betas alone, both, as far as they differ from the defaults."""
        optimizer = run.fact(facts.Optimizer)
        groups = optimizer.groups if optimizer else ()
        if not any(group.epsilon is not None for group in groups):
            return ()
        if finding is not None and finding.cause == "precision-unsuited":
            return (Change(remedy=self.name, settings={"epsilon": HALF_EPSILON}),)
        parts: list[dict[str, Setting]] = []
        if any(group.epsilon is not None and group.epsilon > 1.01 * EPSILON for group in groups):
            parts.append({"epsilon": EPSILON})
        if any(group.betas is not None and len(group.betas) == 2 and group.betas != BETAS for group in groups):
            parts.append({"first_beta": BETAS[0], "second_beta": BETAS[1]})
        if len(parts) == 2:
            parts.append(parts[0] | parts[1])
        return [Change(remedy=self.name, settings=settings) for settings in parts]

    def words(self, change: Change, run: Run) -> str:
        """``"with eps=1e-08 and betas=(0.9, 0.999)"``."""
        epsilon, first, second = (change.number(name) for name in ("epsilon", "first_beta", "second_beta"))
        parts = [] if epsilon is None else [f"eps={epsilon:g}"]
        parts += [] if first is None or second is None else [f"betas=({first:g}, {second:g})"]
        return f"with {' and '.join(parts)}"

    def obstacle(self, run: Run) -> str | None:
        """There must be an optimizer."""
        return obstacles.without_optimizer(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Step with these constants."""
        epsilon, first, second = (change.number(name) for name in ("epsilon", "first_beta", "second_beta"))
        wanted: dict[str, Any] = {} if epsilon is None else {"eps": epsilon}
        if first is not None and second is not None:
            wanted["betas"] = (first, second)

        def changed(optimizer: Optimizer, group: dict[str, Any]) -> dict[str, Any]:
            fits = len(group.get("betas") or BETAS) == len(BETAS)
            return wanted if fits else {name: value for name, value in wanted.items() if name != "betas"}

        with constants(changed, lambda: effects.happened(self.name)):
            yield
