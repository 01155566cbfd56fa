"""Which way a loss moves the actions of a policy, by the weights that their log-probabilities get; and its entropy."""

from __future__ import annotations

import linecache
import math
import os
import re
import sys
import weakref
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from keyword import iskeyword
from typing import Any, Literal

import torch
from torch import Tensor

from unstuck.observe.autograd.axes import result_shape
from unstuck.observe.autograd.belonging import leads
from unstuck.observe.autograd.direction import directions
from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.autograd.log_probability import log_probability, ratio, scores
from unstuck.observe.autograd.reach import reach
from unstuck.observe.collectors.actor_losses import called_costs
from unstuck.observe.collectors.drawn_actions import DrawnActions
from unstuck.observe.collectors.ignored_ends import ignored_ends
from unstuck.observe.collectors.returns_order import growth
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place, user_scopes, user_variable_names
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["PolicyTerms"]

PRODUCTS: frozenset[Any] = frozenset({torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__})

NEGATIONS: frozenset[Any] = frozenset({torch.neg, Tensor.neg, Tensor.__neg__, torch.negative, Tensor.negative})

LOGARITHMS: frozenset[Any] = frozenset({torch.log, Tensor.log})

MOST_FRAMES = 8
"""Calls between a function and that which asked for an entropy."""

MOST_PRODUCTS = 64
"""Products of a step that are looked at: a loop over an episode makes one for each of its actions."""

MOST_FOLLOWED = 3
"""Steps in which it is seen what becomes of the actions that are drawn."""

MOST_LOOKS = 12
"""Losses at which it is looked whether returns are summed up past the ends of episodes."""

MOST_NEGATED = 8
"""Tensors of a step that were negated which are kept until they weigh something, the latest."""

MOST_WORDS = 24
WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")

NORMAL = os.path.join("torch", "distributions", "normal.py")

CLOSE = 1e-3
"""How far probabilities may be from those that their logarithms give."""


@dataclass(frozen=True)
class _Product:
    node: Any
    sign: int
    weights: tuple[float, float]
    gradient: bool
    names: tuple[str, ...]
    costs: bool
    choices: int | None
    reach: facts.OutputReach | None
    draws: frozenset[Hashable]
    weighted_by: Any
    ratio: Literal["", "itself", "logarithms"]
    file: str | None
    line: int | None


@dataclass(frozen=True)
class _Entropy:
    node: Any
    sign: int
    value: float
    most: float | None
    file: str | None
    line: int | None


