"""All probes of one sampled step, and the one synchronisation that fetches what they measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from unstuck.observe import blind_spots
from unstuck.observe.collectors.activations import ACTIVATION_FUNCTIONS, PASSIVE, Activations, nonlinearity_of
from unstuck.observe.collectors.association import AssociationProbe
from unstuck.observe.collectors.batch_dependence import moments_axis
from unstuck.observe.collectors.broadcasts import broadcast_of
from unstuck.observe.collectors.detachments import Detachments
from unstuck.observe.collectors.handwritten_losses import HandWritten, LossCall
from unstuck.observe.collectors.infinite_slopes import Edges
from unstuck.observe.collectors.inputs import InputProbe, any_tensor, first_tensor, numbers_of
from unstuck.observe.collectors.layout import Reshapes, normalisation_of, recurrence_of
from unstuck.observe.collectors.losses import LOSS_FUNCTIONS, LossProbes, loss_arguments
from unstuck.observe.collectors.parameters import ParameterProbe
from unstuck.observe.collectors.sampled_values import Draws
from unstuck.observe.collectors.softmaxes import softmax_of
from unstuck.observe.tensors.distributed import is_distributed, is_readable, whole_here
from unstuck.observe.tensors.unit_symmetry import unit_spread
from unstuck.observe.torch_hooks.forward import current_module
from unstuck.observe.user_code.model_roots import Roots
from unstuck.record import facts, signals
from unstuck.record.signals import Index, Signal

__all__ = ["StepProbe"]

MOST_FILTERS = 64
"""Units of the first layer whose weights are kept as images."""

MOST_FILTER_VALUES = 65_536

PRODUCTS: frozenset[Any] = frozenset(
    {torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.mm, Tensor.mm, torch.addmm, functional.linear}
)

MOST_INPUTS = 8
"""Batches of one step whose inputs are looked at: a rollout begins every time in the same state."""


class StepProbe:
    """See a forward pass, and measure the update that follows it.

    Args:
        roots: The modules that the optimizer trains.
        adopting: Whether modules that turn out to hold parameters of the optimizer are taken in as roots.
    """

    def __init__(self, roots: Roots, *, adopting: bool) -> None:
        self.spent = 0.0
        self.parameters = ParameterProbe([], held=roots.held)
        self.loss = LossProbes()
        self.noticed: list[facts.Fact] = []
        self.ran: dict[str, bool] = {}
        self._roots = roots
        self._adopting = adopting
        self._activations = Activations()
        self._inputs = InputProbe()
        self._association = AssociationProbe()
        self._handwritten = HandWritten()
        self._detachments = Detachments()
        self._draws = Draws()
        self.edges = Edges()
        self._reshapes = Reshapes()
        self._calls: dict[str, int] = {}
        self._input: Tensor | None = None
        self._entry: nn.Module | None = None
        self._entered = 0
        self._first: Tensor | None = None
        self._output: Tensor | None = None
        self._moments: int | None = None
        self._skipping = False
        self._training_mode: bool | None = None
        self._step = 0
        self._compared = 0
        self._known: set[object] = set()
        self.error: Exception | None = None

    def failed(self, error: Exception) -> None:
        """Keep the error for the observer."""
        self.error = error

    @property
    def layers(self) -> list[str]:
        """Names of the layers seen so far, in the order of their numbers in the run."""
        return self._activations.layers

    @property
    def complete(self) -> bool:
        """Whether the forward pass of this step has been seen."""
        return self._input is not None

    @property
    def ends(self) -> tuple[Tensor, Tensor, int | None] | None:
        """First activation and output of the latest forward pass, both of its graph, and the axis of its moments."""
        if self._first is None or self._output is None:
            return None
        return self._first, self._output, self._moments

    def begin(self, step: int) -> None:
        """Begin a sampled step."""
        self._step = step
        self._activations.begin()
        self._calls.clear()
        self.ran = {}
        self._input = self._entry = self._first = self._output = self._moments = None
        self._entered = 0
        self._handwritten.forget()
        self._reshapes.forget()
        self.edges.forget()

    def module_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, outermost: bool) -> None:
        """Take the batch that enters the model, unless this is an evaluation."""
        if outermost and self._adopting:
            self._roots.adopt(module)
        if module not in self._roots:
            return
        if outermost or self._roots.is_root(module):
            self._skipping = not torch.is_grad_enabled() or (self._training_mode is True and not module.training)
        if not self._skipping:
            self._notice(recurrence_of(module, inputs, self._roots.path(module) or ""))
        if self._skipping:
            return
        self._notice_parts(any_tensor(inputs))
        self._detachments.reach(module, inputs, self._roots.path(module) or "")
        if next(module.parameters(recurse=False), None) is not None:
            self._reach(inputs)
            self._draws.reach(inputs, self._roots.path(module) or "")
            self.ran.setdefault(self._roots.path(module) or "", torch.is_grad_enabled())
        if self._input is not None and (module is not self._entry or self._entered >= MOST_INPUTS):
            return
        batch = first_tensor(inputs)
        if batch is not None:
            self._entered += 1
            numbers = numbers_of(inputs)
            self._inputs.observe(batch if numbers is None else numbers)
            if self._input is None:
                self._input, self._entry = batch.detach(), module

    def _reach(self, inputs: tuple[Any, ...]) -> None:
        """Take what reaches the first layer with weights, if it is the batch, whatever was done to it."""
        batch = first_tensor(inputs) if not self.ran else None
        if batch is not None and (self._input is None or batch.numel() == self._input.numel()):
            self._inputs.reach(batch)

    def module_ended(self, module: nn.Module, output: Any) -> None:
        """Take the statistics of a layer's output."""
        if self._skipping or not torch.is_grad_enabled() or module not in self._roots:
            return
        tensor = any_tensor(output)
        if tensor is None:
            return
        self._notice_parts(tensor)
        layer = self._roots.leaf(module)
        if layer is not None:
            if not isinstance(module, PASSIVE):
                self._activations.observe(layer, tensor, nonlinearity_of(module))
            if self._first is None and tensor.requires_grad:
                self._first = tensor
        if self._roots.is_root(module):
            self._output = tensor

    def function_called(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> None:
        """Take a functional activation, a call of the loss, or what is worth a note."""
        self._draws.see(function, args, output)
        if not torch.is_grad_enabled() or not isinstance(output, Tensor) or self._skipping:
            return
        self._detachments.see(function, args, output)
        self.edges.see(function, args, output)
        if function in LOSS_FUNCTIONS:
            if output.requires_grad:
                self._notice_parts(*args, *kwargs.values())
                self.loss.observe(LOSS_FUNCTIONS[function], args, kwargs, output)
                self._take_loss(loss_arguments(args, kwargs))
            return
        module = current_module()
        if self._input is None and module is None and function in PRODUCTS:
            self._enter_by_hand([value for value in args if isinstance(value, Tensor)])
        if module is None or module not in self._roots:
            rows = len(self._input) if self._input is not None and self._input.dim() else None
            self._take_written(self._handwritten.see(function, args, output, rows=rows))
        where = "" if module is None else self._roots.path(module) or ""
        self._notice(softmax_of(function, args, kwargs, where, self._output))
        self._notice(self._reshapes.see(function, args, output, where))
        self._notice(normalisation_of(function, args, kwargs, where))
        if module is None:
            self._notice(broadcast_of(function, args, output, self._step))
        elif function in ACTIVATION_FUNCTIONS and module in self._roots:
            if type(module).__module__.startswith("torch.nn"):
                return
            name, nonlinearity = ACTIVATION_FUNCTIONS[function]
            path = f"{where}.{name}".lstrip(".")
            number = self._calls[path] = self._calls.get(path, 0) + 1
            self._activations.observe(path if number == 1 else f"{path}_{number}", output, nonlinearity)

    def _enter_by_hand(self, factors: list[Tensor]) -> None:
        """Take the batch of a program without modules: what its first weight multiplies."""
        weights = [factor for factor in factors if factor.is_leaf and id(factor) in self._roots.held]
        data = [factor for factor in factors if not factor.requires_grad and factor.dim() > 1 and is_readable(factor)]
        if weights and data:
            self._inputs.observe(data[0])
            self._input = data[0].detach()

    def _take_loss(self, pair: tuple[Tensor, Tensor] | None) -> None:
        if pair is not None:
            # What a weight multiplies may be a part of an example, such as one step of a sequence.
            self._association.take(self._input if self._entry is not None else None, pair[1])
            if self._moments is None and self._input is not None:
                self._moments = moments_axis(self._input, pair[1])
        self._training_mode = next((root.training for root in self._roots), None)

    def _take_written(self, call: LossCall | None) -> None:
        """Take a loss that the user has written out."""
        if call is not None and call.output.requires_grad:
            pair = (call.output, call.target)
            self.loss.observe(call.function, pair, call.arguments, call.value, place=call.place)
            self._take_loss(pair)

    def function_failed(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A loss refused its arguments: take what they were before the script ends."""
        if function in LOSS_FUNCTIONS:
            self.loss.observe(LOSS_FUNCTIONS[function], args, kwargs)

    def before_update(self, optimizer: Optimizer) -> None:
        """Copy the weights before the optimizer changes them."""
        self.parameters.before(optimizer)

    @torch.no_grad()
    def after_update(self, step: int, optimizer: Optimizer) -> dict[Signal, Any]:
        """Measure the update and fetch everything.

        Args:
            step: Number of this step.
            optimizer: The optimizer that has stepped.

        Returns:
            One sample for each signal that could be measured.
        """
        self.edges.forget()  # what a later step gives is not of these calls
        self._first = self._output = None
        self._take_written(self._handwritten.forget())
        for fact in (*self._draws.finish(), *self._detachments.finish()):
            self._notice(fact)
        rows = self.parameters.after(optimizer)
        layers = self._activations.finish()
        scalars: dict[Signal, Tensor] = {**self.loss.batch(), **self._inputs.batch()}
        cosine = self.parameters.gradient_cosine(step)
        if cosine is not None:
            scalars[signals.GRADIENT_COSINE] = cosine
        spread = unit_spread(self.parameters.parameters) if step <= 1 or step >= 2 * self._compared else None
        if spread is not None:
            self._compared = step
            scalars[signals.UNIT_SPREAD] = spread
        carried = self.parameters.carried_share()
        if carried is not None:
            scalars[signals.GRADIENT_CARRIED] = carried
        numbers = iter(_fetch([*rows, *layers, *scalars.values()]))
        sample: dict[Signal, Any] = dict(self.parameters.decode([next(numbers) for _ in rows]))
        if layers:
            sample.update(self._activations.decode([next(numbers) for _ in layers]))
        for signal in scalars:
            fetched = next(numbers)
            sample[signal] = fetched if signal.index is Index.PARAMETER else fetched[0]
        if self._input is not None and self._input.dim():
            sample[signals.BATCH_SIZE] = float(len(self._input))
        return sample

    def facts(self) -> Iterator[facts.Fact]:
        """What the sampled steps so far have shown of inputs and loss."""
        inputs = self._inputs.fact()
        if inputs is not None:
            yield inputs
        yield from self.loss.facts()

    def association(self) -> facts.Association | None:
        """Whether targets have to do with their inputs; it takes tens of milliseconds."""
        return self._association.fact()

    def filters(self) -> Any:
        """Weights of the first layer, of shape (units, ...), for a picture; None where there is no such layer."""
        for module in self._roots.leaves():
            weight = getattr(module, "weight", None)
            weight = whole_here(weight) if isinstance(weight, Tensor) else None
            if weight is not None and isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
                kept = weight[:MOST_FILTERS]
                if not kept.numel():
                    return None
                return kept[: max(1, MOST_FILTER_VALUES // kept[0].numel())].float().cpu().numpy()
        return None

    def _notice_parts(self, *values: Any) -> None:
        """Say it where what the model computes is spread over several processes."""
        if any(isinstance(value, Tensor) and is_distributed(value) for value in values):
            self._notice(facts.Event(step=self._step, what=blind_spots.PARTS, blinds=True))

    def _notice(self, fact: facts.Fact | None) -> None:
        """Keep a fact once for each place of the user's code."""
        if fact is None:
            return
        key = (fact.kind, *(getattr(fact, name, None) for name in ("where", "file", "line")))
        if key not in self._known:
            self._known.add(key)
            self.noticed.append(fact)


def _fetch(tensors: Sequence[Tensor]) -> list[list[float]]:
    """The numbers of all tensors, with one synchronisation for each device that they are on."""
    flat = [tensor.reshape(-1).double() for tensor in tensors]
    numbers: list[list[float]] = [[] for _ in flat]
    for device in {tensor.device for tensor in flat}:
        positions = [i for i, tensor in enumerate(flat) if tensor.device == device]
        values: list[float] = torch.cat([flat[i] for i in positions]).tolist()
        start = 0
        for i in positions:
            numbers[i] = values[start : start + flat[i].numel()]
            start += flat[i].numel()
    return numbers
