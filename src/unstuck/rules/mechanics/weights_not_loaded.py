"""T205: weights were loaded for a part of the model only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import Loss, Model, Parameter, WeightsLeftOut
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["WeightsNotLoaded"]


@dataclass(frozen=True, kw_only=True)
class WeightsNotLoaded(Rule):
    """Weights that should have been loaded are as they were drawn, because their names in the file are others.

    Detects:
        ``load_state_dict`` that leaves parameters of the model as they are, while the program holds tensors of their
        shapes under names with the same end, such as ``module.body.0.weight`` for ``body.0.weight``: with
        ``strict=False``, which skips them, or because it is handed the model's own values for them, as where a
        ``state_dict()`` is updated with those entries of a file whose names fit. Entries that are chosen so by a
        comprehension, of which none fits.

    Why it matters:
        Nothing raises. Some layers, or all of them, stay random within a model that is thought to be trained; frozen,
        they stay so for ever.

    Evidence:
        Whether the call was handed the model's own tensors; the dictionaries of tensors in the program's
        variables, their names and shapes, and whether their values look trained; and whether the values of these
        parameters look drawn when training begins.

    Known false positives:
        Layers that are meant to be new, and whose old ones in the file have the same shapes and almost the same names;
        where the layer that gives the outputs is one of these, and others were loaded, it is silent.
        Weights that the program copies by itself afterwards do not look drawn, and are left alone. Models that are
        handed a copy of their own first values, for each run to begin alike, or themselves where the others at hand
        were only drawn too: silent.

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
        known = {parameter.name: parameter for parameter in model.parameters} if model else {}
        for fact in run.facts(WeightsLeftOut):
            pairs = list(zip(fact.parameters, fact.keys, strict=True))
            left = [pair for pair in pairs if not _learnt(pair[0], known)]
            drawn = any(name in known and len(known[name].shape) > 1 for name, _ in left)
            if len(left) < self.fewest or 2 * len(left) < len(pairs) or not drawn or _new_head(run, left, known):
                continue
            yield self._report(run, fact, left)
            return

    def _report(self, run: Run, fact: WeightsLeftOut, left: list[tuple[str, str]]) -> Finding:
        name, key = left[0]
        how = "is handed the model's own values for them" if fact.own else "skips them"
        why = f"{name} stands in the file as {key}" if key else "of the entries chosen by their names none fits"
        return self.about(
            fact,
            f"{len(left)} tensors were not loaded and are as they were drawn: {why}, and load_state_dict {how}",
            "Rename the keys before loading, such as {key.removeprefix('module.'): value for key, value in "
            "state.items()}, and look at which keys fit: set(state) & set(model.state_dict()).",
            value=float(len(left)),
            threshold=float(self.fewest),
            note="parameters that a load has left as they were, while the program has a tensor of that shape with the "
            "same end of its name"
            if key
            else "parameters that a load has left as they were",
            severity="error" if outcome_of(run) in ("none", "partial") else "warning",
            confidence=0.88,
        )


def _learnt(name: str, known: Mapping[str, Parameter]) -> bool:
    """Whether it was trained before, by its values or, of a bias, by those of its layer's weight."""
    layer = name.rpartition(".")[0]
    return any(p.fresh is False for p in (known.get(name), known.get(f"{layer}.weight")) if p is not None)


def _new_head(run: Run, left: list[tuple[str, str]], known: Mapping[str, Parameter]) -> bool:
    """Whether the layer that gives the outputs is among what is left, on top of layers that were trained before."""
    widths = {call.output.shape[-1] for call in run.facts(Loss) if len(call.output.shape) > 1}
    parameters = [known[name] for name, _ in left if name in known]
    return any(p.fresh is False for p in known.values()) and any(
        len(p.shape) == 2 and p.shape[0] in widths for p in parameters
    )
