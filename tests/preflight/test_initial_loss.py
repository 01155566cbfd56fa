import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.data import Batches, load
from unstuck.errors import DataError
from unstuck.init import initialize
from unstuck.nn import CNN, MLP, Architecture, binary_cross_entropy
from unstuck.preflight import initial_loss
from unstuck.preflight.initial_loss import LossFunction

DIGITS = load("digits")
BATCHES = Batches(DIGITS.train, 64, shuffle="never")


def summed(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs, targets, reduction="sum")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("weights", ["torch", "auto", "he", "xavier", "lecun"])
@pytest.mark.parametrize("architecture", [MLP(), MLP(hidden=(32,) * 5, activation="tanh"), CNN(norm="batch")])
def test_proper_weights_pass(architecture: Architecture, weights: str, seed: int) -> None:
    torch.manual_seed(seed)
    model = architecture.build((1, 8, 8), 10)
    if weights != "torch":
        initialize(model, weights)
    check = initial_loss(model, functional.cross_entropy, BATCHES)
    assert check is not None
    assert check.expected == pytest.approx(math.log(10))
    assert check.passed, str(check)
    assert "as it should be" in str(check)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("architecture", [MLP(), MLP(hidden=(30,), activation="sigmoid"), CNN()])
def test_normal_weights_of_unit_variance_do_not(architecture: Architecture, seed: int) -> None:
    torch.manual_seed(seed)
    model = architecture.build((1, 8, 8), 10)
    initialize(model, "normal")
    check = initial_loss(model, functional.cross_entropy, BATCHES)
    assert check is not None
    assert not check.passed
    assert "start from smaller weights" in check.advice


def test_raw_inputs_are_blamed_before_the_weights() -> None:
    torch.manual_seed(0)
    model = MLP().build((1, 8, 8), 10)
    initialize(model)
    raw = Batches(load("digits", scale=False).train, 64)
    check = initial_loss(model, functional.cross_entropy, raw)
    assert check is not None
    assert not check.passed
    assert check.advice.startswith("the inputs have a root mean square of 7.9")


def test_the_value_is_the_loss_of_the_examples() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    check = initial_loss(model, nn.CrossEntropyLoss(), BATCHES)
    assert check is not None
    whole = functional.cross_entropy(model(DIGITS.train.inputs), DIGITS.train.targets)
    assert check.value == pytest.approx(whole.item(), rel=1e-5)
    assert check.examples == len(DIGITS.train)


def unknown(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.exp().mean(dim=1) * (1.0 + targets)).sum() * 0.123


def test_a_loss_that_resembles_none_is_not_known() -> None:
    assert initial_loss(nn.Flatten(), unknown, BATCHES) is None


@pytest.mark.parametrize("loss", [summed, nn.CrossEntropyLoss(reduction="sum"), nn.MSELoss(reduction="sum")])
def test_a_wrong_reduction_is_told_from_a_wrong_output_layer(loss: LossFunction) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    batches = list(BATCHES)
    if isinstance(loss, nn.MSELoss):
        batches = [(x, functional.one_hot(y, 10).float()) for x, y in batches]
    check = initial_loss(model, loss, batches)
    assert check is not None
    assert not check.passed
    assert check.reduction
    assert "take the mean" in check.advice

    with torch.no_grad():
        model[1].weight.mul_(100)
    large = initial_loss(model, functional.cross_entropy, BATCHES)
    assert large is not None
    assert not large.passed
    assert not large.reduction
    assert "smaller weights" in large.advice


def weston_watkins(outputs: Tensor, targets: Tensor) -> Tensor:
    margins = (outputs - outputs.gather(1, targets[:, None]) + 1).clamp(min=0)
    return (margins.sum(dim=1) - 1).mean()


@pytest.mark.parametrize(("loss", "expected"), [(weston_watkins, 9.0), (functional.multi_margin_loss, 0.9)])
def test_the_margin_of_weston_and_watkins_starts_at_c_minus_1(loss: LossFunction, expected: float) -> None:
    torch.manual_seed(0)
    check = initial_loss(MLP().build((1, 8, 8), 10), loss, BATCHES)
    assert check is not None
    assert check.expected == pytest.approx(expected)
    assert "C - 1" in check.formula
    assert check.passed, str(check)


