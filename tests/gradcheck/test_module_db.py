"""Every module of torch.nn with the inputs that PyTorch tests it with: no crash, and no wrong gradient."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from unstuck.errors import ArgumentError
from unstuck.gradcheck import check_gradients

pytest.importorskip("expecttest", reason="torch.testing._internal needs it: pip install expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import ModuleInfo, module_db

WIDE = [info for info in module_db if torch.float64 in info.dtypes]


class Called(nn.Module):
    """A module with keyword arguments of its own."""

    def __init__(self, module: nn.Module, named: dict[str, Any]) -> None:
        super().__init__()
        self.module, self.named = module, named

    def forward(self, *arguments: Any) -> Any:
        return self.module(*arguments, **self.named)


def cases(info: ModuleInfo, *, training: bool) -> Iterator[tuple[str, nn.Module, tuple[Any, ...]]]:
    torch.manual_seed(0)
    given = info.module_inputs_func(info, "cpu", torch.float64, requires_grad=True, training=training)
    for number, case in enumerate(given):
        if case.forward_input is None:
            continue
        module = info.module_cls(*case.constructor_input.args, **case.constructor_input.kwargs).double()
        named = case.forward_input.kwargs
        model = (Called(module, named) if named else module).train(training)
        yield f"{info.name} {number}", model, case.forward_input.args


def verdict(name: str, model: nn.Module, inputs: tuple[Any, ...]) -> str:
    """The verdict; that of inputs which give no number, or have none, is ``invalid``."""
    try:
        check = check_gradients(model, inputs)
    except ArgumentError as error:
        if "before the first step" in str(error) or "empty tensors" in str(error):
            return "invalid"
        raise
    finite = all(bool(x.isfinite().all()) for x in inputs if isinstance(x, torch.Tensor))
    assert check.verdict == "right" or not finite, f"{name}: {check}"
    return "right" if finite else "invalid"


@pytest.mark.parametrize("info", WIDE[::4], ids=lambda info: info.name)
@pytest.mark.filterwarnings("ignore")
def test_first_inputs_of_some_modules(info: ModuleInfo) -> None:
    name, model, inputs = next(cases(info, training=True))
    verdict(name, model, inputs)


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("info", WIDE, ids=lambda info: info.name)
@pytest.mark.filterwarnings("ignore")
def test_all_inputs_of_all_modules(info: ModuleInfo, training: bool) -> None:
    found = [verdict(*case) for case in cases(info, training=training)]
    assert "right" in found or not found
