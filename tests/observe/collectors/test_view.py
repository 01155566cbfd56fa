"""What collectors know of the sampled step."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import SGD

from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.model_roots import Roots
from unstuck.record import facts


@pytest.fixture
def view() -> View:
    return View(roots=Roots(SGD([nn.Parameter(torch.ones(1))], lr=0.1)))


def softmax(where: str, line: int) -> facts.Softmax:
    return facts.Softmax(where=where, axis=0, shape=(2, 3), file="script.py", line=line)


def test_a_step_begins_with_nothing_seen_and_keeps_what_is_known_of_the_model(view: View) -> None:
    weight = torch.ones(2)
    view.named, view.parameters, view.updates = {"weight": weight}, [weight], 7
    view.batch = view.first = view.output = torch.ones(3, 2)
    view.entry = view.module = nn.Linear(2, 1)
    view.where, view.time_axis, view.learning = "0.layer", 1, False
    view.ran["0"] = True
    view.slopes["log"] = ("script.py", 3)
    view.notice(softmax("0", 1))
    view.begin(8)
    assert (view.step, view.updates, view.learning) == (8, 7, True)
    assert [view.batch, view.first, view.output, view.entry, view.module, view.time_axis, view.slope] == [None] * 7
    assert (view.where, view.ran, view.examples) == ("", {}, None)
    assert list(view.named) == ["weight"]
    assert view.slopes == {"log": ("script.py", 3)}
    assert len(view.noticed) == 1


def test_a_fact_is_noticed_once_for_each_place(view: View) -> None:
    for fact in (softmax("a", 1), softmax("a", 1), softmax("b", 1), softmax("a", 2), None):
        view.notice(fact)
    view.notice(facts.NonDifferentiableSample(where="a", file="script.py", line=1))
    assert [(fact.kind, fact.where, fact.line) for fact in view.noticed] == [
        ("softmax", "a", 1),
        ("softmax", "b", 1),
        ("softmax", "a", 2),
        ("non_differentiable_sample", "a", 1),
    ]
    view.noticed.clear()
    view.begin(1)
    view.notice(softmax("a", 1))
    assert view.noticed == [], "not once for each step"


def test_examples_are_those_of_the_batch(view: View) -> None:
    view.batch = torch.ones(5, 2)
    assert view.examples == 5
    view.batch = torch.ones(())
    assert view.examples is None


def test_a_gradient_is_that_of_the_parameter_unless_others_are_known(view: View) -> None:
    weight = nn.Parameter(torch.ones(2))
    assert view.gradient(weight) is None
    weight.grad = torch.ones(2)
    assert view.gradient(weight) is weight.grad