class PolicyTerms:
    """Keep products of log-probabilities with weights, and look by which sign they enter the loss.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = PRODUCTS | LOGARITHMS | NEGATIONS

    def __init__(self, view: View) -> None:
        self._view = view
        self._products: list[_Product] = []
        self._entropies: list[_Entropy] = []
        self._step, self._left = -1, MOST_PRODUCTS
        self._negated: list[tuple[weakref.ref[Tensor], Tensor]] = []
        self._new: dict[tuple[Any, ...], facts.Fact] = {}
        self._actions, self._steps_followed, self._ends_looked = DrawnActions(), 0, 0

    def forward(self, phase: Literal["training", "evaluation"]) -> None:
        """In an evaluation nothing is followed."""
        if phase == "evaluation":
            self._actions.forget()

    def followed(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """A function was called, in a step in which actions are followed."""
        self._actions.followed(function, args, kwargs, output)

    def given(self, inputs: tuple[Any, ...]) -> None:
        """What enters modules is of no interest."""

    def returned(self, output: Any) -> None:
        """Nor what they return."""

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Two factors, outside of all modules, or the logarithm of a deviation."""
        view = self._view
        if self._step != view.step:
            self._step, self._left = view.step, MOST_PRODUCTS
            self._products, self._entropies, self._negated = [], [], []
        if function in NEGATIONS:
            self._negate(args[0], output)
            return
        if view.module is not None or self._left <= 0 or not isinstance(output, Tensor):
            return
        if output.grad_fn is None or output.dim() > 2 or not is_readable(output):
            return
        if function in LOGARITHMS:
            self._of_normal(output)
            return
        if len(args) < 2:
            return
        self._left -= 1
        one, other = args[0], args[1]
        if not self._entropy(one, other, output):
            for values, weights in ((one, other), (other, one)):
                if self._weighted(values, weights, output):
                    return

    def _negate(self, values: Any, output: Any) -> None:
        """Keep what was negated, if it may be weights."""
        if isinstance(values, Tensor) and not values.requires_grad and isinstance(output, Tensor) and self._left > 0:
            self._negated = [*self._negated[1 - MOST_NEGATED :], (weakref.ref(output), values)]

    def _weighted(self, values: Any, weights: Any, output: Tensor) -> bool:
        """Whether one of the factors is a log-probability for each weight."""
        negated = next((source for negative, source in self._negated if negative() is weights), None)
        if negated is not None:
            weights = negated
        if not isinstance(values, Tensor) or not values.requires_grad or _numbers(weights) != values.numel():
            return False
        sign = log_probability(values) * (1 if negated is None else -1)
        if not sign:
            return False
        place = user_place(3)
        names = [pair for pair in user_variable_names() if isinstance(pair[1], Tensor | float | list)]
        given = weights.detach() if isinstance(weights, Tensor) else torch.tensor(float(weights))
        gradient = isinstance(weights, Tensor) and weights.requires_grad
        scored = scores(values)
        self._products.append(
            _Product(
                node=output.grad_fn,
                sign=sign,
                weights=(float(given.min()), float(given.max())),
                gradient=gradient and leads(weights, self._view.roots.held).nearest is not None,
                names=_words(*place, [name for name, value in names if value is weights]),
                costs=called_costs(name for name, _ in names),
                choices=None if scored is None else (result_shape(scored) or (0,))[-1] or None,
                reach=reach(scored),
                draws=self._actions.of(values),
                weighted_by=weights,
                ratio=ratio(values),
                file=place[0],
                line=place[1],
            )
        )
        return True

    def _entropy(self, one: Any, other: Any, output: Tensor) -> bool:
        """Whether the factors are probabilities and their logarithms."""
        if not (isinstance(one, Tensor) and isinstance(other, Tensor) and one.requires_grad and other.requires_grad):
            return False
        if one.shape != other.shape or one.dim() != 2 or one.shape[1] < 2:
            return False
        shares, logarithms = (one, other) if bool((one.detach() >= 0.0).all()) else (other, one)
        known = logarithms.detach().exp()
        if not bool((shares.detach() >= 0.0).all()) or bool(((known - shares.detach()).abs() > CLOSE).any()):
            return False
        place = user_place(3)
        value = -float(output.detach().sum(dim=1).mean())
        self._entropies.append(_Entropy(output.grad_fn, -1, value, math.log(one.shape[1]), *place))
        return True

    def _of_normal(self, logarithm: Tensor) -> None:
        """The entropy of normal distributions, but for a constant the logarithm of their deviation."""
        frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
        for _ in range(MOST_FRAMES):
            if frame is None or frame.f_code.co_filename.endswith(NORMAL):
                break
            frame = frame.f_back
        if frame is None or frame.f_code.co_name != "entropy":
            return
        each = logarithm.detach() + 0.5 * math.log(2.0 * math.pi * math.e)
        value = float(each.sum(dim=-1).mean()) if each.dim() > 1 else float(each.mean())
        self._entropies.append(_Entropy(logarithm.grad_fn, 1, value, None, *user_place(3)))

    def backward(self, graph: GraphWalk) -> None:
        """Look by which sign they enter the loss that is differentiated."""
        known: Sequence[_Product | _Entropy] = (*self._products, *self._entropies)
        if not known or graph.root.grad_fn is None:
            return
        signs = directions(graph.root.grad_fn, {each.node for each in known})
        taken = [product for product in self._products if product.node in signs]
        weights: dict[tuple[str | None, int | None], list[Any]] = {}
        for product in taken:
            weights.setdefault((product.file, product.line), []).append(product.weighted_by)
        grown = {place: self._grown(values) for place, values in weights.items()}
        for product in taken:
            self._take(product, signs[product.node], grown[product.file, product.line])
        if taken and self._ends_looked < MOST_LOOKS:
            self._ends_looked += 1
            found = ignored_ends(user_scopes())
            if found is not None:
                self._view.notice(replace(found, file=taken[0].file, line=taken[0].line))
        if taken and self._steps_followed < MOST_FOLLOWED and self not in self._view.due:
            self._steps_followed += 1
            self._view.due.append(self)
        for entropy in self._entropies:
            if entropy.node in signs:
                self._new[("entropy", self._view.step, entropy.file, entropy.line)] = facts.PolicyEntropy(
                    step=self._view.step,
                    entropy=entropy.value,
                    most=entropy.most,
                    raised=signs[entropy.node] * entropy.sign < 0,
                    file=entropy.file,
                    line=entropy.line,
                )
        self._forget()

    def _grown(self, weights: Sequence[Any]) -> float | None:
        """By what weights grow, or the targets of values that were taken off them."""
        count = sum(weight.numel() if isinstance(weight, Tensor) else 1 for weight in weights)
        beside = (target for target in self._view.targets if target.numel() == count and _are_data(target))
        found = (growth(values) for values in (weights, *([target] for target in beside)))
        return next((factor for factor in found if factor is not None), None)

    def _take(self, product: _Product, sign: int, grown: float | None) -> None:
        key = ("term", self._view.step, product.file, product.line)
        known, (low, high) = self._new.get(key), product.weights
        if isinstance(known, facts.PolicyTerm):
            low, high = min(low, known.lowest), max(high, known.highest)
        self._new[key] = facts.PolicyTerm(
            step=self._view.step,
            raised=sign * product.sign < 0,
            lowest=low,
            highest=high,
            names=product.names,
            costs=product.costs,
            gradient=product.gradient,
            choices=product.choices,
            reach=product.reach,
            unseen=self._actions.seen_by_nobody(product.draws, product.weighted_by),
            ratio=product.ratio,
            growth=grown,
            file=product.file,
            line=product.line,
        )

    def facts(self) -> Iterator[facts.Fact]:
        """What is new."""
        new, self._new = self._new, {}
        yield from new.values()

    def release(self) -> None:
        """Let go of the graph."""
        self._forget()

    def _forget(self) -> None:
        self._products, self._entropies, self._negated = [], [], []
        self._actions.forget()


def _are_data(target: Tensor) -> bool:
    return target.is_floating_point() and not target.requires_grad and is_readable(target)


def _numbers(value: object) -> int:
    if isinstance(value, Tensor):
        return value.numel() if value.is_floating_point() and is_readable(value) else -1
    return 1 if isinstance(value, float) else -1


def _words(file: str | None, line: int | None, names: list[str]) -> tuple[str, ...]:
    """The words of a line of the user's, and what he calls the weights."""
    text = linecache.getline(file, line) if file and line else ""
    return tuple(dict.fromkeys([*names, *(word for word in WORD.findall(text) if not iskeyword(word))]))[:MOST_WORDS]
