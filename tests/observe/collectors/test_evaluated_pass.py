from __future__ import annotations

import pytest
import torch

from unstuck.observe.collectors.evaluated_pass import PassOverExamples

PAIR = (torch.ones(3), torch.zeros(3))


def test_batches_weigh_as_many_as_they_have_examples() -> None:
    counted = PassOverExamples(examples=4)
    counted.take_loss("mse_loss", torch.tensor(1.0), PAIR, "mean")
    counted.take_loss("mse_loss", torch.tensor(5.0), (torch.zeros(1), torch.zeros(1)), "mean")
    result = counted.result(preferred=(), trained_on=False)
    assert (result.loss, result.examples, result.trained_on) == (2.0, 4, False)
    assert result.measure is not None
    assert (result.measure.function, result.measure.shape) == ("mse_loss", (3,))


@pytest.mark.parametrize(
    ("reduction", "value"), [("sum", torch.tensor(6.0)), ("mean", torch.tensor(2.0)), ("none", torch.full((3,), 2.0))]
)
def test_any_reduction_gives_the_mean(reduction: str, value: torch.Tensor) -> None:
    counted = PassOverExamples()
    counted.take_loss("mse_loss", value, PAIR, reduction)
    assert counted.result(preferred=(), trained_on=False).loss == 2.0


def test_the_loss_of_the_training_comes_before_others() -> None:
    counted = PassOverExamples()
    for name, value in (("l1_loss", 1.0), ("mse_loss", 2.0)):
        counted.take_loss(name, torch.tensor(value), PAIR, "mean")
    assert counted.result(preferred=("mse_loss",), trained_on=True).loss == 2.0
    assert counted.result(preferred=(), trained_on=True).loss == 1.0


def test_what_was_not_seen_is_not_known() -> None:
    result = PassOverExamples().result(preferred=(), trained_on=False)
    assert (result.loss, result.accuracy, result.measure) == (None, None, None)


def test_an_accuracy_is_over_all_that_was_compared() -> None:
    counted = PassOverExamples(correct=[torch.tensor(3), torch.tensor(0)], compared=4)
    assert counted.result(preferred=(), trained_on=False).accuracy == 0.75


def test_what_the_first_call_was_given_is_stated() -> None:
    counted = PassOverExamples()
    given = {"weight": torch.tensor([1.0, 2.0]), "label_smoothing": 0.1}
    counted.take_loss("cross_entropy", torch.tensor(1.0), (torch.eye(2), torch.tensor([0, 1])), "sum", given)
    measure = counted.result(preferred=(), trained_on=False).measure
    assert measure is not None
    assert (measure.reduction, measure.weighted, measure.label_smoothing, measure.variance) == ("sum", True, 0.1, None)


@pytest.mark.parametrize(("last", "known"), [(4.0, (2.0, 1.0)), (float("inf"), (None, None))])
def test_targets_and_outputs_have_a_spread(last: float, known: tuple[float | None, float | None]) -> None:
    counted = PassOverExamples()
    pair = (torch.tensor([1.0, 3.0]), torch.tensor([1.0, last]) if last > 9 else torch.tensor([1.0, 1.0 + 8.0**0.5]))
    counted.take_loss("mse_loss", torch.tensor(1.0), pair, "mean")
    measure = counted.result(preferred=(), trained_on=False).measure
    assert measure is not None
    assert (measure.variance, measure.output_variance) == (pytest.approx(known[0]), pytest.approx(known[1]))
