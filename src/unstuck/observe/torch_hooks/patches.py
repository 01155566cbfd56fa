"""All that is patched while somebody watches: one table, put in place by the first listener, taken back by the last.

PyTorch has documented hooks for modules and for optimizers' steps. For all else that a diagnosis has to see there is
none, so these functions are patched. A patch hands the arguments of a call on as they came: it reads none of them
before PyTorch has, evaluates nothing twice, and gives back what the function gave.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.utils import checkpoint
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter  # pyright: ignore[reportPrivateUsage]

from unstuck.observe.torch_hooks import (
    aside,
    backward,
    checkpoints,
    compilation,
    drawn_batches,
    evaluation_switches,
    events,
    forward,
    loss_scaling,
    quiet_steps,
    state_loading,
    updates,
    warning_locations,
)
from unstuck.observe.torch_hooks.anomaly_mode import around_anomaly_mode
from unstuck.observe.torch_hooks.events import Listener

__all__ = ["PATCHES", "Patch", "listen", "unlisten"]


class Patch(NamedTuple):
    """One attribute that is replaced.

    Attributes:
        owner: Whose attribute it is.
        attribute: Its name.
        around: Makes the replacement from the original.
        compiled: Whether it stays when the program begins to compile: a compiler would trace some of them.
    """

    owner: Any
    attribute: str
    around: Callable[[Callable[..., Any]], Callable[..., Any]]
    compiled: bool = True


PATCHES = (
    Patch(torch.autograd, "_engine_run_backward", backward.around_engine),
    Patch(Optimizer, "__init__", updates.around_construction),
    Patch(GradScaler, "scale", backward.around_scale),
    Patch(GradScaler, "_maybe_opt_step", loss_scaling.around_update),
    Patch(checkpoint, "check_backward_validity", checkpoints.around_validity),
    Patch(LRScheduler, "step", updates.around_schedule),
    Patch(ReduceLROnPlateau, "step", updates.around_schedule),  # does not call the one above
    Patch(DataLoader, "__iter__", updates.around_iteration),
    Patch(_BaseDataLoaderIter, "_next_index", drawn_batches.around_draw),
    Patch(_BaseDataLoaderIter, "__next__", drawn_batches.around_batch),
    Patch(nn.Module, "load_state_dict", state_loading.around_loading),
    Patch(nn.Module, "train", evaluation_switches.around_mode, compiled=False),
    Patch(torch.inference_mode, "__enter__", evaluation_switches.around_turn, compiled=False),
    Patch(torch.set_grad_enabled, "__init__", evaluation_switches.around_gradients, compiled=False),
    Patch(torch.autograd.detect_anomaly, "__enter__", around_anomaly_mode),
    Patch(torch.autograd.set_detect_anomaly, "__init__", around_anomaly_mode),
    Patch(torch.jit, "trace", around_anomaly_mode),
    Patch(torch.jit, "trace_module", around_anomaly_mode),
    Patch(torch, "compile", compilation.around_compile),
    Patch(warnings, "warn", warning_locations.around_warn),
    Patch(warnings, "showwarning", warning_locations.around_showwarning),
)

MODULES = (
    *(aside, backward, checkpoints, compilation, drawn_batches, evaluation_switches, events, forward),
    *(loss_scaling, quiet_steps, state_loading, updates, warning_locations),
)
"""Modules whose functions run between those of a program, or around them."""

_lock = threading.RLock()
_undo: list[tuple[Patch | None, Callable[[], None]]] = []


def listen(listener: Listener) -> None:
    """Let a listener hear from now on."""
    with _lock:
        if not _undo:
            _install()
        events.add(listener)


def unlisten(listener: Listener) -> None:
    """End what :func:`listen` began; a listener that does not listen is allowed."""
    with _lock:
        events.remove(listener)
        if events.empty():
            _uninstall()


def _install() -> None:
    compilation.skip(*(module.__name__ for module in MODULES))
    for patch in PATCHES:
        _undo.append((patch, _put(patch)))
    _undo.append((None, updates.register_steps()))
    compilation.expect(_uncompiled)
    _undo.append((None, compilation.forget))


def _put(patch: Patch) -> Callable[[], None]:
    original = getattr(patch.owner, patch.attribute)
    replacement = patch.around(original)
    setattr(patch.owner, patch.attribute, replacement)

    def restore() -> None:
        # Whoever has patched it after us keeps their patch; ours hands on and does nothing once nobody listens.
        if patch.owner.__dict__.get(patch.attribute) is replacement:
            setattr(patch.owner, patch.attribute, original)

    return restore


def _uncompiled() -> None:
    """The program begins to compile: take away what a compiler would trace."""
    forward.go_blind()
    for patch, undo in tuple(_undo):
        if patch is not None and not patch.compiled:
            undo()
            _undo.remove((patch, undo))


def _uninstall() -> None:
    while _undo:
        _undo.pop()[1]()


def _forget() -> None:
    """In a forked process."""
    events.forget()
    _uninstall()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
