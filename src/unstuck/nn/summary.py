"""What a model consists of: sizes, parameters, work and receptive field of each layer, with the arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any, cast

from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd  # pyright: ignore[reportPrivateUsage]

from unstuck.nn.receptive import FieldsFollowed
from unstuck.nn.sizes import check_sizes, looking
from unstuck.nn.window import windows
from unstuck.nn.work import counting, own_work

__all__ = ["LayerSummary", "Summary", "summary"]

WITHOUT_PRODUCTS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.Embedding, nn.PReLU)


@dataclass(frozen=True, kw_only=True)
class LayerSummary:
    """One call of one layer, for one example."""

    name: str  #: as in ``model.named_modules()``
    kind: str  #: its class
    output: tuple[int, ...]  #: shape without the batch; empty where it was not called, or gives no tensor
    arithmetic: str  #: how the size of a feature map comes about; empty for layers without a window
    parameters: int  #: its own, shared ones counted where they come first
    counted: str  #: how their number comes about; empty where it is no product
    multiply_adds: int | None  #: products that are summed up, without biases; None where they are not known
    field: tuple[int, ...]  #: entries of the input that one entry of the output depends on; empty if not known


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The layers of a model, in the order in which they are called; prints as a table."""

    layers: tuple[LayerSummary, ...]
    parameters: int  #: of the whole model
    fully_connected: int  #: of its linear layers
    warnings: tuple[str, ...]  #: strides that leave pixels out

    def __iter__(self) -> Iterator[LayerSummary]:
        return iter(self.layers)

    @property
    def multiply_adds(self) -> int:
        """Of all layers where they are known."""
        return sum(layer.multiply_adds or 0 for layer in self.layers)

    @property
    def totals(self) -> tuple[str, ...]:
        """What stands below the table."""
        share = self.fully_connected / self.parameters if self.parameters else 0.0
        unknown = any(layer.multiply_adds is None for layer in self.layers)
        least = " at least, for those of layers marked ? are not known" if unknown else ""
        return (
            f"{self.parameters:,} parameters, {share:.1%} of them in fully connected layers",
            f"{self.multiply_adds:,} multiply-adds for an example{least}",
            *(f"warning: {warning}" for warning in self.warnings),
        )

    def __rich__(self) -> Table:
        """The table, with the totals as its caption."""
        caption = "\n".join(self.totals)
        table = Table(box=None, pad_edge=False, caption=caption, caption_justify="left", caption_style="none")
        for heading in ("layer", "kind", "output", "size"):
            table.add_column(heading, overflow="fold")
        for heading in ("parameters", "multiply-adds", "sees"):
            table.add_column(heading, justify="right")
        for layer in self.layers:
            counted = f"{layer.counted} = " if layer.counted else ""
            table.add_row(
                layer.name or "(model)",
                layer.kind,
                " × ".join(map(str, layer.output)),
                layer.arithmetic,
                f"{counted}{layer.parameters:,}" if layer.parameters else "",
                "?" if layer.multiply_adds is None else f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
                " × ".join(map(str, layer.field)),
            )
        return table

    def __str__(self) -> str:
        console = Console(file=StringIO(), width=140, color_system=None)
        with console.capture() as captured:
            console.print(self)
        return "\n".join(line.rstrip() for line in captured.get().rstrip().splitlines())


