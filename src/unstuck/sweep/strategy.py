"""How it is decided what is tried: from coarse to fine, or by one of Optuna's samplers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from unstuck.errors import ArgumentError
from unstuck.spelling import unknown
from unstuck.sweep.attempt import Try
from unstuck.sweep.chosen import Tried, first
from unstuck.sweep.course import PATIENCE, Plan, coarse_to_fine, expected, finals, wanted
from unstuck.sweep.dimensions import choices
from unstuck.sweep.space import Space
from unstuck.sweep.storage import optuna, quiet
from unstuck.sweep.study import Entry, Study
from unstuck.train.toml import value_of

__all__ = ["CoarseToFine", "Sampled", "Strategy", "strategy_of"]


class Strategy(Protocol):
    """What decides what is tried next."""

    @property
    def how(self) -> dict[str, Any]:
        """What all who work on one study must agree on."""
        ...

    @property
    def name(self) -> str:
        """What it is, in words."""
        ...

    @property
    def pruner(self) -> str:
        """The pruner of Optuna's that epochs are reported to; empty where there is none."""
        ...

    def check(self, space: Space) -> None:
        """Refuse what cannot be done, before anything is written.

        Raises:
            ArgumentError: There is no such sampler or pruner, or it does not take an argument.
        """
        ...

    def expected(self, space: Space) -> int:
        """About how many tries it will make."""
        ...

    def prepare(self, study: Study) -> None:
        """Give the study what it needs."""
        ...

    def add(self, study: Study, over: Mapping[str, Tried]) -> bool:
        """Add the tries that are due; whether there were any."""
        ...

    def ask(self, study: Study) -> Entry | None:
        """Claim a try that is made up as it is asked for; None where there is none."""
        ...


@dataclass(frozen=True, kw_only=True)
class CoarseToFine:
    """From the order of magnitude to the fine value: :func:`~unstuck.sweep.course.coarse_to_fine`."""

    plan: Plan = field(default_factory=Plan)

    @property
    def how(self) -> dict[str, Any]:
        """The plan."""
        plan = self.plan
        return {"strategy": "coarse to fine", "seeds": plan.seeds, "finalists": plan.finalists, "tries": plan.tries}

    @property
    def name(self) -> str:
        """What it is, in words."""
        return "from the order of magnitude to the fine value"

    @property
    def pruner(self) -> str:
        """None but the project's own rules."""
        return ""

    def check(self, space: Space) -> None:
        """Everything can be done."""

    def expected(self, space: Space) -> int:
        """About how many tries it will make."""
        return expected(space, self.plan)

    def prepare(self, study: Study) -> None:
        """It needs nothing."""

    def add(self, study: Study, over: Mapping[str, Tried]) -> bool:
        """Add what the course wants next and nobody has added yet."""
        due = wanted(coarse_to_fine(study.space, self.plan), {key: one.outcome for key, one in over.items()})
        return _added(study, due)

    def ask(self, study: Study) -> Entry | None:
        """Nothing is made up."""
        return None


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """By a sampler of Optuna's, with a pruner of Optuna's beside the project's own rules.

    Attributes:
        sampler: Name of the sampler and its arguments, ``"tpe n_startup_trials=20"``.
        pruner: The same of the pruner, ``"median"``; empty for none.
        plan: How many tries, and how the best are trained again with further seeds.
    """

    sampler: str = "tpe"
    pruner: str = ""
    plan: Plan = field(default_factory=Plan)

    @property
    def how(self) -> dict[str, Any]:
        """Sampler, pruner and plan."""
        plan = {"seeds": self.plan.seeds, "finalists": self.plan.finalists, "tries": self.plan.tries}
        return {"strategy": self.sampler, "pruner": self.pruner, **plan}

    @property
    def name(self) -> str:
        """What it is, in words."""
        return f"Optuna's {self.sampler}" + (f" with its pruner {self.pruner}" if self.pruner else "")

    def check(self, space: Space) -> None:
        """Build sampler and pruner.

        Raises:
            ArgumentError: There is none of that name, or it does not take an argument.
        """
        _built("samplers", "Sampler", self.sampler, space)
        if self.pruner:
            _built("pruners", "Pruner", self.pruner, space)

    def expected(self, space: Space) -> int:
        """The tries, and the seeds of the best."""
        return self.plan.tries + self.plan.finalists * self.plan.seeds

    def prepare(self, study: Study) -> None:
        """Give Optuna's study its sampler and its pruner."""
        study.optuna.sampler = _built("samplers", "Sampler", self.sampler, study.space)
        if self.pruner:
            study.optuna.pruner = _built("pruners", "Pruner", self.pruner, study.space)

    def add(self, study: Study, over: Mapping[str, Tried]) -> bool:
        """Once all were asked for, add the best of them with further seeds."""
        sampled = [one for one in over.values() if one.attempt.stage == "sampled"]
        best = first(sampled)
        if best is None or _left(study, self.plan) > 0:
            return False
        known = {key: one.outcome for key, one in over.items()}
        due = finals(study.space, self.plan, sampled, best.attempt.setting)
        return _added(study, [attempt for attempt in due if attempt.key not in known])

    def ask(self, study: Study) -> Entry | None:
        """What the sampler asks for, as long as there are tries left."""
        if _left(study, self.plan) <= 0:
            return None
        return study.ask("sampled", seed=study.space.seed, patience=PATIENCE["sampled"])


def strategy_of(how: Mapping[str, Any]) -> Strategy:
    """The strategy that a study was begun with: the inverse of :attr:`Strategy.how`."""
    plan = Plan(seeds=how["seeds"], finalists=how["finalists"], tries=how["tries"])
    if "pruner" not in how:
        return CoarseToFine(plan=plan)
    return Sampled(sampler=how["strategy"], pruner=how["pruner"], plan=plan)


def _added(study: Study, due: list[Try]) -> bool:
    present = {entry.attempt.key for entry in study.entries() if entry.state != "gone"}
    missing = [attempt for attempt in due if attempt.key not in present]
    study.add(missing)
    return bool(missing)


def _left(study: Study, plan: Plan) -> int:
    made = sum(entry.attempt.stage == "sampled" and entry.state != "gone" for entry in study.entries())
    return plan.tries - made


def _built(module: str, kind: str, text: str, space: Space) -> Any:
    """A sampler or a pruner by its name and arguments, ``"tpe n_startup_trials=20"``."""
    offered = {
        name.removesuffix(kind).lower(): made
        for name, made in vars(optuna(module)).items()
        if name.endswith(kind) and not name.startswith(("_", "Base"))
    }
    name, *pairs = text.split()
    option = f"--{kind.lower()}"
    if name.lower() not in offered:
        raise ArgumentError(unknown(option, name, offered))
    made = offered[name.lower()]
    given = {pair.partition("=")[0]: pair.partition("=")[2] for pair in pairs}
    arguments: dict[str, Any] = {key: value_of(value) for key, value in given.items()}
    if "search_space" in inspect.signature(made).parameters:
        arguments.setdefault("search_space", choices(space))
    try:
        with quiet():
            return made(**arguments)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{option} {text!r}: {error}") from error
