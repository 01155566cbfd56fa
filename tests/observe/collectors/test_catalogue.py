"""Each collector answers a question of its own, and hears of something."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD

from unstuck.observe.collectors.catalogue import COLLECTORS
from unstuck.observe.collectors.registry import VERBS
from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.model_roots import Roots


def test_each_signal_has_one_collector() -> None:
    view = View(roots=Roots(SGD([nn.Parameter(torch.ones(1))], lr=0.1)))
    measured = [signal.key for make in COLLECTORS for signal in make(view).measures]
    assert len(measured) == len(set(measured))


def test_each_collector_hears_of_something() -> None:
    view = View(roots=Roots(SGD([nn.Parameter(torch.ones(1))], lr=0.1)))
    for make in COLLECTORS:
        collector = make(view)
        assert any(hasattr(collector, verb) for verb in VERBS)
        assert hasattr(collector, "call") == bool(collector.functions) or hasattr(collector, "functions")
        named = {name for name in vars(type(collector)) if not name.startswith("_")}
        assert named & set(VERBS)
