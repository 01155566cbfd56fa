import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import DataLoader, TensorDataset

from unstuck.data import Batches, Dataset, load
from unstuck.errors import ArgumentError, DataError
from unstuck.observe import Observer
from unstuck.optim import LookAheadNesterov, Nesterov
from unstuck.record import Run, RunWriter, facts, signals
from unstuck.schedules import LinearMomentum, ReduceLROnPlateau
from unstuck.train import Epoch, fit
from unstuck.train.tally import TOGETHER

DATA = load("breast-cancer")
VALIDATION = Batches(DATA.validation, "all", shuffle="never")


def setup(rate: float = 0.1) -> tuple[nn.Linear, torch.optim.SGD]:
    torch.manual_seed(0)
    model = nn.Linear(30, 2)
    return model, torch.optim.SGD(model.parameters(), lr=rate)


def plain_loop(data: Dataset, *, epochs: int, seed: int) -> nn.Linear:
    """The loop that everybody writes, as the oracle."""
    model, optimizer = setup()
    batches = Batches(data.train, 32, seed=seed)
    for _ in range(epochs):
        for inputs, targets in batches:
            optimizer.zero_grad()
            cross_entropy(model(inputs), targets).backward()
            optimizer.step()
    return model


def test_it_is_the_loop_that_everybody_writes() -> None:
    model, optimizer = setup()
    fitted = fit(model, cross_entropy, Batches(DATA.train, 32, seed=4), optimizer, epochs=3)
    assert torch.equal(model.weight, plain_loop(DATA, epochs=3, seed=4).weight)
    assert (fitted.reason, fitted.best, len(fitted.epochs)) == ("completed", 0, 3)
    assert fitted.epochs[-1].train.loss < fitted.epochs[0].train.loss


def test_the_model_ends_with_the_weights_of_its_best_epoch(tmp_path: Path) -> None:
    model, optimizer = setup(rate=5.0)  # so high that the last epoch is not the best
    states: list[Tensor] = []
    fitted = fit(
        model,
        cross_entropy,
        Batches(DATA.train, 8),
        optimizer,
        validation=VALIDATION,
        epochs=6,
        patience=None,
        weights=tmp_path / "best.safetensors",
        after_epoch=lambda epoch: states.append(model.weight.detach().clone()),
    )
    order = sorted(fitted.epochs, key=lambda epoch: (-_worth(epoch).accuracy, _worth(epoch).loss))
    assert fitted.best == order[0].number != 6
    assert torch.equal(model.weight, states[fitted.best - 1])
    assert torch.equal(load_file(tmp_path / "best.safetensors")["weight"], model.weight)


def _worth(epoch: Epoch) -> Any:
    return epoch.validation


def test_it_stops_when_validation_gets_no_better() -> None:
    model, optimizer = setup(rate=1e-12)
    fitted = fit(model, cross_entropy, Batches(DATA.train, 32), optimizer, validation=VALIDATION, epochs=50, patience=3)
    assert (fitted.reason, len(fitted.epochs), fitted.best) == ("early stopping", 4, 1)


def test_accuracy_of_yes_and_no_is_told_of_torchs_binary_loss() -> None:
    torch.manual_seed(0)
    model, loss = nn.Linear(30, 1), nn.BCEWithLogitsLoss()
    pairs = [(inputs, targets[:, None].float()) for inputs, targets in Batches(DATA.train, 32, shuffle="never")]
    fitted = fit(model, loss, pairs, torch.optim.SGD(model.parameters(), lr=0.1), validation=pairs, epochs=2)
    told = model(DATA.train.inputs)[:, 0] > 0
    share = float((told == DATA.train.targets).float().mean())
    assert _worth(fitted.epochs[fitted.best - 1]).accuracy == pytest.approx(share)
    assert share > 0.9


def test_a_layer_that_does_not_fit_is_named_before_a_step_is_made() -> None:
    model = nn.Sequential(nn.Linear(30, 8), nn.ReLU(), nn.Linear(9, 2))
    before = [parameter.clone() for parameter in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ArgumentError, match=r"layer 2 \(Linear\): got .* last size is 8; it needs 9"):
        fit(model, cross_entropy, Batches(DATA.train, 32), optimizer)
    assert all(map(torch.equal, before, model.parameters()))
    assert not any(module._forward_hooks for module in model.modules())


