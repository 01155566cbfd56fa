"""Statistics of activations, layer by layer, reduced on the device."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional, modules

from unstuck.observe.collectors.effective_rank import FEWEST_UNITS, effective_ranks, rows_of
from unstuck.observe.collectors.inputs import any_tensor
from unstuck.observe.collectors.view import Measurement, View
from unstuck.observe.tensors.distributed import is_awaited
from unstuck.observe.tensors.readable import values_here
from unstuck.record import signals
from unstuck.record.signals import HISTOGRAM_BINS, Index, Signal

__all__ = ["ACTIVATION_FUNCTIONS", "PASSIVE", "Activations", "Nonlinearity", "nonlinearity_of"]

VALUES = 32_768
"""Values of a layer's output that are looked at, evenly spread over it; more would change little, and torch would wake
its other threads for each of the statistics, which takes longer than the statistics."""

HISTOGRAM_VALUES = 8_192
"""Values that a histogram counts: 256 a bin."""

BATCHES_UNTIL_DEAD = 8
"""Sampled batches in which a unit must stay at zero before it counts as dead."""

SATURATED = 0.01
"""Share of an activation's range, at either end, in which a unit counts as saturated: its slope there is below 4% of
its greatest."""


@dataclass(frozen=True, kw_only=True)
class Nonlinearity:
    """What an activation function does to its range.

    Attributes:
        rectifier: Whether it is exactly zero for all negative inputs.
        bounds: Its smallest and greatest value, where it saturates at both.
    """

    rectifier: bool = False
    bounds: tuple[float, float] | None = None


_MOVING = (modules.pooling, modules.padding, modules.flatten, modules.dropout, modules.upsampling, modules.pixelshuffle)

PASSIVE: tuple[type[nn.Module], ...] = (
    nn.Identity,
    *(getattr(part, name) for part in _MOVING for name in part.__all__),
)
"""Layers that pass on, move or thin out what they are given, whose outputs tell nothing that their inputs do not."""

_RECTIFIER = Nonlinearity(rectifier=True)
_SIGMOID = Nonlinearity(bounds=(0.0, 1.0))
_TANH = Nonlinearity(bounds=(-1.0, 1.0))
_LINEAR = Nonlinearity()

_MODULES: dict[type[nn.Module], Nonlinearity] = {
    nn.ReLU: _RECTIFIER,
    nn.ReLU6: _RECTIFIER,
    nn.Sigmoid: _SIGMOID,
    nn.Hardsigmoid: _SIGMOID,
    nn.Tanh: _TANH,
    nn.Hardtanh: _TANH,
    nn.Softsign: _TANH,
}

ACTIVATION_FUNCTIONS: dict[Callable[..., Any], tuple[str, Nonlinearity]] = {
    functional.relu: ("relu", _RECTIFIER),
    functional.relu_: ("relu", _RECTIFIER),
    functional.relu6: ("relu6", _RECTIFIER),
    torch.relu: ("relu", _RECTIFIER),
    torch.relu_: ("relu", _RECTIFIER),
    Tensor.relu: ("relu", _RECTIFIER),
    Tensor.relu_: ("relu", _RECTIFIER),
    torch.sigmoid: ("sigmoid", _SIGMOID),
    Tensor.sigmoid: ("sigmoid", _SIGMOID),
    functional.sigmoid: ("sigmoid", _SIGMOID),
    functional.hardsigmoid: ("hardsigmoid", _SIGMOID),
    torch.tanh: ("tanh", _TANH),
    Tensor.tanh: ("tanh", _TANH),
    functional.tanh: ("tanh", _TANH),
    functional.hardtanh: ("hardtanh", _TANH),
    functional.leaky_relu: ("leaky_relu", _LINEAR),
    functional.elu: ("elu", _LINEAR),
    functional.gelu: ("gelu", _LINEAR),
    functional.silu: ("silu", _LINEAR),
    functional.softplus: ("softplus", _LINEAR),
}
"""Functional activations by the function that PyTorch dispatches."""


def nonlinearity_of(module: nn.Module) -> Nonlinearity:
    """The nonlinearity that a module applies."""
    return _MODULES.get(type(module), _LINEAR)


_STATISTICS: tuple[Signal, ...] = (
    signals.ACTIVATION_MEAN,
    signals.ACTIVATION_STD,
    signals.ACTIVATION_MIN,
    signals.ACTIVATION_MAX,
    signals.ACTIVATION_ZEROS,
    signals.ACTIVATION_SATURATED,
    signals.ACTIVATION_NONFINITE,
)


@dataclass
class _Life:
    """When each unit of a rectifier was last above zero, counted in sampled batches."""

    last: Tensor
    batches: int = 0


class Activations:
    """Collect the statistics of one sampled step; unit life is remembered over steps.

    Args:
        view: What is known of the step.

    Attributes:
        layers: Name of every layer ever seen, in the order of its first appearance.
    """

    measures = (*_STATISTICS, signals.DEAD_UNITS, signals.ACTIVATION_HISTOGRAM, signals.EFFECTIVE_RANK)
    functions = frozenset(ACTIVATION_FUNCTIONS)

    def __init__(self, view: View) -> None:
        self.layers: list[str] = []
        self._view = view
        self._taken: dict[str, tuple[Tensor, Tensor]] = {}
        self._rectified: dict[str, Tensor] = {}
        self._rows: dict[str, Tensor] = {}
        self._awaited: dict[str, tuple[Tensor, int, Nonlinearity]] = {}
        self._lives: dict[str, _Life] = {}
        self._calls: Counter[str] = Counter()

    def begin(self) -> None:
        """Forget what this step has shown so far."""
        self._taken.clear()
        self._rectified.clear()
        self._rows.clear()
        self._awaited.clear()
        self._calls.clear()

    def output(self, module: nn.Module, output: Any) -> None:
        """Take a layer's output."""
        layer = self._view.roots.leaf(module)
        if layer is not None and not isinstance(module, PASSIVE):
            tensor = output if type(output) is Tensor else any_tensor(output)
            if tensor is not None:
                self.observe(layer, tensor, nonlinearity_of(module))

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Take a functional activation within a module of the user's."""
        module = self._view.module
        if module is None or type(module).__module__.startswith("torch.nn") or not isinstance(output, Tensor):
            return
        if module in self._view.roots and (not self._view.between.began or self._view.between.came(module)):
            name, nonlinearity = ACTIVATION_FUNCTIONS[function]
            path = f"{self._view.where}.{name}".lstrip(".")
            self._calls[path] += 1
            number = self._calls[path]
            self.observe(path if number == 1 else f"{path}_{number}", output, nonlinearity)

    def observe(self, layer: str, output: Tensor, nonlinearity: Nonlinearity) -> None:
        """Take the statistics of one layer's output; a second output in the same step is passed over.

        Args:
            layer: Name of the layer.
            output: Its output, any floating-point tensor; the first dimension counts examples. Of one that is sharded
                over processes, the part that is here is taken.
            nonlinearity: What the layer applies.
        """
        if layer in self._taken or layer in self._awaited or not output.is_floating_point():
            return
        if is_awaited(output):
            self._awaited[layer] = (output, output._version, nonlinearity)
            return
        here = values_here(output)
        if here is None or not here.numel():
            return
        if here.dtype is torch.float16:
            self._view.highest[layer] = here.detach().abs().amax()
        values = _spread(here)
        statistics = _statistics_here if values.is_cpu else _statistics
        self._taken[layer] = (statistics(values, nonlinearity), _histogram(values))
        if nonlinearity.rectifier and here.dim() >= 2:
            self._rectified[layer] = _alive(here)
        if here.dim() >= 2 and here.numel() >= len(here) * FEWEST_UNITS and (rows := rows_of(here)) is not None:
            self._rows[layer] = rows

    def update(self, optimizer: object) -> Measurement | None:
        """For each layer seen its statistics, its histogram, and its share of dead units."""
        awaited, self._awaited = self._awaited, {}
        for layer, (output, version, nonlinearity) in awaited.items():
            # What comes of it was computed since, for which the program has waited.
            if not is_awaited(output) and output._version == version:
                self.observe(layer, output, nonlinearity)
        for layer in self._taken:
            if layer not in self.layers:
                self.layers.append(layer)
                self._view.appeared.setdefault(Index.LAYER, []).append(layer)
        tensors: list[Tensor] = []
        for layer, (statistics, histogram) in self._taken.items():
            tensors += [statistics, histogram, self._dead_share(layer, statistics)]
        ranked = tuple(self._rows)
        if ranked:
            tensors.append(effective_ranks(list(self._rows.values())))
        return Measurement(tensors, partial(self._decode, ranked)) if tensors else None

    def _decode(self, ranked: Sequence[str], numbers: list[list[float]]) -> dict[Signal, Any]:
        """A sample for each signal, NaN for layers that did not run."""
        nan = float("nan")
        ranks = [nan] * len(self.layers)
        for layer, rank in zip(ranked, numbers[-1] if ranked else (), strict=True):
            ranks[self.layers.index(layer)] = rank
        samples: dict[Signal, list[float]] = {s: [nan] * len(self.layers) for s in (*_STATISTICS, signals.DEAD_UNITS)}
        histograms = [[nan] * HISTOGRAM_BINS for _ in self.layers]
        for i, layer in enumerate(self._taken):
            position = self.layers.index(layer)
            statistics, histogram, dead = numbers[3 * i : 3 * i + 3]
            for signal, value in zip(_STATISTICS, statistics, strict=True):
                samples[signal][position] = value
            samples[signals.DEAD_UNITS][position] = dead[0]
            histograms[position] = histogram
        return {**samples, signals.ACTIVATION_HISTOGRAM: histograms, signals.EFFECTIVE_RANK: ranks}

    def _dead_share(self, layer: str, like: Tensor) -> Tensor:
        alive = self._rectified.get(layer)
        if alive is None:
            return like.new_full((1,), torch.nan)
        life = self._lives.get(layer)
        if life is None or life.last.shape != alive.shape or life.last.device != alive.device:
            life = self._lives[layer] = _Life(last=torch.zeros_like(alive, dtype=torch.int32))
        life.batches += 1
        life.last.masked_fill_(alive, life.batches)
        if life.batches < BATCHES_UNTIL_DEAD:
            return like.new_full((1,), torch.nan)
        dead = life.last <= life.batches - BATCHES_UNTIL_DEAD
        return dead.float().mean().reshape(1)


