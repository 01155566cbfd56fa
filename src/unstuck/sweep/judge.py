"""Whether a training of a sweep need not go on: what the project's rules find in the little that is noted of it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from unstuck.data import Dataset
from unstuck.learning import Learning
from unstuck.observe.user_code.model_structure import describe_optimizer
from unstuck.record import Run, RunWriter, facts, signals
from unstuck.record.facts import Fact
from unstuck.record.signals import Index
from unstuck.rules import judge
from unstuck.rules.catalogue import BY_CODE
from unstuck.sweep.trace import Trace
from unstuck.train.losses import LossFunction
from unstuck.train.setup import Setup

__all__ = ["Judge", "Reason"]

DIVERGES = ("N101", "O201")
"""Rules of trainings that diverge."""

STANDS = ("O202", "R201", "G102", "G301")
"""Rules of trainings that stand still. Like the others they need no more than is noted of a training in a sweep."""

MEMORY = "/dev/shm"

SOON = 2
"""Epochs before the first look."""

PATIENT = 0.25
"""Share of the epochs that a training that stands still is given: it may be slow at first (our choice)."""

WARMING = 0.5
"""The same where the rate warms up first."""

LEAST_STEPS = 30
"""Steps before which no training is said to stand still, as of a verdict on a whole one."""


@dataclass(frozen=True)
class Reason:
    """Why a training need not go on.

    Attributes:
        code: Code of the rule; empty where no rule says why nothing is learnt.
        said: What it found.
    """

    code: str
    said: str


class Judge:
    """Look at trainings of one setup, and stop those that diverge or stand still.

    Args:
        setup: What is trained.

    Examples:
        >>> from unstuck.sweep.trace import Trace
        >>> from unstuck.train import Epoch, Means, Recipe
        >>> means = Means(loss=float("nan"), accuracy=0.1, examples=9)
        >>> epoch = Epoch(number=1, train=means, validation=None)
        >>> trace = Trace(losses=[2.3, 7.0, 700.0, float("nan")], epochs=[epoch])
        >>> Judge(Setup.of(Recipe.read("mlp"))).stops(trace).code
        'N101'
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._parameters = tuple(name for name, p in setup.model.named_parameters() if p.requires_grad)
        share = WARMING if setup.recipe.schedule.warmup else PATIENT
        self._patient = max(SOON, round(share * setup.recipe.train.epochs))

    def stops(self, trace: Trace) -> Reason | None:
        """The finding of severity error for which a training need not go on; None where it may.

        A training whose loss is not finite is stopped at once, one that diverges after two epochs. One that stands
        still is given a quarter of its epochs. None is stopped that has learnt something.
        """
        if not self._due(trace):
            return None
        with tempfile.TemporaryDirectory(dir=_in_memory()) as folder:
            self._record(trace, Path(folder))
            with Run.open(Path(folder)) as run:
                run = run.snapshot()
                stream = run.streams()[0]
                if not trace.broken and _learns(Learning.of(stream)):
                    return None
                late = len(trace.epochs) >= self._patient
                found = judge(run, [BY_CODE[code] for code in (*DIVERGES, *(STANDS if late else ()))]).findings
        error = next((finding for finding in found if finding.severity == "error"), None)
        return Reason(error.code, error.summary) if error is not None else self._stands(trace)

    def _due(self, trace: Trace) -> bool:
        """After two epochs, then after each power of two, and when patience with one that stands still ends."""
        number = len(trace.epochs)
        if trace.broken:
            return True
        looked_at = number >= SOON and (number & (number - 1) == 0 or number == self._patient)
        return looked_at and (trace.suspicious if number >= self._patient else trace.climbs)

    def _stands(self, trace: Trace) -> Reason | None:
        """That nothing is learnt, where no rule says why."""
        if len(trace.epochs) < self._patient or len(trace.losses) < LEAST_STEPS:
            return None
        now, start = trace.epochs[-1].train.loss, trace.losses[0]
        return Reason(
            "", f"nothing is learnt: the loss is {now:.4g} after {len(trace.epochs)} epochs, {start:.4g} at the start"
        )

    def _record(self, trace: Trace, folder: Path) -> None:
        with RunWriter(folder) as writer:
            for fact in (*_facts(self._setup), self._setup.plan):
                writer.state(fact)
            writer.add_series(signals.LOSS, range(len(trace.losses)), trace.losses)
            writer.name(Index.PARAMETER, self._parameters)
            for step, (weights, moved, gradients) in trace.steps.items():
                with np.errstate(divide="ignore", invalid="ignore"):
                    ratio = np.where(weights > 0, moved / weights, np.nan)
                sample = {
                    signals.WEIGHT_NORM: weights,
                    signals.UPDATE_NORM: moved,
                    signals.UPDATE_RATIO: ratio,
                    signals.GRADIENT_NORM: gradients,
                }
                writer.add_sample(step, sample)
            steps = max(len(trace.losses) // max(len(trace.epochs), 1), 1)
            for epoch in trace.epochs:
                writer.add(signals.TRAIN_LOSS, epoch.number * steps, epoch.train.loss)
                held_out = epoch.validation
                if held_out is not None:
                    writer.add(signals.EVALUATED, epoch.number * steps, held_out.examples)
                    writer.add(signals.VALIDATION_LOSS, epoch.number * steps, held_out.loss)
                if held_out is not None and held_out.accuracy is not None:
                    writer.add(signals.VALIDATION_ACCURACY, epoch.number * steps, held_out.accuracy)


def _in_memory() -> str | None:
    """A folder that no disk is waited for, where the system has one: what is recorded here is read once."""
    return MEMORY if os.access(MEMORY, os.W_OK) else None


def _learns(learning: Learning) -> bool:
    """Whether the loss falls, or held-out examples are told rightly more often than a guess would."""
    return learning.seems != "none" or learning.outcome in ("partial", "good")


def _facts(setup: Setup) -> tuple[Fact, ...]:
    return (
        facts.Recipe(text=setup.recipe.text),
        setup.data.fact(),
        _model(setup.model),
        describe_optimizer(setup.optimizer, (None, None)),
        _loss(setup.loss, setup.data),
    )


def _model(model: nn.Module) -> facts.Model:
    leaves = {path: module for path, module in model.named_modules() if not list(module.children())}
    norms = tuple(f"{path}." for path, module in leaves.items() if "Norm" in type(module).__name__)
    return facts.Model(
        type=type(model).__name__,
        layers=tuple(facts.Layer(path=path, type=type(module).__name__) for path, module in leaves.items()),
        parameters=tuple(
            facts.Parameter(
                name=name,
                shape=tuple(parameter.shape),
                role="norm" if name.startswith(norms) else "weight" if parameter.dim() > 1 else "bias",
                trainable=parameter.requires_grad,
                fresh=True,
            )
            for name, parameter in model.named_parameters()
        ),
    )


def _loss(loss: LossFunction, data: Dataset) -> facts.Loss:
    """The loss as it will be called, with what its targets are like, by which the best constant guess is known."""
    targets = data.train.targets
    if data.task == "classification":
        counts = tuple(torch.bincount(targets.flatten(), minlength=len(data.labels)).tolist())
        known = "cross_entropy" if loss is functional.cross_entropy else None
        return facts.Loss(
            function=known,
            target=facts.LossTarget(shape=tuple(targets.shape), type="class"),
            classes=facts.LossClasses(number=len(data.labels), counts=counts),
        )
    variance = float(targets.var(dim=0, correction=0).mean())
    each = facts.TargetOutputs(outputs=int(targets.shape[1]), examples=float(len(targets)), variance=variance)
    target = facts.LossTarget(
        shape=tuple(targets.shape), type="real", mean=float(targets.mean()), variance=variance, each=each
    )
    return facts.Loss(function="mse_loss", target=target)
