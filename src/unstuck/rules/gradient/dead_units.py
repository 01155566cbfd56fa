"""G101: rectifiers that never fire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning
from unstuck.record import Evidence, Finding, Run, Severity, Where, signals
from unstuck.rules.gates import NO_RANGE_TEST
from unstuck.rules.rate import rate_in_words
from unstuck.rules.rule import Rule

__all__ = ["DeadUnits"]


@dataclass(frozen=True)
class _Layer:
    """A rectifier: its share of dead units at the end, and whether its units were silent before the first update."""

    path: str
    share: float
    at_start: float
    first_step: int
    last_step: int


@dataclass(frozen=True, kw_only=True)
class DeadUnits(Rule):
    """Rectifiers that fire for no example of many batches: their gradient is zero, so that they never learn again.

    Detects:
        Layers of rectifiers of which most units were silent in all batches of the window, and whether they were so from
        the start or died on the way.

    Why it matters:
        A dead unit is lost capacity; a dead layer cuts the gradient from all layers before it, and the network answers
        every input with the same output.

    Evidence:
        The share of units that never fired over many batches, layer by layer; the share of zeros in the first batch,
        before any update; the loss, which shows whether it matters.

    Known false positives:
        Rectifiers are sparse by nature, and a wide layer can spare many units: a layer below the share, or a network
        that learns well all the same, gives a note at most.

    Try:
        Died on the way: lower the rate, warm it up. Silent from the start: scale the inputs, use He's initialisation
        with zero or small positive biases. Either: a leaky rectifier, GELU, or normalisation before it.

    References:
        Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013; Lu et al., "Dying
        ReLU and initialization", 2019.
    """

    code = "G101"
    name = "dead units"
    cause = "lr-too-high"
    needs = (signals.DEAD_UNITS,)
    applies_to = (NO_RANGE_TEST,)

    large: float = 0.8  #: share of a layer's units; half dead is common in healthy wide layers (our choice)
    whole: float = 0.98  #: share from which nothing passes the layer
    silent: float = 0.9  #: share of zeros in the first batch, of which a half is usual, that shows a silent start

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        layers = [layer for layer in self._layers(run) if layer.share >= self.large]
        if not layers:
            return
        worst = max(layers, key=lambda layer: layer.share)
        outcome = Learning.of(run).seems if len(run.series(signals.LOSS).finite()) else "none"
        severity: Severity = "note"
        if outcome == "none":
            severity = "error" if worst.share >= self.whole else "warning"
        elif outcome == "partial" and worst.share >= self.whole:
            severity = "warning"
        from_start = worst.at_start >= self.silent
        rest = len(layers) - 1
        others = f" and {rest} more layer{'s' if rest > 1 else ''}" if rest else ""
        when = "from the start" if from_start else "since training began"
        advice = (
            "Scale the inputs, and initialise with He's method (torch.nn.init.kaiming_normal_) and zero biases."
            if from_start
            else f"Lower the learning rate{rate_in_words(run)} or warm it up; a leaky rectifier keeps units alive."
        )
        yield self.finding(
            f"{worst.share:.0%} of the units of {worst.path}{others} never fire, {when}",
            advice,
            severity=severity,
            confidence=0.75 if severity == "error" else 0.6,
            cause="init-scale-wrong" if from_start else self.cause,
            where=Where(module=worst.path),
            evidence=tuple(self._evidence(layer) for layer in layers[:4]),
        )

    def _layers(self, run: Run) -> Iterator[_Layer]:
        zeros = run.table(signals.ACTIVATION_ZEROS)
        for path, series in run.table(signals.DEAD_UNITS).columns():
            finite = series.finite()
            if not len(finite):
                continue
            before = zeros.column(path).finite() if path in zeros.names else finite
            late = finite.values[-max(1, len(finite) // 5) :]
            yield _Layer(
                path=path,
                share=float(np.median(late)),
                at_start=float(before.values[0]) if len(before) and before.steps[0] <= 1 else 0.0,
                first_step=int(finite.steps[0]),
                last_step=int(finite.steps[-1]),
            )

    def _evidence(self, layer: _Layer) -> Evidence:
        return Evidence(
            signal="dead_units",
            value=layer.share,
            threshold=self.large,
            steps=(layer.first_step, layer.last_step),
            note=f"of {layer.path}; {layer.at_start:.0%} of its outputs were zero before the first update",
        )