def _spread(output: Tensor) -> Tensor:
    """At most :data:`VALUES` values of a tensor, evenly spread over it, as flat float32."""
    flat = output.reshape(-1)
    return flat[:: -(-flat.numel() // VALUES)].float().contiguous()  # gathered once, and not by each statistic


def _statistics_here(values: Tensor, nonlinearity: Nonlinearity) -> Tensor:
    """The same as :func:`_statistics` of values on the CPU, by half as many operations, for a number is fetched there
    in less time than an operation takes.
    """
    number, mean = values.numel(), values.mean().item()
    smallest, largest = torch.aminmax(values)
    centred = values - mean
    std = math.sqrt(torch.dot(centred, centred).item() / number)
    zeros = 1.0 - values.count_nonzero().item() / number
    saturated = math.nan if nonlinearity.bounds is None else _saturated(values, nonlinearity.bounds).item()
    # A finite mean has only finite summands.
    nonfinite = 0 if math.isfinite(mean) else (~values.isfinite()).sum().item()
    return torch.tensor([mean, std, smallest.item(), largest.item(), zeros, saturated, nonfinite])


def _saturated(values: Tensor, bounds: tuple[float, float]) -> Tensor:
    low, high = bounds
    margin = SATURATED * (high - low)
    return ((values < low + margin) | (values > high - margin)).float().mean()


def _statistics(values: Tensor, nonlinearity: Nonlinearity) -> Tensor:
    """Shape (7,): mean, std, min, max, share of zeros, share saturated (NaN where unbounded), count not finite."""
    smallest, largest = torch.aminmax(values)
    if nonlinearity.bounds is None:
        saturated = values.new_full((), torch.nan)
    else:
        saturated = _saturated(values, nonlinearity.bounds)
    zeros = 1.0 - values.count_nonzero() / values.numel()
    mean = values.mean()
    std = (values - mean).square_().mean().sqrt()  # torch.std_mean takes seven times as long
    nonfinite = (~values.isfinite()).sum().float()
    return torch.stack([mean, std, smallest, largest, zeros, saturated, nonfinite])


def _histogram(values: Tensor) -> Tensor:
    """Counts of finite values in equally wide bins between the smallest and the largest, shape (bins,)."""
    values = values[:: -(-values.numel() // HISTOGRAM_VALUES)]
    values = torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if values.device.type == "cpu":
        return torch.histc(values, bins=HISTOGRAM_BINS)
    # histc fetches its range from the device; cumulative counts against the edges need no synchronisation.
    smallest, largest = torch.aminmax(values)
    edges = torch.linspace(0.0, 1.0, HISTOGRAM_BINS, device=values.device) * (largest - smallest) + smallest
    above = (values[None, :] >= edges[:, None]).sum(dim=1).float()
    return above - torch.cat([above[1:], above.new_zeros(1)])


def _alive(output: Tensor) -> Tensor:
    """Which units, channels or the last dimension, are above zero for at least one example and place: (units,).

    One that is not a number is not dead.
    """
    per_channel = output.dim() >= 4 or (output.dim() == 3 and output.shape[1] < output.shape[2])
    unit = 1 if output.dim() == 2 or per_channel else output.dim() - 1
    step = max(1, output.numel() // (4 * VALUES))
    dims = tuple([d for d in range(output.dim()) if d != unit])
    return ~((output[::step] <= 0).all(dim=dims[0]) if len(dims) == 1 else (output[::step].amax(dim=dims) <= 0))
