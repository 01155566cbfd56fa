"""L304: a router sends all tokens to a few of its experts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.record import Evidence, Finding, NotEvaluated, Run, Where, signals
from unstuck.record.facts import Router
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["ExpertsIdle"]


@dataclass(frozen=True, kw_only=True)
class ExpertsIdle(Rule):
    """Half of the experts of a mixture get no tokens: the router has collapsed.

    Detects:
        Routers of which half of the experts or more get next to nothing in the later half of the training; as a note,
        fewer that got no token at all there.

    Why it matters:
        An expert that gets no tokens gets no gradient, and is chosen less and less. The model is as small as the
        experts that are left, at the price of all.

    Evidence:
        The share of the tokens that each expert gets, of sampled steps.

    Known false positives:
        Few experts may be enough for the data: where the training goes well, it is a note.

    Try:
        Add a loss that balances the load, ``experts * (share * probability).sum()`` with a weight of about 0.01; noise
        on the logits of the router, or a bias by load.

    References:
        Shazeer et al., "Outrageously large neural networks", ICLR 2017, section 4; Fedus et al., "Switch transformers",
        2022, section 2.2.
    """

    code = "L304"
    name = "experts idle"
    cause = "loss-terms-unbalanced"
    needs = (Router, signals.EXPERT_LOAD)

    samples: int = 16  #: samples of the loads (our choice)
    idle: float = 0.1  #: load of an idle expert, over that of all loaded alike (our choice)
    share: float = 0.5  #: share of idle experts (our choice)
    experts: int = 4  #: experts, of fewer some may be enough (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        loads = run.table(signals.EXPERT_LOAD)
        if len(loads) < self.samples:
            yield NotEvaluated(reason=f"the loads of experts were sampled at fewer than {self.samples} steps")
            return
        half = loads.values[len(loads) // 2 :]
        late, most = np.nanmedian(half, axis=0), np.nanmax(half, axis=0)
        for router in run.facts(Router):
            columns = [at for at, name in enumerate(loads.names) if name.rpartition("#")[0] == router.where]
            count = len(columns)
            idle = sum(float(late[at]) < self.idle / count for at in columns)
            dead = sum(float(most[at]) == 0.0 for at in columns)
            collapsed = idle >= self.share * count
            if count >= self.experts and (collapsed or dead):
                costs = collapsed and outcome_of(run) in ("none", "partial")
                steps = (int(loads.steps[0]), int(loads.steps[-1]))
                yield self._report(router, idle if collapsed else dead, count, steps, costs=costs)
                return

    def _report(self, router: Router, idle: int, count: int, steps: tuple[int, int], *, costs: bool) -> Finding:
        return self.finding(
            f"{idle} of the {count} experts of {router.where or 'the router'} get{'s' if idle == 1 else ''} no tokens",
            "Add a loss that balances the load: 0.01 * experts * (share * probability).sum(), with the share of the "
            "tokens and the mean probability of each expert.",
            severity="warning" if costs else "note",
            confidence=0.75 if costs else 0.6 if idle >= self.share * count else 0.4,
            where=Where(module=router.where or None),
            evidence=(
                Evidence(
                    signal=signals.EXPERT_LOAD.key,
                    value=idle / count,
                    threshold=self.share,
                    steps=steps,
                    note="share of the experts whose load is below a tenth of that of all loaded alike",
                ),
            ),
        )
