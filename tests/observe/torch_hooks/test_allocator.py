"""The allocator keeps what a step frees."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

STEPS = """
import resource, torch
from unstuck.observe import keep_freed_memory
if {keep}:
    assert keep_freed_memory()
def step():
    kept = [torch.ones(200_000) for _ in range(20)]
for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: bool) -> int:
    """Page faults of fifty steps that take and free 16 MB each: seldom few, unless freed memory is kept."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", STEPS.format(keep=keep)], capture_output=True, text=True, check=True, env=environment
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc")
def test_steps_use_the_memory_of_the_steps_before():
    assert faults(keep=True) < 50 * 10


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
def test_the_users_choice_is_left(monkeypatch: pytest.MonkeyPatch, name: str):
    from unstuck.observe import keep_freed_memory

    monkeypatch.setenv(name, "")
    assert not keep_freed_memory()
