"""Kernels are kept where the user may write, and do without where he may not."""

from __future__ import annotations

import torch
from torch import nn

from unstuck.optim import SGD
from unstuck.optim.kernel_cache import cache_folder, keep_source
from unstuck.optim.numba_kernel import compile_kernel


def test_a_text_is_kept_once(tmp_path, monkeypatch):
    monkeypatch.setenv("UNSTUCK_CACHE_DIR", str(tmp_path))
    first = keep_source("a = 1\n", name="k")
    assert keep_source("a = 1\n", name="k") == first
    assert keep_source("a = 2\n", name="k") != first
    assert cache_folder() == tmp_path / "kernels"
    assert len(list(cache_folder().iterdir())) == 2


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UNSTUCK_CACHE_DIR", str(tmp_path / "file"))
    assert keep_source("a = 1\n", name="k") is None


def compiled_anew():
    compile_kernel.cache_clear()
    optimizer = SGD([nn.Parameter(torch.ones(3))], lr=0.5, engine="numba")
    (p,) = optimizer.param_groups[0]["params"]
    p.grad = torch.ones(3)
    optimizer.step()
    assert p.tolist() == [0.5, 0.5, 0.5]
    return compile_kernel(optimizer.rule(optimizer.param_groups[0]), "float32").stats.cache_hits


def test_kernels_work_with_and_without_a_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("UNSTUCK_CACHE_DIR", str(tmp_path / "good"))
    assert not compiled_anew()
    assert compiled_anew()  # read back from disk
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UNSTUCK_CACHE_DIR", str(tmp_path / "file"))
    assert not compiled_anew()
    compile_kernel.cache_clear()
