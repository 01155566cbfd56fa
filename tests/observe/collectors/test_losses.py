"""What the loss is applied to, by function and place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe import Session
from unstuck.observe.collectors.losses import LOSS_FUNCTIONS, MOST_PLACES, LossProbe, loss_arguments
from unstuck.record import Run, RunWriter, facts, signals

N, C = 12, 4


def described(output: Tensor, target: Tensor, *, function: str = "cross_entropy", **kwargs: Any) -> facts.Loss:
    probe = LossProbe(function=function)
    probe.observe((output, target), kwargs, getattr(F, function)(output, target, **kwargs))
    return probe.fact()


def scores() -> Tensor:
    return nn.Linear(3, C)(torch.randn(N, 3, generator=torch.Generator().manual_seed(0)))


CLASSES = torch.arange(N) % C


def test_scores_that_a_clamp_makes_look_like_probabilities() -> None:
    raw = torch.tensor([[2.0, -1.0], [0.5, 0.4]], requires_grad=True)
    probe = LossProbe(function="nll_loss")
    assert probe.fact().output.clamped_off is None
    for scores in (raw, raw.softmax(1)):  # the largest share stays
        output = scores.clamp(1e-7, 1 - 1e-7).log()
        probe.observe((output, torch.tensor([0, 1])), {}, None)
        assert probe.fact().output.clamped_off == 0.5


def test_arguments_are_found_in_every_spelling() -> None:
    output, target = torch.ones(2), torch.zeros(2)
    for args, kwargs in (
        ((output, target), {}),
        ((output,), {"target": target}),
        ((), {"input": output, "target": target}),
    ):
        found = loss_arguments(args, kwargs)
        assert found is not None
        assert found[0] is output
        assert found[1] is target
    assert loss_arguments((output,), {}) is None
    assert loss_arguments((output, 1.0), {}) is None
    assert loss_arguments((output.to_sparse(), target), {}) is None


def test_functions_are_those_of_torch() -> None:
    assert all(getattr(F, name) is function for function, name in LOSS_FUNCTIONS.items())


def test_a_call_is_described() -> None:
    output = scores()
    weight = torch.tensor([1.0, 2.0, 1.0, 1.0])
    fact = described(output, CLASSES, reduction="sum", weight=weight, label_smoothing=0.1)
    assert (fact.function, fact.reduction, fact.output.shape) == ("cross_entropy", "sum", (N, C))
    assert (fact.target.type, fact.classes.number, fact.target.shape) == ("class", C, (N,))
    assert (fact.weighted, fact.label_smoothing) == (True, 0.1)
    assert fact.output.operation == "Addmm"
    assert fact.output.minimum == pytest.approx(output.min().item())
    assert fact.output.maximum == pytest.approx(output.max().item())


@pytest.mark.parametrize(
    ("kwargs", "weighted"),
    [({}, False), ({"weight": torch.ones(C)}, False), ({"weight": torch.arange(1.0, C + 1)}, True)],
)
def test_equal_weights_are_none(kwargs: dict[str, Any], weighted: bool) -> None:
    assert described(scores(), CLASSES, **kwargs).weighted is weighted


def test_a_weight_of_the_positives_weighs() -> None:
    output, target = scores()[:, 0], (CLASSES == 0).float()
    name = "binary_cross_entropy_with_logits"
    assert not described(output, target, function=name, pos_weight=torch.tensor([1.0])).weighted
    assert described(output, target, function=name, pos_weight=torch.tensor([3.0])).weighted


Made = Callable[[Tensor], Tensor]
OPERATIONS: dict[str, tuple[Made, str, int | None, bool]] = {
    "softmax": (lambda x: x.softmax(1), "Softmax", 1, False),
    "of examples": (lambda x: x.softmax(0), "Softmax", 0, False),
    "from behind": (lambda x: x.log_softmax(-1), "LogSoftmax", 1, False),
    "transposed": (lambda x: x.T.softmax(0).T, "Softmax", 0, True),
    "sigmoid": (lambda x: x.sigmoid(), "Sigmoid", None, False),
    "viewed": (lambda x: x.tanh().view(N, C), "Tanh", None, False),
}


@pytest.mark.parametrize(("made", "operation", "axis", "exchanged"), OPERATIONS.values(), ids=OPERATIONS.keys())
def test_the_operation_that_gave_the_output_is_known(
    made: Made, operation: str, axis: int | None, exchanged: bool
) -> None:
    fact = described(made(scores()), CLASSES)
    found = None if fact.output.softmax is None else fact.output.softmax.axis
    assert (fact.output.operation, found, fact.output.transposed) == (operation, axis, exchanged)


def test_what_outputs_can_be_is_known_of_the_latest_operation() -> None:
    probe, x = LossProbe(function="mse_loss"), scores()
    found: list[facts.OutputReach | None] = []
    for output in (x, F.silu(x), F.silu(x).view(-1), 2 * x.tanh(), x):
        probe.observe((output, torch.zeros_like(output)), {}, None)
        found.append(probe.fact().output.reach)
    smooth = facts.OutputReach(operation="Silu", lowest=-0.27847)
    assert found == [None, smooth, smooth, facts.OutputReach(operation="Tanh", lowest=-2.0, highest=2.0), None]


def test_the_numbers_of_a_batch(watched: Any) -> None:
    model, x = nn.Linear(3, C), torch.randn(N, 3)
    with watched(model) as step:
        output = model(x)
        loss = F.cross_entropy(output, CLASSES)
        loss.backward()
        sample = step.update()
    assert sample["output_mean"] == pytest.approx(output.mean().item())
    assert sample["output_std"] == pytest.approx(output.std(correction=0).item())
    spread = output.std(dim=0, correction=0).square().mean().sqrt()
    assert sample["output_spread"] == pytest.approx(spread.item())
    assert sample["loss_call"] == pytest.approx(loss.item())
    assert sample["accuracy"] == pytest.approx((output.argmax(1) == CLASSES).float().mean().item())


def test_losses_are_told_apart_by_function_and_place(watched: Any) -> None:
    model = nn.Linear(3, C)
    with watched(model) as step:
        for _ in range(2):
            output = model(torch.randn(N, 3))
            loss = F.cross_entropy(output, CLASSES) + F.mse_loss(output, torch.zeros(N, C))
            loss = loss + F.mse_loss(output, torch.ones(N, C))
            loss.backward()
            sample = step.update()
    found = step.facts(facts.Loss)
    assert [fact.function for fact in found] == ["cross_entropy", "mse_loss", "mse_loss"]
    assert found[0].line == found[1].line == (found[2].line or 0) - 1
    assert {fact.file for fact in found} == {__file__}
    assert [fact.target.mean for fact in found[1:]] == [0.0, 1.0]
    assert signals.LOSS_CALL.key not in sample, "which of several calls the loss is cannot be told"
    assert "accuracy" in sample


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 knows no columns")
def test_two_calls_of_one_function_on_one_line_are_two(watched: Any) -> None:
    model = nn.Linear(3, C)
    with watched(model) as step:
        output = model(torch.randn(N, 3))
        loss = F.mse_loss(output, torch.zeros(N, C)) + F.mse_loss(output, torch.ones(N, C))
        loss.backward()
        step.update()
    found = step.facts(facts.Loss)
    assert [fact.target.mean for fact in found] == [0.0, 1.0]
    assert found[0].line == found[1].line
    assert (found[0].column or 0) < (found[1].column or 0)


def test_modules_of_losses_call_the_functions(watched: Any) -> None:
    model, criterion = nn.Linear(3, 1), nn.HuberLoss()
    with watched(model) as step:
        criterion(model(torch.randn(N, 3)), torch.zeros(N, 1))
    (fact,) = step.facts(facts.Loss)
    assert (fact.function, fact.file) == ("huber_loss", __file__)


def test_what_nothing_is_learnt_from_is_no_loss(watched: Any) -> None:
    model = nn.Linear(3, 1)
    with watched(model) as step:
        F.mse_loss(model(torch.randn(N, 3)).detach(), torch.zeros(N, 1))
        with torch.no_grad():
            F.mse_loss(model(torch.randn(N, 3)), torch.zeros(N, 1))
    assert step.facts(facts.Loss) == []


def test_a_call_that_is_refused_is_described(watched: Any) -> None:
    model = nn.Linear(3, C)
    with watched(model) as step, pytest.raises(ValueError, match="batch_size"):
        F.cross_entropy(model(torch.randn(N, 3)), torch.zeros(N + 1, dtype=torch.long))
    (fact,) = step.facts(facts.Loss)
    assert (fact.output.shape, fact.target.shape) == ((N, C), (N + 1,))


def test_values_that_are_not_finite_hide_nothing() -> None:
    probe = LossProbe(function="mse_loss")
    for values in ([1.0, 5.0], [torch.nan, 2.0]):
        output = torch.tensor(values).reshape(2, 1)
        probe.observe((output, torch.zeros(2, 1)), {}, None)
    fact = probe.fact()
    assert fact.output.maximum == 5.0
    assert fact.output.minimum == 0.0


def test_generated_code_does_not_fill_the_memory(watched: Any) -> None:
    model = nn.Linear(3, 1)
    with watched(model) as step:
        for number in range(2 * MOST_PLACES):
            code = compile("\n" * number + "F.mse_loss(output, target)", f"/tmp/generated{number}.py", "exec")
            exec(code, {"F": F, "output": model(torch.randn(N, 3)), "target": torch.zeros(N, 1)})
    assert len(step.facts(facts.Loss)) == MOST_PLACES


def test_large_outputs_are_looked_at_in_all_examples() -> None:
    probe = LossProbe(function="mse_loss")
    output = torch.linspace(-1.0, 1.0, 4).reshape(4, 1, 1, 1).expand(4, 3, 200, 200)
    probe.observe((output, torch.zeros_like(output)), {}, None)
    assert float(probe.batch()[signals.OUTPUT_SPREAD]) == pytest.approx(float(output[:, 0, 0, 0].std(correction=0)))


def test_weights_of_classes_and_late_values_are_kept() -> None:
    probe, weight = LossProbe(function="cross_entropy"), torch.tensor([1.0, 3.0])
    for value in (9.0, 0.5, 0.5, 0.5, 0.5):
        probe.observe((torch.zeros(2, 2), torch.tensor([0, 1])), {"weight": weight}, torch.tensor(value))
    fact = probe.fact()
    assert fact.classes.weights == (1.0, 3.0)
    assert fact.late is not None
    assert fact.late.value == pytest.approx(0.5, rel=0.1)


def test_of_trainings_in_one_loop_each_has_its_own_losses(tmp_path: Path) -> None:
    inputs, targets = torch.randn(8, 3), torch.arange(8) % 2
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0):
        models = [nn.Linear(3, 2) for _ in range(2)]
        optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in models]
        for _ in range(6):
            for optimizer in optimizers:
                optimizer.zero_grad()
            first = F.cross_entropy(models[0](inputs), targets)
            second = F.mse_loss(models[1](inputs), torch.ones(8, 2))
            first.backward()
            second.backward()
            for optimizer in optimizers:
                optimizer.step()
    with Run.open(tmp_path) as run:
        functions = [{call.function for call in stream.facts(facts.Loss)} for stream in run.streams()]
    assert functions == [{"cross_entropy"}, {"mse_loss"}]


def test_what_leads_through_both_models_is_a_loss_of_both(tmp_path: Path) -> None:
    inputs, targets = torch.randn(8, 3), torch.arange(8) % 2
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0):
        body, head = nn.Linear(3, 4), nn.Linear(4, 2)
        optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in (body, head)]
        for _ in range(6):
            F.cross_entropy(head(body(inputs)), targets).backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
    with Run.open(tmp_path) as run:
        assert [stream.facts(facts.Loss)[-1].function for stream in run.streams()] == ["cross_entropy"] * 2


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(4, 1)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.body(inputs).relu()
        return self.first(hidden), self.second(hidden).squeeze(1)


def test_each_loss_names_the_layer_that_gives_its_outputs(tmp_path: Path) -> None:
    inputs, targets = torch.randn(8, 3), torch.arange(8) % 2
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0):
        model = TwoHeads()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(6):
            optimizer.zero_grad()
            scores, values = model(inputs)
            first, second = F.cross_entropy(scores, targets), F.mse_loss(values, torch.ones(8))
            first.backward(retain_graph=True)
            second.backward()
            optimizer.step()
    with Run.open(tmp_path) as run:
        layers = {call.function: call.output.layer for call in run.facts(facts.Loss)}
    assert layers == {"cross_entropy": "first", "mse_loss": "second"}
