"""Give every layer of a model the weights that it should start from."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from unstuck.init import activations, schemes
from unstuck.init.following import Following, follow
from unstuck.init.layers import EMBEDDINGS, LAYERS, Weight, require_module, weights_of
from unstuck.init.schemes import SCHEMES, Scheme
from unstuck.init.table import InitRow, InitTable

Biases = Literal["zero", "normal"]


def initialize(
    model: nn.Module,
    scheme: str | Scheme = "auto",
    *,
    example: object = None,
    gain: float | None = None,
    biases: Biases = "zero",
    forget_bias: float = 1.0,
    seed: int | None = None,
    generator: torch.Generator | None = None,
) -> InitTable:
    r"""Set the weights of a fresh model, in place, and return a table of what was done.

    ``"auto"`` scales each layer by the activation that follows it:

    ==========================================  ===============================================================
    Followed by                                 Drawn from
    ==========================================  ===============================================================
    ReLU and its kin (leaky, GELU, SiLU, ...)   He: N(0, gain^2 / n), gain from the function (:class:`Activation`)
    tanh                                        Xavier: N(0, 2 gain^2 / (n_in + n_out)), gain 5/3
    sigmoid, softmax, nothing                   Xavier, gain 1
    SELU                                        N(0, 1/n), as its derivation asks
    ==========================================  ===============================================================

    The hidden-to-hidden matrices of recurrent layers become orthogonal, gate by gate; their other matrices, and those
    of attention, are drawn from Xavier. Any other scheme is used for all weights alike.

    Biases become zero, but for the forget gate of an LSTM, or are drawn from N(0, 1). Left as they are: norms,
    embeddings and weights tied to them, frozen parameters, parametrised weights (whose parts have meanings of their
    own), and layers whose weights are all zero while others' are not: somebody made them so, to start a residual branch
    from nothing. A parameter shared by several layers is set once.

    The activations are found by running ``example``, if given, else by a symbolic trace of ``forward``; both see
    functional calls. If the trace fails, the order in which modules were registered is taken, with a warning.

    Args:
        model: Initialised in place.
        scheme: "auto", a name in :data:`SCHEMES`, or a :class:`Scheme`.
        example: A batch as the model takes it: a tensor, a tuple of positional arguments or a dict of keyword
            arguments. Only looked at for "auto".
        gain: Factor on the standard deviation for all feed-forward layers, in place of the scheme's own.
        biases: "zero", or "normal" for N(0, 1), as textbooks draw them.
        forget_bias: Bias of the forget gate of an LSTM; 1 keeps its memory open at the start
            (Jozefowicz et al., "An empirical exploration of recurrent network architectures", 2015).
        seed: For repeatable weights, the same on every device.
        generator: In place of a seed.

    Raises:
        TypeError: If an argument is of the wrong type, or both seed and generator are given.
        ValueError: If the scheme is unknown, or a parameter has no storage yet (lazy modules, the meta device).

    >>> model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> print(initialize(model, seed=0))
    initialised: auto, activations found by symbolic trace
    parameter  kind    shape  followed by  scheme   gain     std  bias  note
    0.weight   Linear  4 × 8  relu         he      1.414     0.5  0
    2.weight   Linear  2 × 4  none         xavier      1  0.5774  0
    """
    require_module(model)
    if seed is not None and generator is not None:
        raise TypeError("give a seed or a generator, not both")
    if biases not in get_args(Biases):
        raise ValueError(f"biases must be 'zero' or 'normal', got {biases!r}")
    chosen = schemes.find(scheme)
    _require_storage(model)
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)
    following = _follow(model, example) if chosen is None else None
    plan = _Plan(
        scheme=chosen,
        following=following,
        gain=gain,
        biases=biases,
        forget_bias=forget_bias,
        generator=generator,
        left=_reasons_to_leave(model),
    )
    rows = tuple(row for name, module in model.named_modules() for row in plan.carry_out(name, module))
    return InitTable(rows, "auto" if chosen is None else chosen.name, "" if following is None else following.how)


def _follow(model: nn.Module, example: object) -> Following:
    following = follow(model, example)
    if following.how == "registration order":
        warnings.warn(
            f"the model could not be traced ({following.reason}), so initialize took the activation after each layer "
            "from the order of its modules, and saw none that forward calls as a function: give example=batch",
            UserWarning,
            stacklevel=3,
        )
    return following


def _require_storage(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if isinstance(parameter, UninitializedParameter):
            raise ValueError(
                f"parameter {name!r} belongs to a lazy module and has no shape yet: "
                "run one batch through the model first, then initialise it"
            )
        if parameter.is_meta:
            raise ValueError(
                f"parameter {name!r} is on the meta device and has no values: "
                "call model.to_empty(device=...) first, then initialise it"
            )


def _reasons_to_leave(model: nn.Module) -> dict[int, str]:
    """Return, by the identity of the parameter, why a weight is to stay as it is."""
    reasons: dict[int, str] = {}
    zeroed: dict[int, str] = {}
    fresh = 0
    for name, module in model.named_modules():
        if isinstance(module, EMBEDDINGS) or _is_norm(module):
            for parameter in module.parameters(recurse=False):
                reasons[id(parameter)] = f"tied to {name}"
        for weight in weights_of(module):
            if not weight.parameter.requires_grad:
                reasons.setdefault(id(weight.parameter), "frozen")
            elif bool((weight.parameter == 0).all()):
                zeroed[id(weight.parameter)] = "zero-initialised on purpose, for others are not"
            else:
                fresh += 1
    return (zeroed if fresh else {}) | reasons


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What to do with each module; ``left`` grows by the parameters that are settled."""

    scheme: Scheme | None
    following: Following | None
    gain: float | None
    biases: Biases
    forget_bias: float
    generator: torch.Generator | None
    left: dict[int, str]

    def carry_out(self, name: str, module: nn.Module) -> Iterator[InitRow]:
        """Set the weights and biases of one module and yield a row for each weight."""
        kind = type(module).__name__
        weights = list(weights_of(module))
        if not weights:
            names = [own for own, _ in module.named_parameters(recurse=False)]
            # The parts of a parametrised weight sit in children that are no layers: the layer itself has a row.
            if names or isinstance(module, LAYERS):
                yield InitRow(name=name or "(model)", kind=kind, note=_why_left(module, names))
            return
        bias = "" if all(id(weight.parameter) in self.left for weight in weights) else self._set_biases(module)
        for weight in weights:
            parameter, full_name = weight.parameter, f"{name}.{weight.name}" if name else weight.name
            shape = tuple(parameter.shape)
            if id(parameter) in self.left:
                yield InitRow(name=full_name, kind=kind, shape=shape, note=self.left[id(parameter)])
                continue
            scheme, gain, followed_by = self._choose(name, weight)
            weight.write(scheme.draw(weight, gain=gain, generator=self.generator))
            self.left[id(parameter)] = f"tied to {full_name}"
            yield InitRow(
                name=full_name,
                kind=kind,
                shape=shape,
                followed_by=followed_by,
                scheme=scheme.name,
                gain=gain,
                fan_in=weight.fan_in,
                fan_out=weight.fan_out,
                std=scheme.std_of(weight, gain=gain),
                bias=bias,
            )

    def _choose(self, name: str, weight: Weight) -> tuple[Scheme, float, str]:
        if self.scheme is not None or self.following is None:
            scheme = self.scheme or SCHEMES["xavier"]
            return scheme, scheme.gain if self.gain is None else self.gain, ""
        if weight.role == "hidden":
            return SCHEMES["orthogonal"], 1.0, ""
        if weight.role == "input":
            return SCHEMES["xavier"], 1.0, ""
        activation = self.following.by_layer.get(name, activations.NONE)
        return SCHEMES[activation.scheme], activation.gain if self.gain is None else self.gain, activation.name

    def _set_biases(self, module: nn.Module) -> str:
        biases = {
            name: parameter
            for name, parameter in module.named_parameters(recurse=False)
            if (name.startswith("bias") or name == "in_proj_bias") and parameter.requires_grad
        }
        for name, bias in biases.items():
            with torch.no_grad():
                if self.biases == "normal":
                    bias.normal_(generator=self.generator)
                    continue
                bias.zero_()
                if isinstance(module, (nn.LSTM, nn.LSTMCell)) and name.startswith("bias_ih"):
                    # torch keeps the gates in the order input, forget, cell, output, and adds the two biases.
                    bias.view(4, -1)[1] = self.forget_bias
        if biases and self.biases == "normal":
            return "N(0, 1)"
        if biases and isinstance(module, (nn.LSTM, nn.LSTMCell)):
            return f"0, forget {self.forget_bias:g}"
        return "0" if biases else ""


def _is_norm(module: nn.Module) -> bool:
    return "Norm" in type(module).__name__ and not any(True for _ in module.children())


def _why_left(module: nn.Module, names: list[str]) -> str:
    if isinstance(module, EMBEDDINGS):
        return "embedding"
    if _is_norm(module):
        return "norm"
    if activations.of_module(module) is not None:
        return "activation"
    if isinstance(module, LAYERS):
        return "its weight is computed from other parameters"
    return f"no layer known here: {', '.join(names)}"
