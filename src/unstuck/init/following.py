"""Find out which activation follows each layer.

A layer's output is followed through whatever keeps it a scaled copy of itself (norms, dropout, pooling, reshaping,
sums of a residual connection) up to the first activation. The next layer or product of matrices ends the search.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from torch import Tensor, fx, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from unstuck.init import activations, quiet
from unstuck.init.activations import Activation
from unstuck.init.layers import LAYERS

How = Literal["example batch", "symbolic trace", "registration order"]

_MIXING = frozenset(
    (
        *("linear", "bilinear", "matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "einsum"),
        *(f"{kind}{n}d" for kind in ("conv", "conv_transpose") for n in (1, 2, 3)),
        *("scaled_dot_product_attention", "multi_head_attention_forward", "embedding"),
    )
)
#: What these return is a property of the tensor, not its values.
_DESCRIBING = frozenset(("size", "shape", "getattr", "dim", "ndim", "numel", "len", "device", "dtype", "new_zeros"))


@dataclass(frozen=True)
class Following:
    """The activation after each layer, by name, how they were found, and why no better way was open."""

    by_layer: Mapping[str, Activation]
    how: How
    reason: str = ""


def follow(model: nn.Module, example: object = None) -> Following:
    """Return the activation that follows each layer, from an example batch, a symbolic trace or the order of modules.

    Layers that none follows are missing from the mapping.
    """
    if example is not None:
        found: dict[str, Activation] = {}

        def note(call: Call, activation: Activation | None, output: Tensor) -> None:
            if activation is not None:
                found.setdefault(call.layer, activation)

        with quiet.undisturbed(model):
            model.eval()
            with watching(model, note):
                quiet.call(model, example)
        return Following(found, "example batch")
    try:
        return Following(_by_trace(model) | _inside_transformers(model), "symbolic trace")
    # Tracing runs the user's forward on stand-ins for tensors, which may raise anything at all.
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        return Following(_by_order(model) | _inside_transformers(model), "registration order", reason)


@dataclass(frozen=True)
class Call:
    """The ``index``-th call of a layer within one forward pass, all layers counted together."""

    layer: str
    index: int


Note = Callable[[Call, "Activation | None", Tensor], None]


@dataclass
class _Flow:
    """Which layers' outputs each value still carries; keys are tensors or nodes of a graph."""

    pending: MutableMapping[Any, tuple[Call, ...]]
    calls: int = 0
    settled: set[Call] = field(default_factory=lambda: set[Call]())

    def layer(self, name: str, outputs: Iterable[Hashable]) -> Call:
        call = Call(name, self.calls)
        self.calls += 1
        for output in outputs:
            self.pending[output] = (call,)
        return call

    def operation(
        self, name: str, activation: Activation | None, inputs: Iterable[Any], outputs: Iterable[Any]
    ) -> Sequence[Call]:
        """Pass on what the inputs carry; return the calls of layers that an activation has just been found for."""
        carried = tuple(dict.fromkeys(call for value in inputs for call in self.pending.get(value, ())))
        ends = activation is not None or name in _MIXING or name in _DESCRIBING
        for output in outputs:
            self.pending[output] = () if ends else carried
        if activation is None:
            return ()
        found = [call for call in carried if call not in self.settled]
        self.settled.update(found)
        return found


@contextmanager
def watching(model: nn.Module, note: Note) -> Generator[None, None, None]:
    """Within this context, report every output of a layer, and every activation of such an output, to ``note``."""
    flow = _Flow(cast("MutableMapping[Any, tuple[Call, ...]]", WeakTensorKeyDictionary()))

    paused = False

    class Watch(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            kwargs = kwargs or {}
            if paused:
                return func(*args, **kwargs)
            # Before the call, for in-place functions overwrite what they were given.
            inputs = list(_tensors((args, kwargs)))
            output = func(*args, **kwargs)
            outputs = list(_tensors(output))  # several where pooling tells its indices, or a tensor is split
            if outputs and inputs:
                name = str(getattr(func, "__name__", ""))
                activation = activations.of_call(name, func, args, kwargs)
                for call in flow.operation(name, activation, inputs, outputs):
                    note(call, activation, outputs[0])
            return output

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def after(module: nn.Module, inputs: Any, output: Any) -> None:
            nonlocal paused
            outputs = list(_tensors(output))
            if outputs:
                # What the note computes is no part of the model.
                paused = True
                try:
                    note(flow.layer(name, outputs), None, outputs[0])
                finally:
                    paused = False

        return after

    def after_maxout(module: nn.Module, inputs: Any, output: Any) -> None:
        # Made of functions that are no activations by themselves; what they carry ends here.
        activation = activations.of_module(module)
        for call in flow.operation("", activation, (output,), (output,)):
            note(call, activation, output)

    handles = [m.register_forward_hook(hook(name)) for name, m in model.named_modules() if isinstance(m, LAYERS)]
    handles += [m.register_forward_hook(after_maxout) for m in model.modules() if activations.is_maxout(m)]
    try:
        with Watch():
            yield
    finally:
        for handle in handles:
            handle.remove()


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in cast("Mapping[Any, Any]", value).values():
            yield from _tensors(item)
    elif isinstance(value, (tuple, list)):
        for item in cast("Sequence[Any]", value):
            yield from _tensors(item)


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, LAYERS) or activations.is_maxout(m) or super().is_leaf_module(m, module_qualified_name)


def _by_trace(model: nn.Module) -> dict[str, Activation]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = _Tracer().trace(quiet.uncompiled(model))
    modules = dict(quiet.uncompiled(model).named_modules())
    flow, found = _Flow({}), dict[str, Activation]()
    for node in graph.nodes:
        activation: Activation | None = None
        name = ""
        if node.op == "call_module":
            if isinstance(modules[node.target], LAYERS):
                flow.layer(node.target, (node,))
                continue
            activation = activations.of_module(modules[node.target])
        elif node.op in ("call_function", "call_method"):
            name = node.target if node.op == "call_method" else getattr(node.target, "__name__", "")
            function = getattr(Tensor, name, None) if node.op == "call_method" else node.target
            activation = activations.of_call(name, cast("Callable[..., Any]", function), node.args, node.kwargs)
        for call in flow.operation(name, activation, node.all_input_nodes, (node,)):
            if activation is not None:
                found.setdefault(call.layer, activation)
    if quiet.uncompiled(model) is model:
        return found
    return {f"_orig_mod.{layer}": activation for layer, activation in found.items()}


def _by_order(model: nn.Module) -> dict[str, Activation]:
    found: dict[str, Activation] = {}
    waiting: str | None = None
    for name, module in model.named_modules():
        if isinstance(module, LAYERS):
            waiting = name
        elif waiting is not None and (activation := activations.of_module(module)) is not None:
            found[waiting] = activation
            waiting = None
    return found


def _inside_transformers(model: nn.Module) -> dict[str, Activation]:
    """Return what follows the first linear layer in torch's transformer blocks, which keep it as an attribute."""
    found: dict[str, Activation] = {}
    for name, module in model.named_modules():
        if isinstance(module, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)):
            activation = activations.of_value(module.activation)
            if activation is not None:
                found[f"{name}.linear1" if name else "linear1"] = activation
    return found
