"""What is found of PyTorch's functions answers as Python does, and is refused where it does not."""

from __future__ import annotations

import sys

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from unstuck.optim import native


@pytest.fixture(autouse=True)
def anew():
    native.native_functions.cache_clear()
    yield
    native.native_functions.cache_clear()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere they may be missing")
def test_they_are_found_here():
    functions = native.native_functions()
    assert functions is not None
    assert functions.ask("dtype", torch.zeros(1)) == functions.ask("dtype", torch.ones(2, 2))
    assert functions.ask("dtype", torch.zeros(1)) != functions.ask("dtype", torch.zeros(1, dtype=torch.bfloat16))
    assert functions.ask("layout", torch.zeros(1)) != functions.ask("layout", torch.zeros(1).to_sparse())


class Refusing(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        raise AssertionError(f"{function} was seen by the program's mode")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere they may be missing")
@pytest.mark.parametrize("surroundings", [torch.inference_mode, Refusing, lambda: torch.device("meta")])
def test_the_surroundings_do_not_matter(surroundings):
    torch.set_default_dtype(torch.float64)
    try:
        with surroundings():
            assert native.native_functions() is not None
    finally:
        torch.set_default_dtype(torch.float32)


def test_none_where_the_platform_is_not_known(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert native.native_functions() is None


def test_none_where_a_function_is_missing(monkeypatch):
    monkeypatch.setattr(native, "_GRADIENT", "_ZNK3c1010TensorImpl8no_such_Ev")
    assert native.native_functions() is None


def test_none_where_the_pointer_is_nowhere_in_the_object(monkeypatch):
    monkeypatch.setattr(native, "_word", lambda address: 0)
    assert native.native_functions() is None


def test_none_where_a_function_answers_another_question(monkeypatch):
    def where(library, name, original=native._where):
        return original(library, "aoti_torch_get_dim" if name == "aoti_torch_get_numel" else name)

    monkeypatch.setattr(native, "_where", where)
    assert native.native_functions() is None
