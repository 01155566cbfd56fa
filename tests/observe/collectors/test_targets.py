"""What targets show, compared with explicit numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from unstuck.observe.collectors.targets import MOST_CLASSES, MOST_DISTINCT, TargetProbe


def numbers(probe: TargetProbe, loss: str, output: Tensor, target: Tensor) -> dict[str, float]:
    return {signal.key: float(value) for signal, value in probe.observe(loss, output, target).items()}


def test_classes_are_counted() -> None:
    probe = TargetProbe()
    output, target = torch.eye(4)[torch.tensor([0, 1, 1, 2, 1])], torch.tensor([0, 1, 2, 2, 2])
    batch = numbers(probe, "cross_entropy", output, target)
    assert batch == pytest.approx({"target_top": 0.6, "accuracy": 0.6, "prediction_top": 0.6, "target_repeats": 0.5})
    seen, classes = probe.summary()
    assert (seen.type, classes.number, classes.counts) == ("class", 4, (1, 1, 3, 0))
    recalls = classes.recalls
    assert recalls[:3] == pytest.approx((1.0, 1.0, 1 / 3))
    assert math.isnan(recalls[3])
    assert (seen.minimum, seen.maximum) == (0.0, 2.0)


def test_recalls_speak_of_the_last_part_of_the_training() -> None:
    probe = TargetProbe()
    target = torch.tensor([0, 1])
    for step in range(100):
        predicted = target if step >= 60 else 1 - target
        probe.observe("cross_entropy", torch.eye(2)[predicted], target)
    first, second = probe.summary()[1].recalls
    assert first == second
    assert 0.8 < first < 1.0


def test_ids_that_are_no_classes_are_left_out() -> None:
    probe = TargetProbe()
    probe.observe("cross_entropy", torch.randn(3, 2), torch.tensor([0, -100, 1]))
    assert probe.summary()[1].counts == (1, 1)


def test_what_a_loss_ignores_is_no_example() -> None:
    probe, output = TargetProbe(), torch.eye(3)[torch.tensor([0, 1, 2, 0])]
    seen = probe.observe("cross_entropy", output, torch.tensor([2, 1, 2, 2]), {"ignore_index": 2})
    assert {signal.key: float(value) for signal, value in seen.items()} == pytest.approx(
        {"target_top": 1.0, "accuracy": 1.0, "prediction_top": 0.5, "target_repeats": 1 / 3}
    )
    assert probe.summary()[1].counts == (0, 1, 0)


def test_targets_are_taken_as_the_loss_compares_them() -> None:
    share = torch.tensor([[0.9, 0.1], [0.1, 0.9]]).repeat(40, 1)
    soft, log, smooth = TargetProbe(), TargetProbe(), TargetProbe()
    soft.observe("cross_entropy", torch.zeros(80, 2), share)
    log.observe("kl_div", torch.zeros(80, 2), share.log(), {"log_target": True})
    hard = torch.nn.functional.one_hot(torch.arange(80) % 2, 2).float()
    smooth.observe("cross_entropy", torch.zeros(80, 2), hard, {"label_smoothing": 0.2})
    own = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    for probe in (soft, log, smooth):
        each = probe.summary()[0].each
        assert each is not None
        assert each.entropy == pytest.approx(own)
        assert each.mean_entropy == pytest.approx(math.log(2), rel=0.01)


def test_of_very_many_classes_the_number_is_kept() -> None:
    probe = TargetProbe()
    batch = numbers(probe, "cross_entropy", torch.randn(3, MOST_CLASSES + 1), torch.tensor([0, 1, 2]))
    assert "accuracy" in batch
    assert "target_top" not in batch
    assert probe.summary()[1].counts == ()


def test_dense_class_ids_are_compared_place_by_place() -> None:
    target = torch.randint(3, (2, 5, 5))
    output = torch.nn.functional.one_hot(target, 3).movedim(-1, 1).float()
    batch = numbers(TargetProbe(), "cross_entropy", output, target)
    assert batch["accuracy"] == 1.0
    assert "target_repeats" not in batch


@pytest.mark.parametrize(
    ("loss", "output"),
    [
        ("binary_cross_entropy", torch.tensor([0.9, 0.2, 0.4, 0.6])),
        ("binary_cross_entropy_with_logits", torch.tensor([2.0, -1.0, -0.1, 0.1])),
    ],
)
def test_yes_and_no_have_an_accuracy(loss: str, output: Tensor) -> None:
    probe = TargetProbe()
    batch = numbers(probe, loss, output[:, None], torch.tensor([[1.0], [0.0], [1.0], [1.0]]))
    assert (batch["accuracy"], batch["target_top"], batch["prediction_top"]) == (0.75, 0.75, 0.5)
    assert probe.summary()[1].recalls == pytest.approx((1.0, 2 / 3))


def test_several_answers_an_example_are_no_yes_and_no() -> None:
    batch = numbers(TargetProbe(), "binary_cross_entropy", torch.rand(6, 3), torch.ones(6, 3))
    assert "accuracy" not in batch


def test_real_targets_have_moments_over_all_batches() -> None:
    torch.manual_seed(0)
    probe, batches = TargetProbe(), [torch.randn(20, 1) * 3 + 5 for _ in range(4)]
    for target in batches:
        batch = numbers(probe, "mse_loss", torch.zeros(20, 1), target)
        assert batch["target_mean"] == pytest.approx(target.mean().item())
        assert batch["target_std"] == pytest.approx(target.std(correction=0).item())
        probe.summary()  # asking in between changes nothing
    whole, (seen, _) = torch.cat(batches), probe.summary()
    assert seen.type == "real"
    assert seen.mean == pytest.approx(whole.mean().item())
    assert seen.variance == pytest.approx(whole.var(correction=0).item())
    assert (seen.minimum, seen.maximum) == (whole.min().item(), whole.max().item())
    assert not seen.integers
    assert seen.distinct == MOST_DISTINCT + 1


def test_the_order_of_real_targets_shows_in_their_correlation() -> None:
    ordered = torch.linspace(0.0, 1.0, 200)[:, None]
    shuffled = ordered[torch.randperm(200, generator=torch.Generator().manual_seed(0))]
    correlated, not_so = (
        numbers(TargetProbe(), "mse_loss", torch.zeros(200, 1), target)["target_autocorrelation"]
        for target in (ordered, shuffled)
    )
    assert correlated > 0.95
    assert abs(not_so) < 0.3


def test_whole_and_few_values_and_rows_that_sum_to_one_are_known() -> None:
    probe = TargetProbe()
    probe.observe("mse_loss", torch.zeros(3, 2), torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    seen, _ = probe.summary()
    assert (seen.integers, seen.distinct) == (True, 2)
    assert seen.row_sums == (1.0, 1.0)


def test_nothing_is_said_before_a_target_and_of_an_empty_one() -> None:
    probe = TargetProbe()
    assert probe.observe("mse_loss", torch.zeros(0, 2), torch.zeros(0, 2)) == {}
    seen, _ = probe.summary()
    assert (seen.type, seen.mean, seen.minimum) == ("none", None, None)
