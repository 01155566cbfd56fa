"""G102: the gradient vanishes or explodes on its way through depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.record import Evidence, Finding, Run, Severity, Where, signals
from unstuck.record.facts import Model, Wiring
from unstuck.rules.calls import outcome_of
from unstuck.rules.flow import Flow
from unstuck.rules.gates import POOR
from unstuck.rules.rule import Gate, Rule

__all__ = ["GradientFlow"]

FLOW_SEEN = Gate("fewer than three weights with gradients were seen in the graph", lambda run: Flow.of(run) is not None)


@dataclass(frozen=True, kw_only=True)
class GradientFlow(Rule):
    """From layer to layer the gradient shrinks, or grows, by a factor: the first layers learn nothing, or all.

    Detects:
        Elasticities ||g|| ||w|| / L that differ by orders of magnitude between the first and the last of three or
        more layers, in a training that learns little.

    Why it matters:
        Where the first layers have no gradient, the last ones learn from random features; where it explodes, no
        rate suits all layers.

    Evidence:
        The elasticity of each weight from the data to the loss, the median over the first sampled steps.

    Known false positives:
        It is a symptom: of activations that saturate, of weights far too small or large, of a depth without shortcuts.
        Where learning is good it is silent. A pretrained or frozen part has no gradient at all and is not counted.

    Try:
        ReLU with He's initialisation, normalisation, residual connections.

    References:
        Glorot and Bengio, 2010; Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks",
        2013.
    """

    code = "G102"
    name = "gradient flow"
    cause = "init-scale-wrong"
    needs = (signals.GRADIENT_NORM, signals.WEIGHT_NORM, Wiring, Model)
    applies_to = (FLOW_SEEN, POOR)

    fading: float = 1e-3  #: first elasticity over the last; a network of five ReLU layers has 0.2 to 2 (measured)
    growing: float = 1e3  #: the same the other way
    monotone: float = 0.7  #: share of the steps from layer to layer that go the same way

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        flow = Flow.of(run)
        if flow is None:
            return
        values, outcome = flow.elasticities, outcome_of(run)
        vanishes, explodes = flow.fading < self.fading, flow.fading > self.growing
        if (not vanishes and not explodes) or not np.isfinite(flow.fading):
            return
        steps = np.diff(values)
        if float(((steps > 0) if vanishes else (steps < 0)).mean()) < self.monotone:
            return
        severity: Severity = "warning" if outcome == "none" else "note"
        word = "vanishes" if vanishes else "explodes"
        yield self.finding(
            f"the gradient {word} with depth: {flow.names[0]} has {flow.fading:.2g} of what {flow.names[-1]} has",
            "Initialise with He's scale, use ReLU or GELU in hidden layers, and normalise or add shortcuts.",
            severity=severity,
            confidence=0.6,
            where=Where(parameter=flow.names[0]),
            evidence=(
                Evidence(
                    signal="gradient_norm",
                    value=flow.fading,
                    threshold=self.fading if vanishes else self.growing,
                    note="||g|| ||w|| of the first weight over the last: " + flow.in_words(),
                ),
            ),
        )
