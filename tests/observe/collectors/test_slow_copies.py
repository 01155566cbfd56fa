"""A network beside the trained one is known to move or to stand still."""

from __future__ import annotations

import copy

import torch
from torch import nn

from unstuck.observe.collectors.made_values import Made
from unstuck.observe.collectors.slow_copies import SlowCopies
from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.model_roots import Roots


def looked_at(*, moves: bool) -> SlowCopies:
    model = nn.Linear(2, 1)
    slow = copy.deepcopy(model)
    roots = Roots(torch.optim.SGD(model.parameters(), lr=0.1))
    roots.add(model)
    view = View(roots=roots)
    copies = SlowCopies(view)
    copies.passed(slow)
    if moves:
        with torch.no_grad():
            slow.weight.lerp_(torch.ones(1, 2), 0.5)
    view.updates = 400
    copies.passed(slow)
    copies.passed(model)
    copies.asked(frozenset({id(slow), id(model)}), Made(torch.ones(1), frozenset()))
    return copies


def test_a_copy_that_stands_still_is_told() -> None:
    (fact,) = looked_at(moves=False).facts()
    assert (fact.since, fact.until, fact.moved, fact.began_equal) == (0, 400, False, True)


def test_a_copy_that_moves_is_told_to() -> None:
    (fact,) = looked_at(moves=True).facts()
    assert fact.moved


def test_a_copy_that_runs_before_the_network_it_is_like_is_known_afterwards() -> None:
    model = nn.Linear(2, 1)
    slow = copy.deepcopy(model)
    roots = Roots(torch.optim.SGD(model.parameters(), lr=0.1))
    view = View(roots=roots)
    copies = SlowCopies(view)
    copies.passed(slow)  # targets are often made first
    roots.add(model)
    copies.asked(frozenset({id(slow)}), Made(torch.ones(1), frozenset()))
    (fact,) = copies.facts()
    assert fact.began_equal
    view.updates = 500
    copies.passed(slow)  # the losses of later steps need not be seen
    (fact,) = copies.facts()
    assert (fact.until, fact.moved) == (500, False)
    copies.passed(slow)
    assert not list(copies.facts())
