"""M103: activations in hidden layers through which no gradient comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.record import Evidence, Finding, NotEvaluated, Run, Severity, Where, signals
from unstuck.record.facts import Model, Wiring
from unstuck.rules.calls import outcome_of
from unstuck.rules.flow import Flow
from unstuck.rules.gates import POOR
from unstuck.rules.rule import Rule
from unstuck.rules.wires import Wires

__all__ = ["ActivationUnsuited"]

SATURATING = ("Sigmoid", "Tanh", "Hardsigmoid", "Hardtanh")


@dataclass(frozen=True, kw_only=True)
class ActivationUnsuited(Rule):
    """Hidden layers squash what passes them, so that the gradient fades on its way to the first layers.

    Detects:
        A softmax that feeds a weight: units that compete for a sum of one. Three or more layers behind a sigmoid or
        tanh, of which the first has a gradient far smaller than the last, in a training that learns little.

    Why it matters:
        A sigmoid's slope is a quarter at most, a softmax's about one over its width: each such layer divides the
        gradient, and the first layers stay as they were initialised.

    Evidence:
        The operations before the weights, by the autograd graph; the elasticity ||g|| ||w|| / L of the weights by
        depth; the loss.

    Known false positives:
        Gates of recurrent layers and attention do not feed weights alone and are passed over. Networks that learn well
        are silent, as are tanh networks whose gradient keeps its size.

    Try:
        ReLU, GELU or SiLU in hidden layers, with He's initialisation; batch or layer norm where sigmoids must stay.

    References:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010; Nielsen,
        "Neural networks and deep learning", chapter 5.
    """

    code = "M103"
    name = "activation unsuited"
    cause = "activation-unsuited"
    needs = (signals.LOSS, Wiring, Model)
    applies_to = (POOR,)

    layers: int = 3  #: saturating layers from which depth matters (Nielsen, chapter 5: visible from two)
    fading: float = 0.03  #: elasticity of the first weight over the last; ReLU networks have 0.2 to 2 (measured)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        wires = Wires.of(run)
        if wires is None:
            return
        if not wires.wiring.complete and not wires.wiring.connections:
            yield NotEvaluated(reason=f"{Wiring.missing}, as of compiled code")
            return
        severity: Severity = "error" if outcome_of(run) == "none" else "warning"
        behind = [wire.parameter for wire in wires.inward if set(wire.operations) == {"Softmax"} and not wire.linear]
        if behind:
            yield self._competing(behind, severity)
            return
        squashed = [
            wire.parameter for wire in wires.chain if len(wire.operations) == 1 and wire.operations[0] in SATURATING
        ]
        flow = Flow.of(run)
        if len(squashed) < self.layers or flow is None or flow.fading > self.fading:
            return
        yield self._fading(wires, squashed, flow, severity)

    def _competing(self, behind: list[str], severity: Severity) -> Finding:
        return self.finding(
            f"a softmax stands between hidden layers, before {behind[0]}: its units compete for a sum of one",
            "Use ReLU, GELU or tanh in hidden layers; softmax belongs behind the last layer, or nowhere with "
            "cross_entropy.",
            severity=severity,
            confidence=0.9,
            where=Where(parameter=behind[0], module=behind[0].rpartition(".")[0] or None),
            evidence=(
                Evidence(
                    signal="wiring",
                    value=float(len(behind)),
                    threshold=1.0,
                    note=f"weights fed by a softmax: {', '.join(behind[:4])}",
                ),
            ),
        )

    def _fading(self, wires: Wires, squashed: list[str], flow: Flow, severity: Severity) -> Finding:
        kind = next(wire.operations[0] for wire in wires.inward if wire.parameter == squashed[0]).lower()
        return self.finding(
            f"{len(squashed)} layers of {kind}s let {flow.fading:.1g} of the gradient through to {flow.names[0]}",
            "Use ReLU, GELU or SiLU in hidden layers, with He's initialisation "
            "(torch.nn.init.kaiming_normal_); or normalise between them.",
            severity=severity,
            confidence=0.9 if flow.fading < 0.1 * self.fading else 0.75,
            where=Where(parameter=flow.names[0]),
            evidence=(
                Evidence(
                    signal="gradient_norm",
                    value=flow.fading,
                    threshold=self.fading,
                    note="||g|| ||w|| of the first weight over the last: " + flow.in_words(),
                ),
                *self._saturation(squashed, flow),
            ),
        )

    def _saturation(self, squashed: list[str], flow: Flow) -> Iterator[Evidence]:
        values = flow.elasticities
        if np.isfinite(values).all() and (np.diff(values) > 0).all():
            yield Evidence(
                signal="gradient_norm",
                value=float(len(squashed)),
                threshold=float(self.layers),
                note="in each layer less",
            )
