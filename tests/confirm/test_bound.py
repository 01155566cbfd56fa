"""The end of a process after its updates, or its seconds."""

from __future__ import annotations

import subprocess
import sys
import time

SCRIPT = """
import sys, time, torch
from unstuck.confirm.bound import Bound
begun = []
bound = Bound(steps={steps}, seconds={seconds}, begun=lambda: begun.append(1), training={training})
bound.install()
one, other = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
first, second = torch.optim.SGD([one], lr=1.0), torch.optim.SGD([other], lr=1.0)
for step in range(1000):
    for optimizer in (first, second) if step % 2 else (first,):
        optimizer.step()
    print(step, len(begun), flush=True)
    time.sleep({pause})
"""


def run(**bounds):
    began = time.monotonic()
    made = subprocess.run([sys.executable, "-c", SCRIPT.format(**bounds)], capture_output=True, text=True)
    return made, time.monotonic() - began


def test_it_ends_before_the_update_after_the_last():
    made, _ = run(steps=10, seconds=60, pause=0, training=0)
    assert made.returncode == 0
    assert made.stdout.splitlines()[-1] == "9 1"


def test_it_ends_when_the_time_is_over():
    made, _ = run(steps=10_000, seconds=0.3, pause=0.01, training=0)
    assert made.returncode == -15
    assert 0 < len(made.stdout.splitlines()) < 1000


def test_earlier_trainings_are_made_to_their_end():
    made, _ = run(steps=10, seconds=60, pause=0, training=1)  # the second one makes every other step
    assert made.returncode == 0
    assert made.stdout.splitlines()[:2] == ["0 0", "1 1"]
    assert made.stdout.splitlines()[-1] == "20 1"
