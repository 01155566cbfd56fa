"""Constants for each output, compared with those that PyTorch's own losses take least of."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.collectors.target_outputs import MOST_OUTPUTS, TargetOutputsProbe
from unstuck.record.facts import TargetOutputs


def seen(probe: TargetOutputsProbe, *batches: Tensor, positive: Tensor | None = None) -> TargetOutputs:
    for batch in batches:
        probe.take(batch, positive)
    found = probe.summary()
    assert found is not None
    return found


def least(loss: object, target: Tensor, width: int) -> float:
    """The least loss of one constant for each output, by Newton's method of many steps."""
    constant = torch.zeros(width, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([constant], lr=1.0, max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(constant.expand(len(target), width), target)  # type: ignore[operator]
        value.backward()
        return value

    optimizer.step(closure)
    return float(closure().detach())


def test_each_output_has_a_mean_of_its_own() -> None:
    target = torch.randn(4_000, 3) + torch.tensor([0.0, 100.0, -50.0])
    found = seen(TargetOutputsProbe(), target)
    assert found.variance == pytest.approx(1.0, rel=0.05)
    assert (found.outputs, found.examples) == (3, 4_000)
    assert found.mean_entropy is None


def test_a_constant_target_has_no_variance_whatever_its_shape() -> None:
    image = torch.rand(1, 1, 8, 8)
    assert seen(TargetOutputsProbe(), *[image.expand(16, 1, 8, 8)] * 6).variance == pytest.approx(0.0, abs=1e-12)
    assert seen(TargetOutputsProbe(), torch.full((16,), 7.0)).variance == 0.0


def test_large_targets_are_looked_at_in_part() -> None:
    found = seen(TargetOutputsProbe(), *[torch.randn(8, 3, 64, 64) for _ in range(40)])
    assert found.outputs == 3 * 64 * 64 > MOST_OUTPUTS
    assert found.variance == pytest.approx(1.0, rel=0.02)


def test_late_targets_weigh_more() -> None:
    found = seen(TargetOutputsProbe(), *[torch.randn(64) * (1.0 if n < 50 else 10.0) for n in range(100)])
    assert found.variance == pytest.approx(0.25 + 75, rel=0.15)


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 5.0, 0.2])])
def test_the_cross_entropy_of_the_best_probabilities(weight: Tensor | None) -> None:
    torch.manual_seed(0)
    target = torch.rand(300, 3, dtype=torch.float64) * torch.tensor([1.0, 0.5, 0.1])
    found = seen(TargetOutputsProbe(kind="binary"), target, positive=weight)

    def loss(output: Tensor, wanted: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(output, wanted, pos_weight=weight)

    assert found.mean_entropy == pytest.approx(least(loss, target, 3), rel=3e-3)
    floor = loss(torch.logit(weighted(target, weight)), target)
    assert found.entropy == pytest.approx(float(floor), rel=1e-6)


def weighted(target: Tensor, weight: Tensor | None) -> Tensor:
    positive = target if weight is None else target * weight
    return positive / (positive + 1.0 - target)


def test_distributions_over_classes() -> None:
    torch.manual_seed(0)
    target = torch.softmax(2.0 * torch.randn(400, 5, dtype=torch.float64), dim=1)
    found = seen(TargetOutputsProbe(kind="distribution"), target)
    assert found.mean_entropy == pytest.approx(least(functional.cross_entropy, target, 5), rel=3e-3)
    assert found.entropy == pytest.approx(float(functional.cross_entropy(target.log(), target)), rel=1e-6)


def test_what_a_small_sample_lacks_of_the_entropy_is_added() -> None:
    torch.manual_seed(0)
    draws = [torch.nn.functional.one_hot(torch.randint(8, (40,)), 8).double() for _ in range(300)]
    found = [seen(TargetOutputsProbe(kind="distribution"), draw).mean_entropy for draw in draws]
    assert sum(value or 0.0 for value in found) / 300 == pytest.approx(2.0794, abs=0.005)


@pytest.mark.parametrize(
    ("width", "loss"),
    [
        (0.0, functional.l1_loss),
        (0.5, lambda output, target: functional.huber_loss(output, target, delta=0.5)),
    ],
)
def test_absolute_differences(width: float, loss: object) -> None:
    torch.manual_seed(0)
    target = torch.randn(500, 4, dtype=torch.float64).exp() + torch.tensor([0.0, 5.0, -3.0, 1.0])
    found = seen(TargetOutputsProbe(keeps=True, width=width), target)
    assert found.deviation == pytest.approx(least(loss, target, 4), rel=2e-3)


def test_few_examples_are_kept_of_a_long_training() -> None:
    probe = TargetOutputsProbe(keeps=True)
    found = seen(probe, *[torch.randn(64, 300) for _ in range(200)])
    assert found.deviation == pytest.approx((2 / torch.pi) ** 0.5, rel=0.03)
    assert sum(rows.numel() for rows in probe._rows) <= 1_024 * 64  # pyright: ignore[reportPrivateUsage]


def test_sequences_of_several_lengths_have_no_outputs_in_common() -> None:
    probe = TargetOutputsProbe()
    probe.take(torch.randn(4, 7))
    probe.take(torch.randn(4, 9))
    assert probe.summary() is None
    assert TargetOutputsProbe().summary() is None
