"""M401: a module is built and handed to the optimizer, and never called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.record import Evidence, Finding, Run, Where, signals
from unstuck.record.facts import Graph, LostBranch, Model, Router, UncalledModule, UncalledModules
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Gate, Rule

__all__ = ["ModuleUnused"]

STEPS = 7
"""Sampled steps at least: as many are looked at in every training, and a part that is skipped by chance runs in one."""


def _watched(run: Run) -> bool:
    uncalled = run.fact(UncalledModules)
    return uncalled is not None and uncalled.steps >= STEPS


@dataclass(frozen=True, kw_only=True)
class ModuleUnused(Rule):
    """A module is built, registered and handed to the optimizer, and no forward pass calls it.

    Detects:
        Modules with trainable parameters that were called at none of the sampled steps, and whose parameters never got
        a gradient. A warning only where its place suggests that it was meant to act: no method names it, and it stands
        between modules that are called, in a list of which others are called, or normalises. Or modules that are
        called, and whose result is used by nobody within the model, such as the embedding of a time that is handed to
        blocks which do not read it.

    Why it matters:
        The network is not the one that was designed: a layer, a normalisation or a branch is missing, without an error.

    Evidence:
        The modules that ran, over all sampled steps; the graphs of the losses; the names that the methods of the
        module that holds it use.

    Known false positives:
        Poolers and heads of a backbone that is used without them stand behind all that is called, or in a class of a
        library, whose other results are used; parts that are used in some modes only are named by a method; the layer
        that was handed to an encoder to be copied has copies that run: notes. Weights that are used by functions get
        gradients: silent, as are experts that a router does not choose.

    Try:
        Call it in forward(), or delete it.

    References:
        PyTorch documentation, torch.nn.Module: submodules are registered when they are assigned, and run when called.
    """

    code = "M401"
    name = "module unused"
    cause = "module-unused"
    needs = (UncalledModules, Graph, Model)
    applies_to = (Gate(f"forward passes of fewer than {STEPS} steps were seen", _watched),)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        uncalled, model = run.fact(UncalledModules), run.fact(Model)
        if uncalled is None or model is None:
            return
        yield from self._dropped(run, model)
        learnt = {p.name for p in model.parameters if p.trainable and p.optimized} - _reached(run)
        unused = [
            m for m in uncalled.modules if m.parameters and learnt.issuperset(m.parameters) and not _is_expert(run, m)
        ]
        meant = [module for module in unused if _meant(module)]
        if not unused:
            return
        first = (meant or unused)[0]
        rest = len(meant or unused) - 1
        others = f" and {rest} more module{'s' if rest > 1 else ''}" if rest else ""
        yield self.finding(
            f"{first.path} ({first.type}){others} is built and held by the optimizer, and called in none of the "
            f"{uncalled.steps} steps watched",
            f"Call {first.path} in forward(), where it was meant to act, or delete it.",
            severity="warning" if meant else "note",
            confidence=0.9 if meant else 0.4,
            where=Where(module=first.path, parameter=first.parameters[0]),
            evidence=(
                Evidence(
                    signal="uncalled_modules",
                    value=float(len(meant or unused)),
                    threshold=0.0,
                    note="modules without a call and without a gradient: "
                    + ", ".join(f"{module.path} ({module.type})" for module in (meant or unused)[:6]),
                ),
            ),
        )

    def _dropped(self, run: Run, model: Model) -> Iterator[Finding]:
        """Layers that run, and whose result is used by nobody."""
        held = {p.name.rpartition(".")[0] for p in model.parameters if p.trainable and p.optimized}
        reached = {name.rpartition(".")[0] for name in _reached(run)}
        lost = [fact for fact in run.facts(LostBranch) if not fact.cut_by and not fact.returned]
        lost = [fact for fact in lost if fact.where in held - reached]
        if not lost:
            return
        first, taken = lost[0], next((fact.given_to for fact in lost if fact.given_to), "")
        others = f" and {len(lost) - 1} more layer{'s' if len(lost) > 2 else ''}" if len(lost) > 1 else ""
        meant = any(_by_the_user(fact.part, reached) for fact in lost)
        goes = f"{taken} is given it, and does not read it" if taken else "nothing reads it"
        yield self.finding(
            f"{first.where}{others} runs, and what it gives is not used: {goes}",
            f"Use what {first.where} gives in the forward() of {taken or 'the module that calls it'}, or delete it.",
            severity="warning" if meant and (taken or outcome_of(run) != "good") else "note",
            confidence=0.9 if meant else 0.4,
            where=Where(module=first.where, file=first.file, line=first.line),
            evidence=(
                Evidence(
                    signal=first.kind,
                    value=float(len(lost)),
                    threshold=0.0,
                    note="layers that run and whose results end unused: " + ", ".join(fact.where for fact in lost[:6]),
                ),
            ),
        )


def _by_the_user(part: str | None, reached: set[str]) -> bool:
    """Whether all that the user's code calls there ends unused, not one of several results of a library's part."""
    return part is None or (bool(part) and not any(f"{path}.".startswith(f"{part}.") for path in reached))


def _is_expert(run: Run, module: UncalledModule) -> bool:
    """Whether it is one of several that a router chooses among."""
    routers = tuple(f"{router.where}." if router.where else "" for router in run.facts(Router))
    return module.place == "list" and bool(routers) and module.path.startswith(routers)


def _meant(module: UncalledModule) -> bool:
    """Whether its place suggests that it was meant to act."""
    if module.place == "list":
        return module.users
    placed = module.place == "between" or "Norm" in module.type
    return module.users and placed and not module.mentioned and not module.copied


def _reached(run: Run) -> set[str]:
    """Parameters that a loss led to, or that got a gradient."""
    table = run.table(signals.GRADIENT_NORM)
    given = {name for name, column in zip(table.names, table.values.T, strict=True) if np.nan_to_num(column).any()}
    return given | {name for graph in run.facts(Graph) for name in graph.reached}
