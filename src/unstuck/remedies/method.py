"""Another optimization method in place of the script's."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.optim import Optimizer

from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change
from unstuck.remedies.constants import highest_rate
from unstuck.remedies.interventions import around_steps
from unstuck.remedies.remedy import Remedy
from unstuck.rules.stable_rate import rounded_down, stable_rate_of

__all__ = ["Method"]

ADAM_RATE = 1e-3
"""The default of Adam (Kingma and Ba, 2015)."""

HIGHEST = 1e-2
"""Rate of Adam above which small networks are thrown, however few inputs their units have."""

MOMENTUM = 0.9

DESCENT_RATE = 0.01
"""What is tried of descent with momentum where no curvature was measured: a common default."""

METHODS: dict[str, Callable[[list[torch.Tensor]], Optimizer]] = {
    "adam": lambda parameters: torch.optim.Adam(parameters),
    "sgd": lambda parameters: torch.optim.SGD(parameters, momentum=MOMENTUM),
}

NAMES = {"adam": "Adam", "sgd": "SGD with momentum 0.9"}


class Method(Remedy):
    """Let another method update the weights: Adam in place of SGD, SGD with momentum in place of an adaptive method.

    Changes: each step of the script's optimizer runs on nothing, and the other method steps with the same groups,
    gradients and weight decay. Its rate follows the script's schedule: it is multiplied by what the rate of a group
    is over the highest rate that the optimizer was made with.

    Applies: where an optimizer has a rate. The rate is one that fits: one over the inputs of the largest unit for Adam,
    1e-2 at most, then 1e-3 and 1e-2; by the curvature of the first batch for SGD.

    Proves: a method that does not fit the problem, and a narrow valley in which plain descent bounces.
    """

    name = "method"
    proves = ("optimizer-unsuited", "ill-conditioned")
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """Adam unless it is that; SGD with momentum where it is adaptive."""
        optimizer = run.fact(facts.Optimizer)
        if optimizer is None or obstacles.without_optimizer(run):
            return ()
        kind, found = optimizer.type.lower(), list[Change]()
        if "adam" not in kind:
            by_inputs = stable_rate_of(run, "adaptive")
            first = ADAM_RATE if by_inputs is None else min(rounded_down(by_inputs.rate), HIGHEST)
            found += [self._change("adam", rate) for rate in dict.fromkeys((first, ADAM_RATE, HIGHEST))]
        if not any(word in kind for word in ("sgd", "momentum", "nesterov")):
            stable = stable_rate_of(run, "descent", momentum=MOMENTUM)
            found.append(self._change("sgd", DESCENT_RATE if stable is None else rounded_down(stable.rate)))
        return found

    def words(self, change: Change, run: Run) -> str:
        """``"with Adam at a rate of 0.001"``."""
        return f"with {NAMES[str(change.settings['method'])]} at a rate of {change.number('rate'):.3g}"

    def obstacle(self, run: Run) -> str | None:
        """There must be an optimizer."""
        return obstacles.without_optimizer(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Step the other method with the script's groups."""
        rate = change.number("rate") or ADAM_RATE
        # Constructed before anybody listens, and copied for each optimizer: an observer would watch it as a training.
        template = METHODS[str(change.settings["method"])]([torch.zeros(1, requires_grad=True)])
        template.param_groups.clear()
        others: WeakKeyDictionary[Optimizer, tuple[Optimizer, float]] = WeakKeyDictionary()

        def step(optimizer: Optimizer) -> None:
            if optimizer not in others:
                others[optimizer] = copy.deepcopy(template), highest_rate(optimizer)
            other, base = others[optimizer]
            for group in optimizer.param_groups[len(other.param_groups) :]:
                other.add_param_group({"params": list(group["params"])})
            for group, own in zip(optimizer.param_groups, other.param_groups, strict=True):
                own["params"] = group["params"]
                given = float(group.get("lr", base))
                own["lr"] = rate if given == base or not base else rate * given / base
                own["weight_decay"] = group.get("weight_decay") or 0.0
            effects.happened(self.name)
            _unhooked(other)

        with around_steps(lambda optimizer: type(optimizer) is not type(template), step):
            yield

    def _change(self, method: str, rate: float) -> Change:
        return Change(remedy=self.name, settings={"method": method, "rate": rate})


def _unhooked(optimizer: Optimizer) -> None:
    """Step without the hooks of others, to which this is no step of an optimizer of its own."""
    step: Any = type(optimizer).step
    step.__wrapped__(optimizer)
