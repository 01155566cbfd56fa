"""All probes of one sampled step, and the one synchronisation that fetches what they measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unstuck.observe.activations import ACTIVATION_FUNCTIONS, Activations, nonlinearity_of
from unstuck.observe.forward import current_module
from unstuck.observe.inputs import InputProbe, first_tensor
from unstuck.observe.loss import LOSS_FUNCTIONS, LossProbe
from unstuck.observe.parameters import ParameterProbe
from unstuck.observe.structure import leaf_paths
from unstuck.record import facts, signals
from unstuck.record.signals import Signal

__all__ = ["StepProbe"]

MOST_FILTERS = 64
"""Units of the first layer whose weights are kept as images."""

MOST_FILTER_VALUES = 65_536


class StepProbe:
    """See a forward pass, and measure the update that follows it.

    Args:
        model: The model.
        parameters: Its parameter tensors, in the order of their names in the run.
    """

    def __init__(self, model: nn.Module, parameters: Sequence[Tensor]) -> None:
        self.parameters = ParameterProbe(parameters)
        self._model = model
        self._paths = {module: path for path, module in model.named_modules()}
        self._leaves = leaf_paths(model)
        self._activations = Activations()
        self._inputs = InputProbe()
        self._loss = LossProbe()
        self._calls: dict[str, int] = {}
        self._input_taken = False
        self._skipping = False
        self._training_mode: bool | None = None

    @property
    def layers(self) -> list[str]:
        """Names of the layers seen so far, in the order of their numbers in the run."""
        return self._activations.layers

    @property
    def complete(self) -> bool:
        """Whether the forward pass of this step has been seen."""
        return self._input_taken

    def begin(self) -> None:
        """Begin a sampled step."""
        self._activations.begin()
        self._calls.clear()
        self._input_taken = False

    def module_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, outermost: bool) -> None:
        """Take the batch that enters the model, unless this is an evaluation."""
        if module not in self._paths:
            return
        if outermost or module is self._model:
            self._skipping = not torch.is_grad_enabled() or self._is_evaluation()
        if self._input_taken or self._skipping:
            return
        batch = first_tensor(inputs)
        if batch is not None:
            self._input_taken = True
            self._inputs.observe(batch)

    def module_ended(self, module: nn.Module, output: Any) -> None:
        """Take the statistics of a layer's output."""
        path = self._leaves.get(module)
        if path is None or self._skipping or not torch.is_grad_enabled():
            return
        tensor = first_tensor(output)
        if tensor is not None:
            self._activations.observe(path, tensor, nonlinearity_of(module))

    def function_called(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> None:
        """Take a functional activation, or a call of the loss."""
        if not torch.is_grad_enabled():
            return
        loss = LOSS_FUNCTIONS.get(function)
        if loss is not None:
            if isinstance(output, Tensor) and output.requires_grad:
                self._loss.observe(loss, args, kwargs)
                self._training_mode = self._model.training
            return
        activation = ACTIVATION_FUNCTIONS.get(function)
        if activation is None or not isinstance(output, Tensor) or self._skipping:
            return
        module = current_module()
        if module is None or module not in self._paths or type(module).__module__.startswith("torch.nn"):
            return
        name, nonlinearity = activation
        path = f"{self._paths[module]}.{name}".lstrip(".")
        number = self._calls[path] = self._calls.get(path, 0) + 1
        self._activations.observe(path if number == 1 else f"{path}_{number}", output, nonlinearity)

    def before_update(self, step: int, *, closure: bool) -> None:
        """Copy the weights before the optimizer changes them."""
        del step, closure
        self.parameters.before()

    @torch.no_grad()
    def after_update(self, step: int) -> dict[Signal, Any]:
        """Measure the update and fetch everything.

        Args:
            step: Number of this step.

        Returns:
            One sample for each signal that could be measured.
        """
        rows = self.parameters.after()
        layers = self._activations.finish()
        scalars: dict[Signal | tuple[Signal, ...], Tensor | None] = {
            signals.GRADIENT_COSINE: self.parameters.gradient_cosine(step),
            signals.ACCURACY: self._loss.accuracy(),
            (signals.INPUT_MEAN, signals.INPUT_STD, signals.INPUT_NONFINITE): self._inputs.batch(),
        }
        known = {key: tensor for key, tensor in scalars.items() if tensor is not None}
        numbers = iter(_fetch([*rows, *layers, *known.values()]))
        sample: dict[Signal, Any] = dict(self.parameters.decode([next(numbers) for _ in rows]))
        if layers:
            sample.update(self._activations.decode([next(numbers) for _ in layers]))
        for key in known:
            values = next(numbers)
            sample.update(zip(key if isinstance(key, tuple) else (key,), values, strict=True))
        if self._inputs.batch_size is not None and self._input_taken:
            sample[signals.BATCH_SIZE] = float(self._inputs.batch_size)
        return sample

    def facts(self) -> Iterator[facts.Fact]:
        """What the sampled steps so far have shown of inputs and loss."""
        inputs = self._inputs.fact()
        if inputs is not None:
            yield inputs
        if self._loss.function is not None:
            yield self._loss.fact()

    def filters(self) -> Any:
        """Weights of the first layer, of shape (units, ...), for a picture; None where there is no such layer."""
        for module in self._leaves:
            weight = getattr(module, "weight", None)
            if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d) and isinstance(weight, Tensor):
                kept = weight.detach()[:MOST_FILTERS]
                kept = kept[: max(1, MOST_FILTER_VALUES // max(1, kept[0].numel()))]
                return kept.float().cpu().numpy() if kept.numel() else None
        return None

    def _is_evaluation(self) -> bool:
        """Whether the model is in another mode than the one in which its loss was last taken."""
        return self._training_mode is True and not self._model.training


def _fetch(tensors: Sequence[Tensor]) -> list[list[float]]:
    """The numbers of all tensors, with one synchronisation for each device that they are on."""
    flat = [tensor.reshape(-1).double() for tensor in tensors]
    devices = {tensor.device for tensor in flat}
    numbers: list[list[float]] = [[] for _ in flat]
    for device in devices:
        positions = [i for i, tensor in enumerate(flat) if tensor.device == device]
        values = torch.cat([flat[i] for i in positions]).tolist()
        start = 0
        for i in positions:
            numbers[i] = values[start : start + flat[i].numel()]
            start += flat[i].numel()
    return numbers
