"""Examples that are evaluated, and what is predicted of them."""

from __future__ import annotations

import torch

from unstuck.observe.collectors.predictions import PredictionProbe
from unstuck.observe.collectors.seen_examples import signatures
from unstuck.record import facts

IMAGES = torch.randn(6, 1, 3, 3, generator=torch.Generator().manual_seed(0))


def test_each_example_is_counted_as_often_as_it_enters() -> None:
    probe = PredictionProbe()
    for _ in range(5):
        probe.enter(IMAGES)
        probe.predict(torch.zeros(6, dtype=torch.long))
    assert probe.fact(step=7, trained=0) == facts.Predictions(step=7, examples=30, distinct=6, trained=0, predicted=30)


def test_examples_of_the_training_are_recognised() -> None:
    probe = PredictionProbe()
    probe.enter(IMAGES)
    known = signatures(IMAGES[2:5])
    assert known is not None
    assert probe.met(set(known)) == 3


def test_a_batch_without_examples_counts_nothing() -> None:
    probe = PredictionProbe()
    probe.enter(torch.tensor(3.0))
    assert probe.fact(step=0, trained=0).examples == 0


def test_classes_under_other_numbers_are_told_from_wrong_ones() -> None:
    labels = torch.arange(300) % 3
    renamed, right, mixed = PredictionProbe(), PredictionProbe(), PredictionProbe()
    renamed.compare((labels + 1) % 3, labels)
    right.compare(labels, labels)
    mixed.compare(torch.arange(300) % 2, labels)
    facts_ = [probe.fact(step=0, trained=0) for probe in (renamed, right, mixed)]
    assert [fact.compared for fact in facts_] == [300, 300, 300]
    assert [fact.explained for fact in facts_[:2]] == [1.0, 1.0]
    assert [fact.renamed for fact in facts_[:2]] == [1.0, 0.0]
    assert facts_[2].explained < 0.5
