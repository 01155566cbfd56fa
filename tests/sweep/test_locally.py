from __future__ import annotations

import torch

from tests.sweep.formula import SMALL
from unstuck.sweep import read_space
from unstuck.sweep.attempt import Try
from unstuck.sweep.locally import Locally


def test_tries_are_made_with_the_threads_of_the_recipe():
    space = read_space("mlp", over=["optimizer.lr=1e-2..1"], overrides=[*SMALL, "train.threads=1", "train.epochs=1"])
    before, threads = torch.get_num_threads(), []
    tries = [Try(setting={"optimizer.lr": rate}, stage="coarse") for rate in (0.1, 0.2)]
    made = list(Locally().train(space, tries, lambda attempt, epoch: threads.append(torch.get_num_threads())))
    assert [attempt for attempt, _ in made] == tries
    assert threads == [1, 1]
    assert torch.get_num_threads() == before