def test_an_error_of_the_model_itself_stays_what_it_is() -> None:
    class Failing(nn.Linear):
        def forward(self, _: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("no such room")

    model = Failing(30, 2)
    with pytest.raises(torch.OutOfMemoryError, match="no such room"):
        fit(model, cross_entropy, Batches(DATA.train, 32), torch.optim.SGD(model.parameters(), lr=0.1))


def test_a_loss_of_many_numbers_is_refused() -> None:
    model, optimizer = setup()
    with pytest.raises(ArgumentError, match=r"loss: gave \(32,\) numbers for a batch; one is accepted, the mean"):
        fit(model, nn.CrossEntropyLoss(reduction="none"), Batches(DATA.train, 32), optimizer)


def test_a_regression_is_steered_by_its_loss() -> None:
    data = load("diabetes")
    model = nn.Linear(10, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    batches = Batches(data.validation, "all", shuffle="never")
    fitted = fit(model, mse_loss, Batches(data.train, 31), optimizer, validation=batches, epochs=8)
    losses = [_worth(epoch).loss for epoch in fitted.epochs]
    assert fitted.best == losses.index(min(losses)) + 1
    assert fitted.epochs[0].train.accuracy is None


def test_divergence_ends_training_after_a_few_steps() -> None:
    model, optimizer = setup()
    optimizer.param_groups[0]["lr"] = math.inf
    steps = 0

    def counted(outputs: Tensor, targets: Tensor) -> Tensor:
        nonlocal steps
        steps += 1
        return cross_entropy(outputs, targets)

    fitted = fit(model, counted, Batches(DATA.train, 2), optimizer, validation=VALIDATION, epochs=50)
    assert (fitted.reason, len(fitted.epochs)) == ("diverged", 1)
    assert steps <= TOGETHER


def test_an_observer_records_what_each_epoch_came_to(tmp_path: Path) -> None:
    model, optimizer = setup()
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer) as observer:
        fitted = fit(
            model,
            cross_entropy,
            Batches(DATA.train, 32),
            optimizer,
            validation=VALIDATION,
            epochs=3,
            observer=observer,
        )
    with Run.open(tmp_path) as run:
        assert run.series(signals.VALIDATION_LOSS).values.tolist() == [_worth(e).loss for e in fitted.epochs]
        assert run.series(signals.TRAIN_ACCURACY).values.tolist() == [e.train.accuracy for e in fitted.epochs]
        steps = len(Batches(DATA.train, 32))
        assert run.series(signals.VALIDATION_LOSS).steps.tolist() == [steps, 2 * steps, 3 * steps]
        end = run.fact(facts.End)
        assert end is not None
        assert (end.reason, end.steps) == ("completed", 3 * steps)


def test_watching_changes_no_bit(tmp_path: Path) -> None:
    model, optimizer = setup()
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer, budget=0.5) as observer:
        fit(model, cross_entropy, Batches(DATA.train, 32, seed=4), optimizer, epochs=3, observer=observer)
    assert torch.equal(model.weight, plain_loop(DATA, epochs=3, seed=4).weight)


def test_ctrl_c_leaves_the_best_weights() -> None:
    model, optimizer = setup()
    kept: list[Tensor] = []

    def after(epoch: Epoch) -> None:
        kept.append(model.weight.detach().clone())
        if epoch.number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(
            model, cross_entropy, Batches(DATA.train, 32), optimizer, validation=VALIDATION, epochs=9, after_epoch=after
        )
    assert any(torch.equal(model.weight, weight) for weight in kept[:2])


def test_any_iterable_of_batches_will_do() -> None:
    loader = DataLoader(TensorDataset(DATA.train.inputs, DATA.train.targets), batch_size=50)
    model, optimizer = setup()
    assert fit(model, cross_entropy, loader, optimizer, epochs=2).epochs[1].train.examples == len(DATA.train)
    assert fit(model, cross_entropy, list(loader), optimizer, epochs=2).reason == "completed"