def summary(model: nn.Module, inputs: Tensor) -> Summary:
    r"""Run a model once and tell, layer by layer, what it makes of an example and what that costs.

    =============  =============================================  ==================================================
    Layer          Parameters                                     Multiply-adds for an example
    =============  =============================================  ==================================================
    convolution    :math:`k^2 c_{in} c_{out} + c_{out}`           :math:`k^2 c_{in} c_{out}` at each output position
    linear         :math:`n_{in} n_{out} + n_{out}`               :math:`n_{in} n_{out}` at each position
    recurrent      as torch has them                              one for each weight and time step
    all others                                                    by ``torch.utils.flop_counter``, where it knows them
    =============  =============================================  ==================================================

    The size of a feature map is :math:`\lfloor (n - k + 2p)/s \rfloor + 1`. Normalisation, pooling and activations have
    no multiply-adds worth counting; products outside of all layers, as those of attention, have a row of their own.
    The model runs in evaluation mode, without gradients, and is left as it was.

    Args:
        model: Any module that takes one tensor and was not compiled.
        inputs: A batch of one example or more.

    Raises:
        ArgumentError: A layer does not fit what it gets, as :func:`check_sizes` says it.

    Examples:
        >>> import torch
        >>> model = nn.Sequential(nn.Conv2d(1, 8, 5), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1152, 10))
        >>> table = summary(model, torch.zeros(1, 1, 28, 28))
        >>> for layer in table:
        ...     print(layer.kind, layer.output, layer.arithmetic, layer.counted, layer.multiply_adds, layer.field)
        Conv2d (8, 24, 24) (28 - 5 + 2·0)/1 + 1 = 24 5·5·1·8 + 8 115200 (5, 5)
        MaxPool2d (8, 12, 12) (24 - 2 + 2·0)/2 + 1 = 12  0 (6, 6)
        Flatten (1152,)   0 ()
        Linear (10,)  1152·10 + 10 11520 ()
        >>> print(*table.totals, sep="\n")
        11,738 parameters, 98.2% of them in fully connected layers
        126,720 multiply-adds for an example
    """
    warnings = check_sizes(model, inputs)
    rows: list[LayerSummary] = []
    owners: set[int] = set()
    names = {module: name for name, module in model.named_modules()}

    def after(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        first = given[0] if given and isinstance(given[0], Tensor) else None
        result = next((part for part in _parts(output) if isinstance(part, Tensor)), None)
        if windows(module) and (seen := fields.of(first)):
            fields.note(result, seen.through(module))
        rows.append(_row(names[module], module, first, result, fields, owners))

    with ExitStack() as stack:
        for module in names:
            if _is_layer(module):
                stack.callback(module.register_forward_hook(after).remove)
        stack.enter_context(looking(model, lambda name, module, given: None))
        fields = stack.enter_context(FieldsFollowed(inputs))
        counter = stack.enter_context(counting())
        model(inputs)
    called = {row.name for row in rows}
    for module, name in names.items():
        if name not in called and next(module.parameters(recurse=False), None) is not None:
            rows.append(_row(name, module, None, None, fields, owners))
    rows = _with_work(rows, names, own_work(counter, model, examples=len(inputs)))
    linear = {id(p): p.numel() for module in names if isinstance(module, nn.Linear) for p in module.parameters()}
    return Summary(
        layers=tuple(rows),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        fully_connected=sum(linear.values()),
        warnings=warnings,
    )


def _with_work(rows: list[LayerSummary], names: dict[nn.Module, str], work: dict[str, int]) -> list[LayerSummary]:
    """Fill in the multiply-adds that only the counter knows, those outside of all layers among them."""
    asked = {row.name for row in rows if row.multiply_adds is None and row.name in work}
    # What such a layer does with the weights of layers within it is its own work: they are not called.
    within = {row.name for row in rows if any(row.name.startswith(f"{name}.") for name in asked)}
    filled: list[LayerSummary] = []
    for row in rows:
        known = work[row.name] if row.name in asked else 0 if row.name in within else row.multiply_adds
        filled.append(replace(row, multiply_adds=known))
    listed = {row.name for row in rows}
    for module, name in names.items():
        if name in work and name not in listed:
            inner = [k for k, row in enumerate(filled) if not name or row.name.startswith(f"{name}.")]
            filled.insert(inner[-1] + 1 if inner else len(filled), _outside(name, module, work[name]))
    return filled


def _outside(name: str, module: nn.Module, multiply_adds: int) -> LayerSummary:
    """A row for the products that a module makes itself, such as those of attention."""
    return LayerSummary(
        name=name,
        kind=type(module).__name__,
        output=(),
        arithmetic="",
        parameters=0,
        counted="",
        multiply_adds=multiply_adds,
        field=(),
    )


def _is_layer(module: nn.Module) -> bool:
    return next(module.children(), None) is None or next(module.parameters(recurse=False), None) is not None


def _row(
    name: str, module: nn.Module, given: Tensor | None, result: Tensor | None, fields: FieldsFollowed, owners: set[int]
) -> LayerSummary:
    fresh = [parameter for parameter in module.parameters(recurse=False) if id(parameter) not in owners]
    owners.update(id(parameter) for parameter in fresh)
    parameters = sum(parameter.numel() for parameter in fresh)
    field = fields.of(result)
    sizes = () if given is None else tuple(given.shape[-len(found) :]) if (found := windows(module)) else ()
    sums = [window.arithmetic(size) for window, size in zip(windows(module), sizes, strict=False)]
    return LayerSummary(
        name=name,
        kind=type(module).__name__,
        output=() if result is None else tuple(result.shape[1:]),
        arithmetic=", ".join(dict.fromkeys(sums)),
        parameters=parameters,
        counted=_counted(module) if parameters else "",
        multiply_adds=_multiply_adds(module, given, result),
        field=field.size if field else (),
    )


def _counted(module: nn.Module) -> str:
    """The product that gives the number of parameters."""
    if isinstance(module, _ConvNd):
        kernel = "·".join(map(str, module.kernel_size))
        weights = f"{kernel}·{module.in_channels // module.groups}·{module.out_channels}"
        return weights + (f" + {module.out_channels}" if module.bias is not None else "")
    if isinstance(module, nn.Linear):
        bias = cast("Tensor | None", module.bias)
        return f"{module.in_features}·{module.out_features}" + (f" + {module.out_features}" if bias is not None else "")
    return ""


def _multiply_adds(module: nn.Module, given: Tensor | None, result: Tensor | None) -> int | None:
    own = [parameter for parameter in module.parameters(recurse=False) if parameter.ndim > 1]
    if not own or isinstance(module, WITHOUT_PRODUCTS):
        return 0
    if given is None or result is None:
        return None
    if isinstance(module, _ConvNd):
        # A transposed convolution spreads each entry of its input, where others gather for each of their output.
        positions = (given if isinstance(module, _ConvTransposeNd) else result).shape[2:]
        return module.weight.numel() * math.prod(positions)
    if isinstance(module, nn.Linear):
        return module.weight.numel() * math.prod(result.shape[1:-1])
    if isinstance(module, nn.RNNBase):
        steps = given.shape[1] if module.batch_first else given.shape[0]
        return sum(weight.numel() for weight in own) * steps
    return None


def _parts(output: object) -> tuple[object, ...]:
    return cast("tuple[object, ...]", output) if isinstance(output, tuple) else (output,)
