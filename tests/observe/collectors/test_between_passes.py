"""What a step shows behind its first backward pass, and what comes again in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe import Session
from unstuck.observe.collectors.between_passes import BetweenPasses
from unstuck.observe.collectors.registry import Collectors
from unstuck.record import Run, RunWriter, facts, signals

INPUTS, TARGETS = torch.linspace(-1.0, 1.0, 24).reshape(8, 3), torch.full((8, 2), 3.0)

Step = Callable[["Two"], list[float]]


class Two(nn.Module):
    """A body with two heads; a forward pass takes the first."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
        self.first = nn.Linear(4, 2)
        self.second = nn.Sequential(nn.Linear(4, 2), nn.ReLU())

    def forward(self, inputs: Tensor) -> Tensor:
        return self.first(self.body(inputs))


def watched(folder: Path, passes: Step, *, steps: int = 6, budget: float = 1.0) -> tuple[Run, list[list[float]]]:
    """A training whose steps make some backward passes, and the losses of these."""
    torch.manual_seed(0)
    with RunWriter(folder) as writer, Session(writer, budget=budget):
        model = Two()
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        losses: list[list[float]] = []
        for _ in range(steps):
            optimizer.zero_grad()
            losses.append(passes(model))
            optimizer.step()
    return Run.open(folder), losses


def functions(run: Run) -> set[tuple[str | None, int | None]]:
    return {(call.function, call.line) for call in run.facts(facts.Loss)}


def two_losses(model: Two) -> list[float]:
    loss = F.mse_loss(model(INPUTS), TARGETS)
    loss.backward()
    other = F.l1_loss(model.second(model.body(INPUTS)), TARGETS)
    other.backward()
    return [loss.item(), other.item()]


def micro_batches(model: Two) -> list[float]:
    losses: list[float] = []
    for part in range(4):
        rows = slice(2 * part, 2 * part + 2)
        loss = F.mse_loss(model(INPUTS[rows]), TARGETS[rows])
        loss.backward()
        losses.append(loss.item())
    return losses


def terms_of_micro_batches(model: Two) -> list[float]:
    losses: list[float] = []
    for part in range(3):
        rows = slice(2 * part, 2 * part + 2)
        loss = F.mse_loss(model(INPUTS[rows]), TARGETS[rows])
        loss.backward()
        penalty = 0.1 * sum(p.square().sum() for p in model.parameters())
        penalty.backward()
        losses += [loss.item(), penalty.item()]
    return losses


def written_out(model: Two) -> list[float]:
    loss = ((model(INPUTS) - TARGETS) ** 2).mean()
    loss.backward()
    other = (model.second(model.body(INPUTS)) - TARGETS).abs().sum()
    other.backward()
    return [loss.item(), other.item()]


def test_a_second_loss_and_the_module_that_runs_for_it_alone_are_seen(tmp_path: Path) -> None:
    run, losses = watched(tmp_path, two_losses)
    assert {name for name, _ in functions(run)} == {"mse_loss", "l1_loss"}
    layers = run.table(signals.ACTIVATION_STD)
    assert "second.0" in layers.names
    assert len(layers.column("second.0").finite().steps) == len(losses)
    assert [module.path for uncalled in run.facts(facts.UncalledModules) for module in uncalled.modules] == []
    assert run.series(signals.LOSS).values == pytest.approx([sum(step) for step in losses])
    assert {term.function for term in run.facts(facts.LossTerms)[0].terms} == {"mse_loss", "l1_loss"}
    assert not run.has(signals.LOSS_CALL), "a step has two"


def test_so_are_losses_that_are_written_out(tmp_path: Path) -> None:
    run, losses = watched(tmp_path, written_out)
    found = {call.function: call.reduction for call in run.facts(facts.Loss)}
    assert found == {"mse_loss": "mean", "l1_loss": "sum"}
    assert run.series(signals.LOSS).values == pytest.approx([sum(step) for step in losses])


def test_micro_batches_are_one_call_of_one_loss(tmp_path: Path) -> None:
    run, losses = watched(tmp_path, micro_batches)
    assert len(functions(run)) == 1
    assert run.series(signals.LOSS).values == pytest.approx([sum(step) / 4 for step in losses])
    assert run.series(signals.LOSS_CALL).values == pytest.approx([step[0] for step in losses])
    assert set(run.series(signals.BATCH_SIZE).values) == {2.0}
    inputs = run.facts(facts.Inputs)[-1]
    assert inputs.examples == 2 * len(losses)
    assert [module.path for module in run.facts(facts.UncalledModules)[-1].modules] == ["second"]


def test_terms_of_micro_batches_are_added_and_their_sums_averaged(tmp_path: Path) -> None:
    run, losses = watched(tmp_path, terms_of_micro_batches)
    assert run.series(signals.LOSS).values == pytest.approx([sum(step) / 3 for step in losses])


def test_once_nothing_new_has_come_the_rest_of_the_step_is_not_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    begins = Collectors.module_begins

    def counted(self: Collectors, module: nn.Module, *args: object, **kwargs: bool) -> None:
        shown.append(type(module).__name__)
        begins(self, module, *args, **kwargs)  # pyright: ignore

    monkeypatch.setattr(Collectors, "module_begins", counted)
    watched(tmp_path, micro_batches, steps=4)
    assert shown.count("Two") == 2 * 4


def test_a_training_of_one_pass_a_step_is_not_watched_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    went_on: list[bool] = []
    goes_on = BetweenPasses.goes_on
    monkeypatch.setattr(BetweenPasses, "goes_on", lambda self: went_on.append(True) or goes_on(self))

    def one_pass(model: Two) -> list[float]:
        loss = F.mse_loss(model(INPUTS), TARGETS)
        loss.backward()
        return [loss.item()]

    run, losses = watched(tmp_path, one_pass)
    assert went_on == [True], "whether its first step has a second pass is not known"
    assert run.series(signals.LOSS).values == pytest.approx([step[0] for step in losses])


def test_real_and_false_examples_of_a_discriminator_are_two_terms(tmp_path: Path) -> None:
    criterion = nn.BCEWithLogitsLoss()

    def discriminate(model: Two) -> list[float]:
        real = criterion(model(INPUTS), torch.ones(8, 2))
        real.backward()
        false = criterion(model(-INPUTS), torch.zeros(8, 2))
        false.backward()
        return [real.item(), false.item()]

    run, losses = watched(tmp_path, discriminate)
    assert len(functions(run)) == 2
    assert run.series(signals.LOSS).values == pytest.approx([sum(step) for step in losses])


def test_steps_that_are_not_sampled_add_up_as_those_that_were(tmp_path: Path) -> None:
    run, losses = watched(tmp_path, two_losses, steps=300, budget=0.01)
    assert len(run.series(signals.BATCH_SIZE)) < 300
    assert run.series(signals.LOSS).values == pytest.approx([sum(step) for step in losses])


def test_a_pass_whose_gradients_are_cleared_is_no_term(tmp_path: Path) -> None:
    def sharpness_aware(model: Two) -> list[float]:
        F.mse_loss(model(INPUTS), TARGETS).backward()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter.add_(0.05 * parameter.grad)
        model.zero_grad()
        loss = F.mse_loss(model(INPUTS), TARGETS)
        loss.backward()
        return [loss.item()]

    run, losses = watched(tmp_path, sharpness_aware)
    assert run.series(signals.LOSS).values == pytest.approx([step[0] for step in losses])
    assert run.series(signals.LOSS_CALL).values == pytest.approx([step[0] for step in losses])
