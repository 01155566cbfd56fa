"""Routers: how a choice among experts falls on each of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unstuck.observe.collectors.attention import SOFTMAXES, over_last_axis, pairs_activations
from unstuck.observe.collectors.view import Measurement, View
from unstuck.observe.tensors.readable import whole_here
from unstuck.observe.torch_hooks.forward import running_modules
from unstuck.observe.user_code import module_tree
from unstuck.record import facts, signals
from unstuck.record.signals import Index, Signal

__all__ = ["ExpertLoads", "holds_experts"]

MOST_EXPERTS = 1024

MOST_ROUTERS = 256

STACKED = 3
"""Axes of a weight that holds a matrix for each expert."""

CHOICES: Mapping[Any, str] = {
    torch.topk: "indices",
    Tensor.topk: "indices",
    torch.max: "indices",
    Tensor.max: "indices",
    torch.argmax: "",
    Tensor.argmax: "",
}
"""Where what a function returns has the experts that were chosen."""


@dataclass
class _Router:
    """What one router did with the tokens of a step."""

    experts: int
    chosen: int
    tokens: int
    loads: Tensor


class ExpertLoads:
    r"""Measure the share of tokens that each expert is given.

    A router is a choice over the last axis, by ``topk``, ``max`` or ``argmax``, or a softmax, among as many as the
    module that runs, or the one around it, holds experts: modules of one class in a list, none of which has run yet in
    this step, or weights that are stacked.

    Args:
        view: What is known of the step.

    Attributes:
        names: Every expert ever seen, ``"blocks.0.moe#3"``, in the order of its first appearance.
    """

    measures = (signals.EXPERT_LOAD,)
    functions = frozenset(CHOICES) | SOFTMAXES

    def __init__(self, view: View) -> None:
        self.names: list[str] = []
        self._view = view
        self._positions: dict[str, int] = {}
        self._routers: dict[str, _Router] = {}
        self._chosen: set[str] = set()
        self._known: dict[str, tuple[int, int]] = {}
        self._stated: set[str] = set()

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Take a choice among experts."""
        scores = args[0] if args else kwargs.get("input")
        if not isinstance(scores, Tensor) or scores.dim() < 2 or not 1 < scores.shape[-1] <= MOST_EXPERTS:
            return
        holder = self._holder(scores.shape[-1])
        if holder is None:
            return
        if self._view.owe(self, self.measure):
            self._routers.clear()
            self._chosen.clear()
        if holder in self._chosen or len(self._routers) >= MOST_ROUTERS:
            return
        if function in SOFTMAXES:
            if over_last_axis(scores, args, kwargs) and not pairs_activations(scores):
                self._take(holder, scores.shape[-1], 0, whole_here(output))
        elif _last_axis(function, args, kwargs, scores):
            name = CHOICES[function]
            self._take(holder, scores.shape[-1], 1, whole_here(getattr(output, name) if name else output))
            if holder in self._routers:
                self._chosen.add(holder)

    def _take(self, holder: str, experts: int, each: int, values: Tensor | None) -> None:
        if values is None or not values.numel():
            return
        if each:
            chosen = values.reshape(-1)
            loads = torch.zeros(experts, device=values.device).scatter_add_(
                0, chosen, torch.ones_like(chosen, dtype=torch.float32)
            )
            each = max(1, values.shape[-1]) if values.dim() > 1 else 1
            loads = loads / chosen.numel()
        else:
            loads = values.reshape(-1, experts).float().mean(dim=0)
        tokens = values.numel() // (each or experts)
        self._routers[holder] = _Router(experts=experts, chosen=each, tokens=tokens, loads=loads)

    def _holder(self, choices: int) -> str | None:
        """The innermost module around the call, or the one around that, which holds so many experts."""
        for module in reversed(running_modules()[-2:]):
            where = self._view.roots.path(module)
            if where is not None and holds_experts(module, choices, self._ran):
                return where
        return None

    def _ran(self, module: nn.Module) -> bool:
        path = self._view.roots.path(module)
        within = f"{path}."
        return path in self._view.ran or any(name.startswith(within) for name in self._view.ran)

    def measure(self, optimizer: object) -> Measurement | None:
        """The loads of all experts."""
        del optimizer
        routers, self._routers = self._routers, {}
        names = [f"{where}#{expert}" for where, router in routers.items() for expert in range(router.experts)]
        for name in names:
            if name not in self._positions:
                self._positions[name] = len(self.names)
                self.names.append(name)
                self._view.appeared.setdefault(Index.EXPERT, []).append(name)
        self._known.update((where, (router.chosen, router.tokens)) for where, router in routers.items())

        def decode(numbers: list[list[float]]) -> dict[Signal, Any]:
            loads = [math.nan] * len(self.names)
            for name, load in zip(names, (load for values in numbers for load in values), strict=True):
                loads[self._positions[name]] = load
            return {signals.EXPERT_LOAD: loads}

        return Measurement([router.loads for router in routers.values()], decode) if routers else None

    def facts(self) -> Iterator[facts.Router]:
        """Those that are new."""
        for where, (chosen, tokens) in self._known.items():
            if where not in self._stated:
                self._stated.add(where)
                experts = sum(name.rpartition("#")[0] == where for name in self.names)
                yield facts.Router(where=where, experts=experts, chosen=chosen, tokens=tokens)


def holds_experts(module: nn.Module, count: int, ran: Any = lambda module: False) -> bool:
    """Whether a module holds so many experts: in a list, alike, and waiting for their tokens; or in stacked weights.

    Args:
        module: The module that chooses.
        count: The number of choices.
        ran: Whether a module has run in this step: blocks that follow each other have, when a class is chosen.

    Examples:
        >>> layer = nn.Module()
        >>> layer.experts = nn.ModuleList(nn.Linear(3, 3) for _ in range(4))
        >>> holds_experts(layer, 4), holds_experts(layer, 3), holds_experts(layer, 4, lambda module: True)
        (True, False, False)
    """
    below = [part for part in module_tree.held_by(module)[1] if isinstance(part, nn.Module)]
    for part in below:
        members = [one for one in module_tree.held_by(part)[1] if isinstance(one, nn.Module)]
        if len(members) == count and len({type(one) for one in members}) == 1:
            shapes = {tuple(p.shape for p in module_tree.parameters(one)) for one in members}
            if len(shapes) == 1 and () not in shapes and not any(map(ran, members)):
                return True
    return any(
        parameter.dim() >= STACKED and parameter.shape[0] == count
        for holder in (module, *below)
        if not type(holder).__module__.startswith("torch.nn")
        for _, parameter in module_tree.own_parameters(holder)
    )


def _last_axis(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], scores: Tensor) -> bool:
    """Whether a choice is along the last axis."""
    topk = function in (torch.topk, Tensor.topk)
    axis = kwargs.get("dim", args[1 + topk] if len(args) > 1 + topk else (-1 if topk else None))
    return isinstance(axis, int) and axis % scores.dim() == scores.dim() - 1