def test_the_prior_is_the_entropy_of_the_labels() -> None:
    check = initial_loss(
        nn.Linear(4, 2), functional.cross_entropy, [(torch.randn(100, 4), (torch.arange(100) < 10).long())]
    )
    assert check is not None
    assert check.prior == pytest.approx(-0.1 * math.log(0.1) - 0.9 * math.log(0.9))
    assert check.expected == pytest.approx(math.log(2))


def test_a_module_that_sums_is_told_from_one_that_means() -> None:
    model = MLP().build((1, 8, 8), 10)
    check = initial_loss(model, nn.CrossEntropyLoss(reduction="sum"), BATCHES)
    assert check is not None
    assert not check.passed
    assert "64 times too high, which is the batch size" in check.advice


def test_squared_error_starts_at_the_mean_square_of_the_targets() -> None:
    data = load("diabetes")
    torch.manual_seed(0)
    check = initial_loss(MLP().build((10,), 1), functional.mse_loss, Batches(data.train, "all", shuffle="never"))
    assert check is not None
    assert check.expected == pytest.approx(1.0, rel=1e-5)
    assert check.passed


def test_binary_cross_entropy_starts_at_ln_2() -> None:
    torch.manual_seed(0)
    inputs, targets = torch.randn(256, 5), torch.randint(2, (256, 1)).float()
    check = initial_loss(nn.Linear(5, 1), functional.binary_cross_entropy_with_logits, [(inputs, targets)])
    assert check is not None
    assert check.expected == pytest.approx(math.log(2))
    assert check.passed


def test_binary_cross_entropy_of_class_ids_does_too() -> None:
    data = [(torch.randn(200, 6), torch.arange(200) % 2)]
    check = initial_loss(nn.Linear(6, 1), binary_cross_entropy, data)
    assert check is not None
    assert (check.expected, check.formula, check.passed) == (pytest.approx(math.log(2)), "ln 2", True)
    torch.nn.init.normal_((large := nn.Linear(6, 1)).weight, std=10.0)
    assert (swollen := initial_loss(large, binary_cross_entropy, data)) is not None
    assert not swollen.passed


def test_a_trained_model_is_found_out() -> None:
    data = load("breast-cancer")
    model = nn.Linear(30, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        functional.cross_entropy(model(data.train.inputs), data.train.targets).backward()
        optimizer.step()
    check = initial_loss(model, functional.cross_entropy, Batches(data.train, 32))
    assert check is not None
    assert not check.passed
    assert "knows something already" in check.advice


def test_nan_is_named() -> None:
    model = nn.Linear(3, 2)
    nn.init.constant_(model.weight, math.nan)
    check = initial_loss(model, functional.cross_entropy, [(torch.ones(4, 3), torch.tensor([0, 1, 0, 1]))])
    assert check is not None
    assert not check.passed
    assert "not finite" in check.advice


def test_nothing_is_left_behind() -> None:
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(0.5), nn.Linear(64, 10)).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    first = initial_loss(model, functional.cross_entropy, BATCHES)
    assert first == initial_loss(model, functional.cross_entropy, BATCHES)
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_few_examples_are_enough() -> None:
    class Counted(nn.Linear):
        seen = 0

        def forward(self, inputs: Tensor) -> Tensor:
            Counted.seen += len(inputs)
            return super().forward(inputs)

    data = ((torch.randn(100, 3), torch.randint(2, (100,))) for _ in range(10**9))
    check = initial_loss(Counted(3, 2), functional.cross_entropy, data)
    assert check is not None
    assert check.examples == Counted.seen == 2100


def test_no_batch_is_refused() -> None:
    with pytest.raises(DataError, match="no batch"):
        initial_loss(nn.Linear(1, 2), functional.cross_entropy, [])


def test_the_fact_holds_the_figures() -> None:
    check = initial_loss(MLP().build((1, 8, 8), 10), functional.cross_entropy, BATCHES)
    assert check is not None
    fact = check.fact()
    assert (fact.value, fact.expected, fact.tolerance) == (check.value, check.expected, check.tolerance)
    assert fact.formula == "ln C, C = 10"
