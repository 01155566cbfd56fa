"""Functions of PyTorch that a program has replaced by its own, which call the original: they must run once.

A function of PyTorch's that finds a mode hands itself over by its name. Where a program has put a function of its own
under that name, it is that one which is handed over, from within the original that it has called.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CodeType,
    FrameType,
    FunctionType,
    MethodDescriptorType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import Any

import torch

__all__ = ["WRITTEN_IN_C", "is_pytorchs", "replaced"]

WRITTEN_IN_C = frozenset({BuiltinFunctionType, MethodDescriptorType, MethodWrapperType, WrapperDescriptorType})
"""Types of functions that nobody writes in Python."""

_TORCH = str(Path(torch.__file__).parent)
_OVERRIDES = str(Path(_TORCH) / "overrides.py")


def is_pytorchs(function: Any) -> bool:
    """Whether a function is written in C, or stands in PyTorch's own files."""
    code = getattr(function, "__code__", None)
    if type(code) is CodeType:
        return _in_torch(code)
    return type(function).__module__.partition(".")[0] in ("builtins", "torch")


def replaced(function: Any, frame: FrameType) -> Any:
    """The original that has handed over a function of the program's, or that function if it did so itself.

    Args:
        function: What was handed over.
        frame: The frame that calls the mode.
    """
    if frame.f_code.co_filename != _OVERRIDES or frame.f_back is None:
        return function
    code = frame.f_back.f_code
    if code is getattr(function, "__code__", None) or not _in_torch(code) or code.co_freevars:
        return function
    return FunctionType(code, frame.f_back.f_globals, code.co_name)


@cache
def _in_torch(code: CodeType) -> bool:
    return code.co_filename.startswith(_TORCH)
