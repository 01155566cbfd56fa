"""M102: no nonlinearity between linear layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Severity, Where
from unstuck.record.facts import Model, Wiring
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Gate, Rule
from unstuck.rules.wires import POOLS, Wires

__all__ = ["ActivationMissing"]

WALKED = Gate(
    "the graph of the loss is too large to be walked, or is compiled",
    lambda run: all(wiring.complete for wiring in run.facts(Wiring)[-1:]),
)


@dataclass(frozen=True, kw_only=True)
class ActivationMissing(Rule):
    """Linear layers follow each other without an activation: the whole network is one linear map.

    Detects:
        By the autograd graph: at least one weight that is fed by the product of another weight, with nothing but
        sums, dropout or batch norms between, in a model that has no other operation between its weights at all.

    Why it matters:
        A product of matrices is a matrix: such a network can do no more than its first layer could do alone, however
        deep it is.

    Evidence:
        The pairs of weights with nothing between; how far learning got.

    Known false positives:
        One layer (linear and logistic regression) is not meant, nor an embedding before a layer, nor a factorisation,
        whose middle is narrower than both ends. A linear task that is learnt well gives a note.

    Try:
        Put an activation (torch.nn.ReLU, GELU, Tanh) behind every hidden layer.

    References:
        Goodfellow, Bengio and Courville, "Deep Learning", section 6.1, on XOR.
    """

    code = "M102"
    name = "activation missing"
    cause = "activation-missing"
    needs = (Wiring, Model)
    applies_to = (WALKED,)

    pairs: int = 1  #: weights fed by a weight: one is enough, for the second does nothing

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        wires = Wires.of(run)
        if wires is None:
            return
        direct = [(source, wire.parameter) for wire in wires.inward for source in wire.linear]
        pools = wires.operations & POOLS
        if len(direct) < self.pairs or wires.operations - POOLS or self._factorised(wires, direct):
            return
        outcome = outcome_of(run)
        severity: Severity = "note" if outcome == "good" else "warning" if pools else "error"
        first, second = direct[0]
        yield self.finding(
            f"no activation stands between {first} and {second}"
            + (f", nor between {len(direct) - 1} more pairs of layers" if len(direct) > 1 else "")
            + (": only pooling is not linear" if pools else ": the network is one linear map"),
            "Put an activation behind every hidden layer, for example torch.relu(...) or torch.nn.ReLU().",
            severity=severity,
            confidence=0.75 if pools else 0.9,
            where=Where(module=second.rpartition(".")[0] or None, parameter=second),
            evidence=(
                Evidence(
                    signal="wiring",
                    value=float(len(direct)),
                    threshold=float(self.pairs),
                    note="weights fed by the product of another: " + ", ".join(f"{a} to {b}" for a, b in direct[:4]),
                ),
            ),
        )

    def _factorised(self, wires: Wires, direct: list[tuple[str, str]]) -> bool:
        """Whether every middle is narrower than what comes in and what goes out: a low rank on purpose."""
        for source, target in direct:
            if source not in wires.parameters or target not in wires.parameters:
                return True
            middle = wires.width(source)
            if middle >= min(wires.fan_in(source)[0], wires.width(target)):
                return False
        return True
