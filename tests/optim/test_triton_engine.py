"""The CUDA engine: run in Triton's interpreter on the CPU, and compiled to machine code that is not run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

import unstuck.optim as ours
from unstuck.errors import ArgumentError, MissingPackageError
from unstuck.optim import triton_engine
from unstuck.optim.triton_kernel import compile_kernel

METHODS = {
    "SGD": [{}, {"momentum": 0.9, "dampening": 0.3, "maximize": True}],
    "Adagrad": [{"weight_decay": 0.1}],
    "MeanAdagrad": [{"lr_decay": 0.1}],
    "RMSprop": [{"centered": True, "momentum": 0.5}],
    "Adam": [{"amsgrad": True}],
    "AdamW": [{}],
    "RAdam": [{"betas": (0.8, 0.9)}],
}

INTERPRETED = f"""
import numpy as np, torch
import unstuck.optim as ours

def train(name, options, engine):
    torch.manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(s)) for s in ((3, 4), (8197,), (), (5,))]
    params[3].data = torch.randn(6)[1:]  # an address that is not aligned
    optimizer = getattr(ours, name)(params, engine=engine, observe=True, **options)
    for step in range(3):
        for p in params:
            p.grad = torch.randn(p.shape)
        params[2].grad.zero_()
        if step == 1:
            params[0].grad = None
        optimizer.step()
    return params, optimizer

for name, choices in {METHODS!r}.items():
    for options in choices:
        a, mine = train(name, options, "triton")
        b, reference = train(name, options, "torch")
        assert type(mine._plan._steps[0]).__name__ == "TritonStep"
        for x, y in zip(a, b):
            torch.testing.assert_close(x, y, rtol=2e-5, atol=2e-6)
        np.testing.assert_allclose(mine.observations().sums, reference.observations().sums, rtol=1e-4, atol=1e-6)
print("equal")
"""


def test_equal_to_the_reference_in_the_interpreter():
    pytest.importorskip("triton")
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.strip() == "equal", done.stderr


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_compiles_for_a_gpu_with_wide_loads(name):
    triton = pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    optimizer = getattr(ours, name)([nn.Parameter(torch.ones(2))])
    kernel = compile_kernel(optimizer.rule(optimizer.param_groups[0]), "float32", aligned=True)
    kinds = {"table": "*i64", "constants_at": "i32", "chunks": "*i64", "sums": "*fp64", "BLOCK": "constexpr"}
    source = ASTSource(fn=kernel, signature=kinds, constexprs={"BLOCK": triton_engine.BLOCK})
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32))
    assert "ld.global.v4" in compiled.asm["ptx"]
    assert "st.global.v4" in compiled.asm["ptx"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_asked_for_where_it_cannot_run():
    with pytest.raises((ArgumentError, MissingPackageError), match="'triton'"):
        ours.SGD([nn.Parameter(torch.ones(2))], engine="triton")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", list(METHODS))
def test_equal_to_torch_on_a_gpu(name):
    for options in METHODS[name]:
        a = [nn.Parameter(torch.linspace(-1, 1, n, device="cuda")) for n in (5, 100_000)]
        b = [nn.Parameter(p.detach().clone()) for p in a]
        mine = getattr(ours, name)(a, engine="triton", **options)
        theirs = getattr(ours, name)(b, engine="torch", **options)
        for step in range(5):
            for p in (*a, *b):
                p.grad = torch.sin(p.detach() + step)
            mine.step()
            theirs.step()
        for x, y in zip(a, b, strict=True):
            torch.testing.assert_close(x, y)
        assert mine.observations().gradient_norm == pytest.approx([float(p.grad.norm()) for p in a], rel=1e-4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_triton_is_not_imported():
    script = (
        "import sys, torch, unstuck.optim as ours, unstuck.nn\n"
        "p = torch.nn.Parameter(torch.ones(2))\n"
        "p.grad = torch.ones(2)\n"
        "ours.SGD([p]).step()\n"
        "print('triton' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert made.stdout.strip() == "False"
