"""T205: weights were loaded for a part of the model only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import Model, WeightsLeftOut
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["WeightsNotLoaded"]


@dataclass(frozen=True, kw_only=True)
class WeightsNotLoaded(Rule):
    """Weights that should have been loaded are as they were drawn, because their names in the file are others.

    Detects:
        ``load_state_dict(strict=False)`` that does not find parameters of the model, while the file holds tensors of
        their shapes under names with the same end, such as ``module.body.0.weight`` for ``body.0.weight``.

    Why it matters:
        Nothing raises. Some layers, or all of them, stay random within a model that is thought to be trained; frozen,
        they stay so for ever.

    Evidence:
        The keys that the call has returned as missing and as unexpected, their shapes, and whether the values of these
        parameters look drawn when training begins.

    Known false positives:
        Layers that are meant to be new, and whose old ones in the file have the same shape and almost the same name.
        Weights that the program copies by itself afterwards do not look drawn, and are left alone.

    Try:
        Rename the keys before loading: ``{key.removeprefix("module."): value for key, value in state.items()}``; and
        look at what load_state_dict returns.

    References:
        PyTorch documentation, nn.Module.load_state_dict (strict, missing_keys, unexpected_keys).
    """

    code = "T205"
    name = "weights not loaded"
    cause = "parameters-not-optimized"
    needs = (WeightsLeftOut,)

    fewest: int = 2  #: parameters, of which one alone may be meant to be new (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        model = run.fact(Model)
        learnt = {parameter.name for parameter in model.parameters if parameter.fresh is False} if model else set[str]()
        for fact in run.facts(WeightsLeftOut):
            left = [pair for pair in zip(fact.parameters, fact.keys, strict=True) if pair[0] not in learnt]
            if len(left) >= self.fewest and 2 * len(left) >= len(fact.parameters):
                yield self._report(run, fact, left)
                return

    def _report(self, run: Run, fact: WeightsLeftOut, left: list[tuple[str, str]]) -> Finding:
        name, key = left[0]
        return self.about(
            fact,
            f"{len(left)} tensors were not loaded and are as they were drawn: {name} stands in the file as {key}",
            "Rename the keys before loading, such as {key.removeprefix('module.'): value for key, value in "
            "state.items()}, and look at the missing_keys that load_state_dict(strict=False) returns.",
            value=float(len(left)),
            threshold=float(self.fewest),
            note="parameters that are missing, while the file has a tensor of that shape with the same end of its name",
            severity="error" if outcome_of(run) in ("none", "partial") else "warning",
            confidence=0.88,
        )
