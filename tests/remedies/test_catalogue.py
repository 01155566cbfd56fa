from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.record import CAUSES
from unstuck.remedies import CATALOGUE, Change, Remedy, applied, changed, refinements
from unstuck.testing.rules import record


@pytest.mark.parametrize("remedy", CATALOGUE.values(), ids=list(CATALOGUE))
def test_a_remedy_names_causes_that_exist_and_says_what_it_does(remedy: Remedy) -> None:
    assert set(remedy.proves) <= set(CAUSES)
    page = inspect.getdoc(type(remedy)) or ""
    assert all(part in page for part in ("Changes:", "Applies:", "Proves:"))


@pytest.mark.parametrize("remedy", CATALOGUE.values(), ids=list(CATALOGUE))
def test_of_an_empty_run_nothing_is_tried(remedy: Remedy, tmp_path: Path) -> None:
    with record(tmp_path) as run:
        assert list(remedy.candidates(run, None)) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([Change(remedy="luck")], "remedy='luck'; choose one of learning-rate"),
        ([Change(remedy="weight-decay")] * 2, "remedy='weight-decay' is given 2 times"),
    ],
)
def test_what_cannot_be_applied_is_refused(changes: list[Change], message: str) -> None:
    with pytest.raises(ArgumentError, match=message), applied(*changes):
        pass


def test_several_changes_are_made_together_and_each_must_have_an_effect() -> None:
    weight = torch.ones(1, requires_grad=True)
    lower = Change(remedy="learning-rate", settings={"factor": 0.1})
    none = Change(remedy="weight-decay", settings={"weight_decay": 0.0})
    for decay in (0.5, 0.0):
        with applied(lower, none):
            optimizer = torch.optim.SGD([weight], lr=1.0, weight_decay=decay)
            optimizer.zero_grad()
            weight.sum().backward()
            optimizer.step()
        assert changed() == bool(decay)
    assert weight.item() == pytest.approx(0.8)


def test_only_some_remedies_are_refined(tmp_path: Path) -> None:
    with record(tmp_path) as run:
        assert refinements(Change(remedy="gradients-cleared"), run, {}) == ()
