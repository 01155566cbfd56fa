"""Compute aside from the program: no mode, profiler, compiler or gradient of its own sees what we do."""

from __future__ import annotations

import sys
import threading
from typing import Any

import torch
from torch import distributed
from torch._C._dynamo import eval_frame  # pyright: ignore[reportPrivateUsage]
from torch.utils._python_dispatch import _pop_mode, _push_mode  # pyright: ignore

from unstuck.observe.tensors.distributed import local_only

__all__ = ["Aside", "thread", "unseen", "watchable"]

_Function = torch._C.DisableTorchFunction  # pyright: ignore
_function_modes = torch._C._len_torch_function_stack  # pyright: ignore
_dispatch_modes = torch._C._len_torch_dispatch_stack  # pyright: ignore
_interpreters = torch._C._functorch.peek_interpreter_stack  # pyright: ignore
_Inference = torch._C._InferenceMode  # pyright: ignore
_set_gradients = torch._C._set_grad_enabled  # pyright: ignore
_tracing = torch._C._is_tracing  # pyright: ignore
_several = distributed.is_initialized if distributed.is_available() else bool
_record = torch.autograd._enable_record_function  # pyright: ignore
_profiled = torch.autograd._profiler_enabled  # pyright: ignore


class _Thread(threading.local):
    """What one thread of the program is at.

    Attributes:
        telling: Whether it runs our own code, whose doings are no events.
        passing: Whether a pass of autograd's engine is under way, within which others may be made.
        updating: Whether an optimizer updates without a closure: nothing of the program's own runs meanwhile.
        stepping: Identities of the optimizer whose step is under way, and of the call of that.
    """

    telling = False
    passing = False
    updating = False
    stepping: tuple[int, int] | None = None


thread = _Thread()


class Aside:
    """While it lasts, this thread runs our own code: no event, and tensor operations that are ours alone.

    At its end all is as before. Within another one it does nothing.

    Gradients are off. Modes for torch functions and for dispatched operations (``FlopCounterMode``, any
    ``TorchDispatchMode``) are passed by, as are ``torch.profiler``, inference mode and a compiler that
    evaluates frames. Operations on tensors that several processes hold raise. Only what is on is switched off, so that
    in an ordinary program it takes about a microsecond.

    Examples:
        >>> from torch.utils.flop_counter import FlopCounterMode
        >>> with FlopCounterMode(display=False) as counter:
        ...     _ = torch.ones(2, 3) @ torch.ones(3, 4)
        ...     with Aside():
        ...         _ = torch.ones(2, 3) @ torch.ones(3, 4)
        >>> counter.get_total_flops()
        48
    """

    __slots__ = (
        "_callback",
        "_dispatch",
        "_function",
        "_gradients",
        "_inference",
        "_local",
        "_outermost",
        "_profiled",
        "_traced",
    )

    def __enter__(self) -> Aside:
        self._outermost = not thread.telling
        if not self._outermost:
            return self
        thread.telling = True
        self._gradients = torch.is_grad_enabled()
        self._function = _Function()
        self._function.__enter__()
        # Taken off, not passed by: what distributed tensors are made of goes through the same key.
        self._dispatch: list[Any] = []
        while _dispatch_modes():
            self._dispatch.append(_pop_mode())
        self._inference: Any = _Inference(False) if torch.is_inference_mode_enabled() else None
        self._profiled = _profiled()
        if self._profiled:
            _record(False)
        self._traced = "torch._dynamo" in sys.modules
        if self._traced:
            self._callback: Any = eval_frame.set_eval_frame(None)
        _set_gradients(False)
        self._local = local_only() if _several() else None
        if self._local is not None:
            self._local.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if not self._outermost:
            return
        if self._local is not None:
            self._local.__exit__(None, None, None)
        if self._traced:
            eval_frame.set_eval_frame(self._callback)
        if self._profiled:
            _record(True)
        self._inference = None
        while self._dispatch:
            _push_mode(self._dispatch.pop())
        _set_gradients(self._gradients)
        self._function.__exit__(None, None, None)
        thread.telling = False


def unseen() -> bool:
    """Whether a number can be read of which nothing of the program would see, so that nothing has to be put aside."""
    modes = _function_modes() or _dispatch_modes() or _profiled()
    return not (modes or torch.compiler.is_compiling() or _tracing() or _interpreters() is not None)


def watchable() -> bool:
    """Whether tensors hold values that can be read: not under a compiler, a tracer or a functorch transform."""
    return not (torch.compiler.is_compiling() or _tracing() or _interpreters() is not None)
