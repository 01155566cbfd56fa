"""Some members as one: their stacked parameters, and a step of all of them."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from unstuck.errors import ArgumentError
from unstuck.optim.optimizer import ObservedOptimizer
from unstuck.stacked.errors import CannotStackError
from unstuck.stacked.location import Location
from unstuck.stacked.masks import Masks
from unstuck.stacked.together import Together
from unstuck.stacked.update import Update
from unstuck.train.losses import LossFunction
from unstuck.train.penalty import Penalty, add_gradient

__all__ = ["Chunk"]

Tensors = dict[str, Tensor]


class Chunk:
    """Members whose parameters lie stacked, of shape (M, ...).

    Args:
        skeleton: The model that stands for all, without values.
        models: A model for each member, of one structure.
        loss: Of outputs and targets, its mean over the batch.
        optimizers: An optimizer for each.
        penalties: What each member's weights cost beside the loss.
        states: The state of the random generator in which each begins.
    """

    def __init__(
        self,
        skeleton: nn.Module,
        models: Sequence[nn.Module],
        loss: LossFunction,
        optimizers: Sequence[ObservedOptimizer],
        penalties: Sequence[Penalty | None],
        states: Sequence[Tensor],
    ) -> None:
        self._skeleton, self._loss = skeleton, loss
        self._models, self._optimizers, self._penalties = list(models), list(optimizers), list(penalties)
        self._masks = Masks(states, models)
        self._together = Together(self._masks)
        self._parameters = {
            name: torch.stack([dict(model.named_parameters())[name].detach() for model in models]).requires_grad_(
                parameter.requires_grad
            )
            for name, parameter in models[0].named_parameters()
        }
        self._buffers = {
            name: torch.stack([dict(model.named_buffers())[name] for model in models])
            for name, _ in models[0].named_buffers()
        }
        self._updates = {
            group: Update(optimizers, group, [self._parameters[name] for name in names])
            for group, names in _learning(models, optimizers).items()
        }
        self._names = _every_name(models[0])
        self._tried = False

    def __len__(self) -> int:
        """Members."""
        return len(self._models)

    @property
    def models(self) -> list[nn.Module]:
        """The members' models."""
        return list(self._models)

    @property
    def parameters(self) -> Tensors:
        """The stacked parameters by name, with the gradients of the last step."""
        return dict(self._parameters)

    def step(self, inputs: Any, targets: Any, *, own: bool) -> tuple[Tensor, Any]:
        """Forward, backward and step of all members.

        Args:
            inputs: Inputs that all share, or those of each member, (M, N, ...).
            targets: Likewise.
            own: Whether each member has its own.

        Returns:
            The losses, (M,), and the outputs, (M, N, ...).

        Raises:
            CannotStackError: The model's operations cannot be done for all at once.
        """
        for parameter in self._parameters.values():
            parameter.grad = None
        with self._explained() if not self._tried else nullcontext():
            losses, outputs, buffers = self._call(inputs, targets, own=own)
            if losses.ndim != 1:
                raise ArgumentError(
                    f"loss: gave {tuple(losses.shape[1:])} numbers for a batch; one is accepted, the mean: "
                    "reduction='mean'"
                )
            losses.sum().backward()
        self._tried = True
        for name, value in buffers.items():
            if value.data_ptr() != self._buffers[name].data_ptr():
                self._buffers[name] = value.detach().clone()
        self._penalise()
        for update in self._updates.values():
            update.run()
        return losses.detach(), outputs.detach()

    def evaluate(self, inputs: Any, targets: Any, *, own: bool) -> tuple[Tensor, Any]:
        """Losses, (M,), and outputs, (M, N, ...), without gradients."""
        with torch.no_grad():
            losses, outputs, _ = self._call(inputs, targets, own=own)
        return losses, outputs

    def _call(self, inputs: Any, targets: Any, *, own: bool) -> tuple[Tensor, Any, Tensors]:
        dim = 0 if own else None
        called = vmap(self._of_one, in_dims=(0, 0, dim, dim))
        return called(self._parameters, self._buffers, inputs, targets)

    def _of_one(self, parameters: Tensors, buffers: Tensors, inputs: Any, targets: Any) -> tuple[Tensor, Any, Tensors]:
        own = {**parameters, **buffers}
        state = {alias: own[name] for alias, name in self._names.items()}
        with self._together:
            outputs = functional_call(self._skeleton, state, (inputs,))
            loss = self._loss(outputs, targets)
        return loss, outputs, {name: state[name] for name in buffers}

    @contextmanager
    def _explained(self) -> Generator[None]:
        """Turn what the first call does not manage into a reason."""
        location = Location()
        with warnings.catch_warnings(record=True) as caught, location.followed(self._skeleton):
            warnings.simplefilter("always")
            try:
                yield
            except ArgumentError:
                raise
            except Exception as error:
                said = str(error).strip().splitlines() or [type(error).__name__]
                raise CannotStackError(f"{location}, {self._together.operation}: {said[0]}") from error
        for warning in caught:
            if "performance drop" in str(warning.message):
                operation = str(warning.message).partition("batching rule for ")[2].partition(".")[0]
                raise CannotStackError(f"torch can do {operation} only one member after another")
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)

    def _penalise(self) -> None:
        if not any(self._penalties):
            return
        given = [penalty or Penalty() for penalty in self._penalties]
        with torch.no_grad():
            for parameter in self._parameters.values():
                if parameter.ndim < 3 or parameter.grad is None:
                    continue
                shape = (-1, *(1 for _ in parameter.shape[1:]))
                l1, l2 = (
                    parameter.new_tensor([getattr(penalty, name) for penalty in given]).view(shape)
                    for name in ("l1", "l2")
                )
                add_gradient(parameter, parameter.grad, l1=l1, l2=l2)

    def keep(self, positions: Sequence[int]) -> None:
        """Go on with some of the members."""
        chosen = list(positions)
        self._models = [self._models[k] for k in chosen]
        self._optimizers = [self._optimizers[k] for k in chosen]
        self._penalties = [self._penalties[k] for k in chosen]
        self._masks.keep(chosen)
        former = self._parameters
        self._parameters = {
            name: value.detach()[chosen].requires_grad_(value.requires_grad) for name, value in former.items()
        }
        self._buffers = {name: value[chosen] for name, value in self._buffers.items()}
        place = {id(value): name for name, value in former.items()}
        for update in self._updates.values():
            update.keep(chosen, [self._parameters[place[id(old)]] for old in update.parameters])

    def hand_back(self, position: int, *, optimizer: bool) -> None:
        """Write a member's values into its own model, and into its optimizer, which can then go on alone."""
        model = self._models[position]
        with torch.no_grad():
            for tensors, stacked in (
                (model.named_parameters(), self._parameters),
                (model.named_buffers(), self._buffers),
            ):
                for name, tensor in tensors:
                    tensor.copy_(stacked[name][position])
        if optimizer:
            for update in self._updates.values():
                update.hand_back(position)


def _every_name(model: nn.Module) -> dict[str, str]:
    """For each name of a tensor, those of shared ones too, the first name of the same tensor."""
    tensors = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    first: dict[int, str] = {}
    return {name: first.setdefault(id(tensor), name) for name, tensor in tensors}


def _learning(models: Sequence[nn.Module], optimizers: Sequence[ObservedOptimizer]) -> dict[int, list[str]]:
    """Names of the parameters that learn, by parameter group.

    Raises:
        CannotStackError: The groups of members hold different parameters.
    """
    found: list[dict[int, list[str]]] = []
    for model, optimizer in zip(models, optimizers, strict=True):
        names = {id(parameter): name for name, parameter in model.named_parameters() if parameter.requires_grad}
        listed = {k: [p for p in group["params"] if p.requires_grad] for k, group in enumerate(optimizer.param_groups)}
        if any(id(parameter) not in names for group in listed.values() for parameter in group):
            raise CannotStackError("an optimizer has parameters that its model does not have")
        found.append({k: [names[id(parameter)] for parameter in group] for k, group in listed.items() if group})
    for number, other in enumerate(found):
        if other != found[0]:
            raise CannotStackError(f"the optimizers of members 0 and {number} differ in the parameters of their groups")
    return found[0]
