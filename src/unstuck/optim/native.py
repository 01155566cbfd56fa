"""Functions of PyTorch and Python by their addresses, for compiled code to call.

Most belong to the C interface that PyTorch keeps stable for compiled models (``aoti_torch_*``), or to Python's own. Two
things have no such promise: where a tensor's Python object points to its C++ part, and the name of the C++ function
that gives the gradient. Both are tried out on tensors of several kinds before anything relies on them; where one of
them answers wrongly, or is missing as on Windows, there are no native functions, and the same questions are asked in
Python.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

__all__ = ["NativeFunctions", "native_functions"]

_C: Any = torch._C  # pyright: ignore[reportPrivateUsage]
_GRADIENT = "_ZNK3c1010TensorImpl4gradEv"  # const at::Tensor& c10::TensorImpl::grad() const
_OF_TENSORS = (
    "aoti_torch_get_data_ptr",
    "aoti_torch_get_numel",
    "aoti_torch_get_dtype",
    "aoti_torch_get_layout",
    "aoti_torch_get_device_type",
    "aoti_torch_is_contiguous",
    "aoti_torch_get_dim",
    "aoti_torch_get_sizes",
    "aoti_torch_get_strides",
)
_OF_PYTHON = ("PyDict_Next", "PyList_Size", "PyList_GetItem")


@dataclass(frozen=True, kw_only=True)
class NativeFunctions:
    """What compiled code needs to look at tensors.

    Attributes:
        addresses: Where each function begins, by a short name: ``data_ptr``, ``numel``, ``dtype``, ``layout``,
            ``device_type``, ``is_contiguous``, ``dim``, ``sizes``, ``strides`` take a handle and the place for their
            answer; ``grad`` takes a C++ tensor and returns a handle; ``PyDict_Next``, ``PyList_Size`` and
            ``PyList_GetItem`` are Python's.
        handle: How many bytes into a tensor's Python object its handle lies, the pointer to its C++ part.
        undefined: The C++ tensor that stands for "no gradient".
    """

    addresses: dict[str, int]
    handle: int
    undefined: int

    def ask(self, question: str, tensor: Tensor) -> int:
        """What a function that answers with 32 bits says of a tensor: ``dtype``, ``layout``, ``device_type``."""
        return _answer(self.addresses[question], id(tensor) + self.handle, ctypes.c_int32)


@cache
def native_functions() -> NativeFunctions | None:
    """The functions; None where they are missing or do not answer as expected."""
    suffix = {"linux": "so", "darwin": "dylib"}.get(sys.platform)
    locked = getattr(sys, "_is_gil_enabled", lambda: True)()  # else a dict may change while it is looked at
    if suffix is None or not locked or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    try:
        with torch.inference_mode(False), _C.DisableTorchFunction(), _C._DisableTorchDispatch():
            found = _found(suffix)
            return found if all(_agree(found, tensor) for tensor in _specimens()) else None
    except (AttributeError, OSError, RuntimeError, StopIteration):
        return None


def _found(suffix: str) -> NativeFunctions:
    folder = Path(torch.__file__).parent / "lib"
    of_torch, core = (ctypes.CDLL(str(folder / f"{name}.{suffix}")) for name in ("libtorch_cpu", "libc10"))
    addresses = {name.removeprefix("aoti_torch_").removeprefix("get_"): _where(of_torch, name) for name in _OF_TENSORS}
    addresses |= {name: _where(ctypes.pythonapi, name) for name in _OF_PYTHON} | {"grad": _where(core, _GRADIENT)}
    handle = next(k for k in _words() if all(_word(id(x) + k) == x._cdata for x in _specimens()))
    undefined = _word(_gradient(addresses["grad"], _example(torch.float32)._cdata))
    return NativeFunctions(addresses=addresses, handle=handle, undefined=undefined)


def _where(library: Any, name: str) -> int:
    address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    assert address is not None, "a function that exists lies somewhere"
    return address


def _words() -> range:
    """Where in a tensor's Python object, behind what all objects have, a pointer may stand."""
    return range(object.__basicsize__, Tensor.__basicsize__, ctypes.sizeof(ctypes.c_void_p))


def _word(address: int) -> int:
    return ctypes.c_int64.from_address(address).value


def _gradient(function: int, tensor: int) -> int:
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(function)(tensor)


def _answer(function: int, handle: int, kind: Any) -> Any:
    place = kind(-1)
    failed = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.POINTER(kind))(function)(
        handle, ctypes.byref(place)
    )
    if failed:
        raise OSError("PyTorch has no answer for an ordinary tensor")
    return place.value


def _example(dtype: torch.dtype) -> Tensor:
    return torch.ones(2, 3, 4, dtype=dtype, device="cpu")


def _specimens() -> Iterator[Tensor]:
    """Tensors of several kinds."""
    plain = _example(torch.float32)
    yield plain
    yield plain[1, 1:]
    yield _example(torch.float64).permute(2, 0, 1)
    for gradients in ([plain], [None], [plain, None]):
        parameter = torch.nn.Parameter(_example(torch.float32))
        for gradient in gradients:
            parameter.grad = gradient
        yield parameter


def _agree(functions: NativeFunctions, tensor: Tensor) -> bool:
    """Whether the functions say of a tensor what Python says."""
    handle = id(tensor) + functions.handle

    def ask(name: str, kind: Any = ctypes.c_int64) -> Any:
        return _answer(functions.addresses[name], handle, kind)

    def single(x: Tensor) -> bool:
        return functions.ask("dtype", x) == functions.ask("dtype", _example(torch.float32))

    def listed(name: str) -> tuple[int, ...]:
        return tuple((ctypes.c_int64 * tensor.dim()).from_address(ask(name)))

    gradient = _word(_gradient(functions.addresses["grad"], tensor._cdata))
    return (
        _word(handle) == tensor._cdata
        and ask("data_ptr") == tensor.data_ptr()
        and ask("numel") == tensor.numel()
        and ask("dim") == tensor.dim()
        and listed("sizes") == tensor.shape
        and listed("strides") == tensor.stride()
        and ask("is_contiguous", ctypes.c_bool) == tensor.is_contiguous()
        and single(tensor) == (tensor.dtype is torch.float32)
        and gradient == (functions.undefined if tensor.grad is None else tensor.grad._cdata)
    )
