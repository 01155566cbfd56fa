"""Draws of a program, each in a process of its own, since seeds are moved for good."""

from __future__ import annotations

import subprocess
import sys

import pytest


def drawn(draw: int, seed: str) -> str:
    script = f"""
from unstuck.confirm.seeds import move_seeds
move_seeds({draw})
import random, numpy as np, torch
{seed}
print(torch.rand(()).item(), random.random(), np.random.rand())
"""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


SEEDED = "torch.manual_seed(5); random.seed(5); np.random.seed(seed=5)"


def test_the_first_draw_is_that_of_the_script():
    import random

    import numpy as np
    import torch

    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    assert drawn(0, SEEDED) == f"{torch.rand(()).item()} {random.random()} {np.random.rand()}\n"


@pytest.mark.parametrize("seed", [SEEDED, ""])
def test_every_draw_is_repeatable_and_another_one(seed):
    first, again, second = drawn(1, seed), drawn(1, seed), drawn(2, seed)
    assert first == again
    assert all(one != other for one, other in zip(first.split(), second.split(), strict=True))