def test_bad_arguments_are_refused() -> None:
    model, optimizer = setup()
    batches = Batches(DATA.train, 32)
    with pytest.raises(ArgumentError, match="epochs=0"):
        fit(model, cross_entropy, batches, optimizer, epochs=0)
    with pytest.raises(ArgumentError, match="patience=0"):
        fit(model, cross_entropy, batches, optimizer, patience=0)
    with pytest.raises(ArgumentError, match="list_iterator: an iterator is used up"):
        fit(model, cross_entropy, iter(list(batches)), optimizer)
    with pytest.raises(DataError, match="no batch"):
        fit(model, cross_entropy, [], optimizer)
    with pytest.raises(DataError, match="no batch"):
        fit(model, cross_entropy, (batch for batch in ()), optimizer, epochs=1)


def test_one_pass_over_an_iterator_is_fine() -> None:
    model, optimizer = setup()
    fitted = fit(model, cross_entropy, iter(list(Batches(DATA.train, 32))), optimizer, epochs=1)
    assert len(fitted.epochs) == 1


def test_a_schedule_is_stepped_with_each_step_or_each_epoch() -> None:
    steps = len(Batches(DATA.train, 32))
    for when, count in (("each step", 2 * steps), ("each epoch", 2)):
        model, optimizer = setup()
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        fit(model, cross_entropy, Batches(DATA.train, 32), optimizer, epochs=2, schedule=schedule, scheduled=when)  # type: ignore[arg-type]
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * 0.5**count)


def test_a_plateau_is_told_the_validation_loss() -> None:
    model, optimizer = setup(rate=1e-9)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5, eps=0.0)
    fitted = fit(
        model, cross_entropy, Batches(DATA.train, 32), optimizer, validation=VALIDATION, epochs=3, schedule=plateau
    )
    assert plateau.best == pytest.approx(_worth(fitted.epochs[0]).loss)
    assert optimizer.param_groups[0]["lr"] == 0.25e-9


def test_an_optimizer_that_clears_gradients_in_its_own_way_is_asked_to() -> None:
    class Counting(torch.optim.SGD):
        cleared = 0

        def zero_grad(self, set_to_none: bool = True) -> None:
            self.cleared += 1
            super().zero_grad(set_to_none)

    model, _ = setup()
    optimizer = Counting(model.parameters(), lr=0.1)
    batches = Batches(DATA.train, 32, seed=4)
    fit(model, cross_entropy, batches, optimizer, epochs=3)
    assert optimizer.cleared == 3 * len(batches)
    assert torch.equal(model.weight, plain_loop(DATA, epochs=3, seed=4).weight)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([torch.ones(2, 3)], "a Tensor of 2"),
        ([(torch.ones(4, 3),)], "a tuple of 1"),
        ([{"x": 1, "y": 2}], "a dict of 2"),
        (5, "data=5: batches are accepted"),
    ],
)
def test_data_that_give_no_pairs(data: Any, said: str) -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ArgumentError, match=re.escape(said)):
        fit(model, nn.functional.mse_loss, data, optimizer, epochs=1)


def test_validation_data_that_give_no_pairs() -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = [(torch.ones(4, 3), torch.ones(4, 1))]
    bad: Any = [torch.ones(2, 3)]
    with pytest.raises(ArgumentError, match="a Tensor of 2"):
        fit(model, nn.functional.mse_loss, data, optimizer, validation=bad, epochs=1)


def test_gradients_of_a_look_ahead_optimizer_are_taken_ahead() -> None:
    batches = [(torch.ones(1, 1), torch.zeros(1, 1))] * 4
    found: list[float] = []
    for rewritten in (False, True):
        model = nn.Linear(1, 1, bias=False)
        nn.init.ones_(model.weight)
        kind = Nesterov if rewritten else LookAheadNesterov
        optimizer = kind(model.parameters(), lr=0.1, momentum=0.5)
        fit(model, nn.functional.mse_loss, batches, optimizer, epochs=2)
        velocity = optimizer.state[model.weight]["velocity"]
        ahead = model.weight.detach() + (0.0 if rewritten else 0.5 * velocity)
        found.append(ahead.item())
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_rate_and_momentum_may_have_schedules_of_their_own() -> None:
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    plans = [ReduceLROnPlateau(optimizer, patience=0, factor=0.5), LinearMomentum(optimizer, 4, 0.1, 0.5)]
    fit(model, nn.functional.mse_loss, [(torch.ones(1, 1), torch.ones(1, 1))] * 2, optimizer, epochs=2, schedule=plans)
    assert optimizer.param_groups[0]["momentum"] == pytest.approx(0.5)
    assert plans[0].last_epoch == 2
    assert plans[1].last_epoch == 4
