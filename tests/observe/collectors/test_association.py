"""Targets held against their inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from torch import Tensor, nn

import unstuck
from unstuck.observe.collectors.association import AssociationProbe, association
from unstuck.record import Run
from unstuck.record.facts import Association

SETS = {"digits": load_digits, "iris": load_iris, "breast cancer": load_breast_cancer, "diabetes": load_diabetes}
generator = np.random.default_rng(0)


@pytest.mark.parametrize("name", SETS)
def test_real_targets_stand_out_and_shuffled_ones_do_not(name: str) -> None:
    inputs, targets = SETS[name](return_X_y=True)
    chosen = generator.permutation(len(inputs))[:600]
    inputs, targets = inputs[chosen].astype(float), targets[chosen].astype(float)
    found = association(inputs, targets)
    assert found is not None
    assert max(found.neighbours, found.linear) > 15
    for _ in range(5):
        shuffled = association(inputs, generator.permutation(targets))
        assert shuffled is not None
        assert max(shuffled.neighbours, shuffled.linear) < 5


def test_neighbours_tell_classes_and_explain_numbers() -> None:
    inputs = generator.uniform(-2, 2, size=(1000, 2))
    board = (np.floor(inputs).sum(axis=1) % 2).astype(float)
    classes, numbers = association(inputs, board), association(inputs, np.sin(inputs[:, 0] * 2))
    assert classes is not None
    assert classes.told is not None
    assert classes.told > 0.85
    assert numbers is not None
    assert numbers.told is None
    assert numbers.explained > 0.9


def test_equal_examples_are_no_neighbours() -> None:
    inputs = np.repeat(generator.normal(size=(150, 4)), 4, axis=0)
    targets = np.repeat(generator.integers(3, size=150), 4).astype(float)  # copies agree with each other alone
    found = association(inputs, targets)
    assert found is not None
    assert found.examples == 150
    assert max(found.neighbours, found.linear) < 5


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (np.zeros((500, 3)), generator.normal(size=500)),
        (generator.normal(size=(500, 3)), np.ones(500)),
        (generator.normal(size=(50, 3)), generator.normal(size=50)),
        (np.full((500, 3), np.nan), generator.normal(size=500)),
    ],
    ids=["constant inputs", "constant targets", "few", "not finite"],
)
def test_nothing_is_said_of_too_little(inputs: np.ndarray, targets: np.ndarray) -> None:
    assert association(inputs, targets) is None


def test_batches_are_gathered_and_what_is_no_pair_is_passed_by() -> None:
    probe = AssociationProbe()
    probe.take(None, torch.zeros(4))
    probe.take(torch.zeros(4, 3), torch.zeros(8))
    assert probe.fact() is None
    for _ in range(5):
        inputs = torch.randn(40, 2, 5)
        probe.take(inputs, (inputs.sum((1, 2)) > 0).long())
    ids = torch.randint(50, (40, 7))
    probe.take(ids, torch.zeros(40))
    found = probe.fact()
    assert found is not None
    assert (found.met, found.examples) == (200, 200)
    assert found.linear > 15


def test_ids_are_compared_by_how_often_they_occur() -> None:
    probe = AssociationProbe()
    topic = torch.randint(2, (400,))
    probe.take(torch.randint(0, 40, (400, 12)) + 40 * topic[:, None], topic)
    found = probe.fact()
    assert found is not None
    assert found.told is not None
    assert found.told > 0.95


def test_class_ids_that_count_the_batch_are_no_labels() -> None:
    """As those of a contrastive loss, by which each example is to find its own other view."""
    probe = AssociationProbe()
    for _ in range(8):
        probe.take(torch.randn(64, 5), torch.randperm(64))
    assert probe.fact() is None
    for _ in range(8):
        probe.take(torch.randn(64, 5), torch.randint(64, (64,)))
    assert probe.fact() is not None


class Compared(nn.Module):
    """Are two things alike? Asked of both at once, or of one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.head((self.body(first) - self.body(second)).square()).squeeze(1)


@pytest.mark.parametrize("way", ["a pair", "by keyword", "twice", "alone"])
def test_an_example_of_several_parts_is_not_judged_by_its_first(tmp_path: Path, way: str) -> None:
    torch.manual_seed(0)
    body, pairs = nn.Sequential(nn.Linear(6, 8)), Compared()
    optimizer = torch.optim.SGD([*body.parameters(), *pairs.parameters()], lr=1e-3)
    with unstuck.watch(body if way in ("twice", "alone") else pairs, optimizer, out=tmp_path / "run"):
        for _ in range(30):
            first, second = torch.randn(2, 64, 6)
            alike = (first[:, 0] * second[:, 0] > 0).float()
            if way == "a pair":
                score = pairs(first, second)
            elif way == "by keyword":
                score = pairs(first, second=second)
            else:
                score = body(first).sum(1) + (body(second).sum(1) if way == "twice" else 0.0)
            loss = nn.functional.binary_cross_entropy_with_logits(score, alike)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with Run.open(tmp_path / "run") as run:
        assert run.knows(Association) is (way == "alone")
