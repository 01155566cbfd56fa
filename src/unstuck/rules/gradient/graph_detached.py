"""G203: the graph of the loss ends before parameters that should learn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unstuck.record import Evidence, Finding, Run, Severity, Where, signals
from unstuck.record.facts import (
    Detachment,
    Graph,
    LostBranch,
    LostCheckpoint,
    Model,
    NonDifferentiableSample,
    Parameter,
    Ran,
    VisibleTarget,
)
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["GraphDetached"]


@dataclass(frozen=True, kw_only=True)
class GraphDetached(Rule):
    """Layers run and are in the optimizer, and yet the loss sends them no gradient: the graph is cut behind them.

    Detects:
        Parameters that ask for a gradient, that the optimizer holds, whose layer runs in the training's forward pass,
        and that no loss of the training reaches: detach, .data, no_grad, item or NumPy stands between. Or values drawn
        by sample() from a distribution whose parameters are learnt, that go into a layer and into no log-probability.
        Or a recurrent layer that is handed its own state detached at every step, where learning stays poor. Or layers
        in a reentrant checkpoint that is given nothing with a gradient, as behind frozen embeddings. Or an autoencoder
        whose error does not reach its encoder, past a code that is chosen, drawn under no_grad or detached.

    Why it matters:
        What lies before the cut stays as it was drawn; what lies behind it learns from random features.

    Evidence:
        The graphs of several losses, of which none leads to the parameters; their gradients, which are missing at all
        sampled steps; the layers in the order in which they run: those before the cut come first. Or the calls of a
        layer in one step that were given its own last output without the graph.

    Known false positives:
        Heads that are computed and not used, and branches that are cut off on purpose, come after layers that learn:
        a note at most. A pretrained backbone under no_grad does not look as it was drawn: silent, unless nothing is
        learnt. Layers that do not
        run, or only in some steps, are passed over. Where learning is good, a note. A state that is detached now and
        then truncates backpropagation through time, as is usual: silent.

    Try:
        Follow the forward pass from the layers named to the loss, and remove detach(), .data, .item(), .numpy(),
        torch.tensor(...) and torch.no_grad() from it; draw by rsample() in place of sample().

    References:
        PyTorch documentation, "Autograd mechanics", locally disabling gradient computation.
    """

    code = "G203"
    name = "detached graph"
    cause = "graph-detached"
    needs = (Graph, Model)

    walks: int = 2  #: graphs at different steps that must agree, for parts may be skipped by chance (our choice)
    every: float = 0.6  #: share of a recurrent layer's calls that get a detached state; the first has none (our choice)
    again: int = 3  #: calls of a layer in a step from which it is a recurrence (our choice)
    large: float = 0.05  #: share of all weights below which what is cut off matters little (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        yield from self._drawn(run)
        yield from self._fed_back(run)
        yield from self._coded(run)
        graphs = run.facts(Graph)
        model = run.fact(Model)
        if model is None or len({graph.step for graph in graphs}) < self.walks:
            return
        reached = {name for graph in graphs for name in graph.reached}
        everywhere = set(graphs[0].unreached).intersection(*(graph.unreached for graph in graphs))
        asked = [p for p in model.parameters if p.name in everywhere and p.trainable and p.optimized]
        asked = [p for p in asked if not self._got_gradient(run, p.name)]
        order = _order(run)
        unused = {fact.where for fact in run.facts(LostBranch) if not fact.cut_by and not fact.returned}
        cut = [p for p in asked if _owner(p.name) in order and _owner(p.name) not in unused]
        lost = self._checkpointed(run, cut)
        if lost is not None:
            yield lost
            return
        if not cut or (_learnt(cut) and outcome_of(run) != "none"):
            return
        if not reached:
            yield self._report(run, cut, graphs[-1], 1.0, whole=True)
            return
        first = min((order[_owner(name)] for name in reached if _owner(name) in order), default=-1)
        before = [p for p in cut if order[_owner(p.name)] < first]
        share = _values(before or cut) / max(1, _values(model.parameters))
        yield self._report(run, before or cut, graphs[-1], share if before else 0.0)

    def _report(
        self, run: Run, cut: Sequence[Parameter], graph: Graph, share: float, *, whole: bool = False
    ) -> Finding:
        outcome = outcome_of(run)
        severity: Severity = "error" if outcome == "none" or share > 0.5 else "warning"
        if (outcome == "good" or share < self.large) and not whole:
            severity = "note"
        bare = {path for fact in run.facts(Ran) for path in fact.without_gradient}
        owners = list(dict.fromkeys(_owner(p.name) for p in cut))
        known = [fact for fact in run.facts(LostBranch) if fact.where in owners and fact.cut_by]
        off = [path for path in owners if path in bare]
        reason = "they run under no_grad" if off else "detach(), .data, .item() or NumPy cuts the graph behind them"
        if known and not off:
            reason = f"{known[0].cut_by} passes none on"
        names = ", ".join(owner or cut[0].name for owner in owners[:3]) + (
            f" and {len(owners) - 3} more" if len(owners) > 3 else ""
        )
        return self.finding(
            f"no gradient reaches {names}, although they run and the optimizer holds them: {reason}",
            "Remove the torch.no_grad() around them."
            if off
            else "Keep tensors tensors from these layers to the loss: "
            "no detach(), .data, .item(), .numpy() or torch.tensor() on the way.",
            severity=severity,
            confidence=0.95 if whole or (severity != "note") else 0.55,
            where=Where(
                module=owners[0] or None,
                parameter=cut[0].name,
                file=known[0].file if known else graph.file,
                line=known[0].line if known else graph.line,
            ),
            evidence=(
                Evidence(
                    signal="graph",
                    value=share,
                    threshold=self.large,
                    steps=(run.facts(Graph)[0].step, graph.step),
                    note=f"share of the weights that no loss reaches, {len(cut)} tensors without any gradient",
                ),
            ),
        )

    def _checkpointed(self, run: Run, cut: Sequence[Parameter]) -> Finding | None:
        """Layers within reentrant checkpoints whose inputs ask for no gradient, as behind frozen embeddings."""
        bare = {path for fact in run.facts(Ran) for path in fact.without_gradient}
        inside, calls = [p for p in cut if _within(p.name, bare)], run.facts(LostCheckpoint)
        if not inside or not calls:
            return None
        model, outcome, call = run.fact(Model), outcome_of(run), calls[-1]
        share = _values(inside) / max(1, _values(p for p in model.parameters if p.optimized) if model else 1)
        several = f" and {len(inside) - 1} more tensors" if len(inside) > 1 else ""
        return self.finding(
            f"no gradient reaches {inside[0].name}{several}: their checkpoint is reentrant, and no input of it asks "
            "for a gradient",
            "Call checkpoint(..., use_reentrant=False); in libraries gradient_checkpointing_kwargs={'use_reentrant': "
            "False}. Or let the embeddings' output ask for a gradient: requires_grad_(), enable_input_require_grads().",
            severity="error" if outcome != "good" else "warning",
            confidence=0.95,
            where=Where(parameter=inside[0].name, file=call.file, line=call.line),
            evidence=(
                Evidence(
                    signal=LostCheckpoint.kind,
                    value=share,
                    threshold=0.0,
                    steps=(calls[0].step, call.step),
                    note="share of the weights that the optimizer holds which no loss reaches",
                ),
            ),
        )

    def _drawn(self, run: Run) -> Iterator[Finding]:
        """Draws that cut what made their distribution from the layer that takes them."""
        for sample in run.facts(NonDifferentiableSample):
            good = outcome_of(run) == "good"
            yield self.finding(
                f"{sample.where} takes values that were drawn by sample(), which passes no gradient on to the layers "
                "that give the distribution its parameters",
                "Draw by rsample(), the reparameterisation: mean + std * torch.randn_like(std).",
                severity="note" if good else "error",
                confidence=0.55 if good else 0.85,
                where=Where(module=sample.where or None, file=sample.file, line=sample.line),
                evidence=(
                    Evidence(signal=sample.kind, value=0.0, threshold=1.0, note="gradients that pass through it"),
                ),
            )
            return

    def _coded(self, run: Run) -> Iterator[Finding]:
        """An autoencoder whose error does not reach its encoder, which other terms of the loss train."""
        for fact in {(fact.file, fact.line): fact for fact in run.facts(VisibleTarget)}.values():
            code = "code is chosen" if fact.chosen else "code is drawn" if fact.noisy else ""
            lost = fact.how == "whole" and self.walks <= fact.cut == fact.looked
            if not lost or not (code or outcome_of(run) == "none"):
                continue
            yield self.about(
                fact,
                "the error between output and input does not reach the encoder: its graph ends "
                + (f"where the {code}" if code else "at the code, which is detached"),
                "Pass the gradient of a chosen code on as it is: code = z + (code - z).detach()."
                if fact.chosen
                else "Draw the code with its graph, mean + std * torch.randn_like(std), outside of torch.no_grad() and "
                "without detach().",
                value=float(fact.cut),
                threshold=float(self.walks),
                note="losses in which the output's graph does not lead to the first layer that the input entered",
                severity="error",
                confidence=0.9 if code else 0.7,
            )
            return

    def _fed_back(self, run: Run) -> Iterator[Finding]:
        """A recurrence whose state comes without its graph, so that it learns from its last step alone."""
        for cut in run.facts(Detachment):
            outcome = outcome_of(run)
            if cut.calls < self.again or cut.cut < self.every * cut.calls or outcome == "good":
                continue
            nothing = outcome == "none"
            yield self.finding(
                f"{cut.where or 'the model'} is given its own last output detached, in {cut.cut} of {cut.calls} calls "
                "of a step: no gradient passes from one step of the recurrence to the one before",
                "Hand the state on as it is, and detach it between batches, or every so many steps, if at all.",
                severity="error" if nothing else "warning",
                confidence=0.9 if nothing else 0.65,
                where=Where(module=cut.where or None, file=cut.file, line=cut.line),
                evidence=(
                    Evidence(
                        signal="detachment",
                        value=cut.cut / cut.calls,
                        threshold=self.every,
                        note="share of the calls that get a state without its graph",
                    ),
                ),
            )
            return

    def _got_gradient(self, run: Run, name: str) -> bool:
        table = run.table(signals.GRADIENT_NORM)
        if name not in table.names:
            return False
        return bool((np.nan_to_num(table.column(name).values) > 0).any())


def _order(run: Run) -> dict[str, int]:
    """Position of each layer among those that ran, in the order of their first call."""
    paths = dict.fromkeys(path for fact in run.facts(Ran) for path in fact.layers)
    return {path: position for position, path in enumerate(paths)}


def _within(name: str, layers: Iterable[str]) -> bool:
    """Whether a parameter belongs to one of these layers or to a part of one."""
    return any(name.startswith(f"{layer}.") for layer in layers)


def _learnt(parameters: Sequence[Parameter]) -> bool:
    """Whether values show that something was learnt in them before."""
    return any(p.fresh is False for p in parameters) and not any(p.fresh for p in parameters)


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


def _values(parameters: Iterable[Parameter]) -> int:
    return sum(math.prod(p.shape) for p in parameters)
