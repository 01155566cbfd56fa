"""What stands in without Numba or Triton: the numbers of the compiled engines, by torch's own functions."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import unstuck.optim as ours
from unstuck.errors import MissingPackageError
from unstuck.optim.fused_engine import FusedStep

METHODS = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("Momentum", {"lr": 0.05}),
    ("AveragedMomentum", {"lr": 0.05}),
    ("Nesterov", {"lr": 0.05}),
    ("LookAheadNesterov", {"lr": 0.05}),
    ("Adagrad", {"lr": 0.05, "lr_decay": 0.1}),
    ("MeanAdagrad", {"lr": 0.05, "lr_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.5, "weight_decay": 0.1}),
    ("RMSprop", {"centered": True, "momentum": 0.5}),
    ("Adam", {"weight_decay": 0.1, "maximize": True}),
    ("AdamW", {"amsgrad": True}),
    ("RAdam", {"betas": (0.8, 0.9), "decoupled_weight_decay": True, "weight_decay": 0.1}),
]
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA"))]


# Gradients are put in by hand, and not those of a point ahead.
pytestmark = pytest.mark.filterwarnings("ignore:LookAheadNesterov.step")


def parameters(device, dtype):
    generator = torch.Generator().manual_seed(0)
    values = [torch.randn(shape, generator=generator) for shape in [(3, 4), (), (5_000,), (2, 0), (2, 3, 4, 5)]]
    values[4] = values[4].to(memory_format=torch.channels_last)
    values.append(torch.randn(6, 8, generator=generator)[:, ::2])  # has gaps in memory
    return [nn.Parameter(x.to(device, dtype)) for x in values]


def train(name, options, engine, *, device="cpu", dtype=torch.float32, observe=False):
    generator = torch.Generator().manual_seed(1)
    params = parameters(device, dtype)
    never = nn.Parameter(torch.ones(3, device=device, dtype=dtype))
    groups = [{"params": params[:2]}, {"params": [*params[2:], never], "lr": 0.003}]
    optimizer = getattr(ours, name)(groups, engine=engine, observe=observe, **options)
    for step in range(6):
        for k, p in enumerate(params):
            p.grad = torch.randn(p.shape, generator=generator).to(device, dtype)  # in row order, whatever p's order is
            if (k == 0 and step in (2, 3)) or (k == 1 and step == 0):
                p.grad = None
        if params[1].grad is not None:
            params[1].grad.zero_()
        optimizer.step()
    return params, optimizer


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize(("name", "options"), METHODS, ids=lambda x: x if isinstance(x, str) else "-".join(x))
def test_equal_to_the_formula(name, options, dtype, tolerance, device):
    expected, reference = train(name, options, "torch", device=device, dtype=dtype, observe=True)
    got, fused = train(name, options, "fused", device=device, dtype=dtype)
    assert any(isinstance(step, FusedStep) for step in fused._plan._steps)
    for x, y in zip(got, expected, strict=True):
        torch.testing.assert_close(x, y, rtol=tolerance, atol=tolerance / 10)
        for key, state in fused.state[x].items():
            torch.testing.assert_close(state, reference.state[y][key], rtol=tolerance, atol=tolerance / 10)
    seen, wanted = fused.observations(), reference.observations()
    served = [row.index for step in fused._plan._steps for row in step.table.rows]
    np.testing.assert_allclose(seen.sums[served], wanted.sums[served], rtol=100 * tolerance, atol=tolerance / 10)
    assert seen.skipped.tolist() == [False] * len(got) + [True]


@pytest.mark.parametrize(("name", "options"), METHODS, ids=lambda x: x if isinstance(x, str) else "-".join(x))
def test_unseen_steps_are_the_same_and_leave_no_figures(name, options):
    expected, fused = train(name, options, "fused", device="cpu", dtype=torch.float64)
    got, unseen = train(name, options, "unseen", device="cpu", dtype=torch.float64)
    for x, y in zip(got, expected, strict=True):
        assert torch.equal(x, y)
    seen = unseen.observations()
    assert np.isnan(seen.sums).all()
    assert seen.skipped.tolist() == fused.observations().skipped.tolist()


def test_from_when_it_is_asked_steps_are_unseen():
    p = nn.Parameter(torch.ones(4))
    optimizer = ours.Adam([p], engine="fused")
    for seen in (True, False):
        p.grad = torch.ones(4)
        optimizer.step()
        assert bool(np.isfinite(optimizer.observations().sums).any()) is seen
        optimizer.step_unseen()


def test_gradients_of_another_layout_are_brought_into_that_of_the_weights():
    values = torch.arange(12.0).reshape(3, 4)
    p = nn.Parameter(values.clone())
    optimizer = ours.SGD([p], lr=1.0, engine="fused")
    for _ in range(2):
        p.grad = values.t().contiguous().t()
        optimizer.step()
    assert torch.equal(p.detach(), -values)


def test_a_gradient_is_not_kept_alive():
    p = nn.Parameter(torch.ones(4))
    optimizer = ours.Adam([p], engine="fused")
    p.grad = gradient = torch.ones(4)
    optimizer.step()
    held = sys.getrefcount(gradient)
    optimizer.zero_grad()
    assert sys.getrefcount(gradient) == held - 1


WITHOUT = """
import sys
for name in ("numba", "llvmlite"):
    sys.modules[name] = None
import torch
from unstuck.errors import MissingPackageError
from unstuck.optim import Adam, SGD
from unstuck.optim.fused_engine import FusedStep

p = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
p.grad = torch.tensor([0.0, 2.0])
optimizer = SGD([p], lr=0.1)
optimizer.step()
assert isinstance(optimizer._plan._steps[0], FusedStep)
print(optimizer.observations().weight_norm[0], p.tolist())
try:
    Adam([p], engine="numba")
except MissingPackageError as error:
    print(error)
"""


def test_without_numba_it_stands_in():
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines() == [
        "5.0 [3.0, 3.799999952316284]",
        "numba is needed for engine='numba'; pip install 'unstuck[train]'",
    ], done.stderr


def test_with_numba_it_does_not(monkeypatch):
    pytest.importorskip("numba")
    p = nn.Parameter(torch.ones(2))
    p.grad = torch.ones(2)
    optimizer = ours.SGD([p], lr=0.1)
    optimizer.step()
    assert not any(isinstance(step, FusedStep) for step in optimizer._plan._steps)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingPackageError, match="numba is needed"):
        ours.SGD([p], lr=0.1, engine="numba")
