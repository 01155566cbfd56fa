"""What the loss is applied to: function, shapes, outputs, targets, accuracy, and the place of the call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.autograd.axes import followed, result_shape, signed
from unstuck.observe.autograd.clamped import clamped_off
from unstuck.observe.autograd.graph import exchanges_axes, operation, producer
from unstuck.observe.autograd.reach import reach
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.late_loss import LateProbe
from unstuck.observe.collectors.targets import IGNORED, MOST_CLASSES, TargetProbe
from unstuck.observe.collectors.view import Measurement, View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import NOWHERE, Site, user_site
from unstuck.record import facts, signals
from unstuck.record.signals import Signal

__all__ = ["LOSS_FUNCTIONS", "LossProbe", "Losses", "loss_arguments", "weighs"]

LOSS_FUNCTIONS: dict[Callable[..., Any], str] = {
    getattr(functional, name): name
    for name in (
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "cosine_embedding_loss",
        "cross_entropy",
        "ctc_loss",
        "gaussian_nll_loss",
        "hinge_embedding_loss",
        "huber_loss",
        "kl_div",
        "l1_loss",
        "margin_ranking_loss",
        "mse_loss",
        "multi_margin_loss",
        "multilabel_margin_loss",
        "multilabel_soft_margin_loss",
        "nll_loss",
        "poisson_nll_loss",
        "smooth_l1_loss",
        "soft_margin_loss",
        "triplet_margin_loss",
    )
}
"""Name of each loss of torch.nn.functional, by the function that PyTorch dispatches; loss modules call these too."""

OUTPUT_VALUES = 65_536

MOST_PLACES = 16
"""Places that call a loss, of which more would be generated code."""

_SIGNALS: tuple[Signal, ...] = (
    signals.OUTPUT_MEAN,
    signals.OUTPUT_STD,
    signals.OUTPUT_SPREAD,
)

_MEASURED: tuple[Signal, ...] = (
    *_SIGNALS,
    *(signals.LOSS_CALL, signals.ACCURACY, signals.PREDICTION_TOP, signals.TARGET_TOP, signals.TARGET_REPEATS),
    *(signals.TARGET_MEAN, signals.TARGET_STD, signals.TARGET_AUTOCORRELATION),
)


def loss_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Tensor] | None:
    """Output and target of a loss call; None where they are not two tensors, each whole on this process."""
    output = args[0] if args else kwargs.get("input")
    target = args[1] if len(args) > 1 else kwargs.get("target")
    if not isinstance(output, Tensor) or not isinstance(target, Tensor):
        return None
    return (output, target) if is_readable(output) and is_readable(target) else None


def weighs(weight: Any, positive: Any) -> bool:
    """Whether the weights of a loss by class, or of its positives, change anything."""
    by_class, of_positives = _flat(weight), _flat(positive)
    return (by_class is not None and bool((by_class != by_class[0]).any())) or (
        of_positives is not None and bool((of_positives != 1).any())
    )


def _flat(weights: Any) -> Tensor | None:
    """The weights of a loss; None where there are none that can be read."""
    return weights.flatten() if isinstance(weights, Tensor) and is_readable(weights) and weights.numel() else None


def _some(output: Tensor) -> Tensor:
    """At most 65,536 of the outputs, shape (N, K): of all examples the same ones, as long as there are fewer."""
    rows = output.reshape(len(output), -1) if output.dim() else output.reshape(1, 1)
    rows = rows[:: -(-len(rows) // OUTPUT_VALUES)]
    return rows[:, :: -(-rows.numel() // OUTPUT_VALUES)]


@dataclass
class LossProbe:
    """Collect what the calls of one loss function in one place show on sampled steps.

    Attributes:
        function: Name of the function.
        site: Where the user's code calls it.
        layer: The layer whose weights are nearest to its outputs; None as long as nobody has looked.
    """

    function: str
    site: Site = NOWHERE
    layer: str | None = None
    targets: TargetProbe = field(default_factory=TargetProbe)
    _late: LateProbe = field(default_factory=LateProbe)
    _reduction: str = "mean"
    _output_shape: tuple[int, ...] = ()
    _operation: str = ""
    _softmax: facts.OutputSoftmax | None = None
    _transposed: bool = False
    _reach: facts.OutputReach | None = None
    _clamped_off: Tensor | None = None
    _weighted: bool = False
    _weights: tuple[Any, Any] = (None, None)
    _smoothing: float = 0.0
    _range: tuple[Tensor, Tensor] | None = None
    _batch: dict[Signal, Tensor] = field(default_factory=dict[Signal, Tensor])

    def observe(self, pair: tuple[Tensor, Tensor], kwargs: dict[str, Any], value: Tensor | None) -> None:
        """Take one loss call.

        Args:
            pair: Its output and its target.
            kwargs: Its further arguments by name.
            value: What it returned; None where it failed.
        """
        output, target = pair
        self._reduction = str(kwargs.get("reduction", "mean"))
        self._output_shape = tuple(output.shape)
        self._weigh(kwargs.get("weight"), kwargs.get("pos_weight"))
        self._smoothing = float(kwargs.get("label_smoothing", 0.0))
        self._describe_producer(output)
        self._batch = self._measure(output.detach())
        self._batch.update(self.targets.observe(self.function, output.detach(), target.detach(), kwargs))
        if value is not None and is_readable(value):
            self._batch[signals.LOSS_CALL] = value.detach().double().mean()
            self._late.take(self._batch[signals.LOSS_CALL])

    def _weigh(self, weight: Any, positive: Any) -> None:
        """Note whether weights differ, by a look at each pair of them once."""
        if weight is not self._weights[0] or positive is not self._weights[1]:
            self._weights = (weight, positive)
            self._weighted = weighs(weight, positive)

    def _class_weights(self, classes: int | None) -> tuple[float, ...]:
        weights = _flat(self._weights[0]) if self._weighted else None
        known = weights is not None and classes is not None and len(weights) == classes <= MOST_CLASSES
        return tuple(weights.tolist()) if weights is not None and known else ()

    def _describe_producer(self, output: Tensor) -> None:
        node = producer(output)
        name = "" if node is None else operation(node)
        if name != self._operation:  # else its reach is known, and a graph is not walked at every step
            self._operation, self._reach = name, reach(node)
        self._softmax = None
        if self._operation in ("Log", "Clamp", "ClampMin"):
            self._take_clamped(clamped_off(node))
        self._transposed = node is not output.grad_fn and exchanges_axes(output)
        axis = getattr(node, "_saved_dim", None)
        if self._operation in ("Softmax", "LogSoftmax") and axis is not None:
            shape = result_shape(node) or tuple(output.shape)
            # Of several dimensions a loss over classes takes the second for the classes.
            classes = followed(output.grad_fn, min(1, output.dim() - 1))[1] if output.dim() else None
            self._softmax = facts.OutputSoftmax(axis=signed(axis) % max(len(shape), 1), shape=shape, class_axis=classes)

    def _take_clamped(self, share: Tensor | None) -> None:
        before = self._clamped_off
        if share is not None:
            self._clamped_off = share if before is None else torch.maximum(before, share.to(before.device))

    def _measure(self, output: Tensor) -> dict[Signal, Tensor]:
        if not output.is_floating_point() or not output.numel():
            return {}
        values = _some(output).float()
        # A NaN would hide for good what else was seen.
        known = torch.nan_to_num(values, nan=0.0, posinf=torch.inf, neginf=-torch.inf)
        low, high = torch.aminmax(known)
        if self._range is not None and self._range[0].device == low.device:
            low, high = torch.minimum(self._range[0], low), torch.maximum(self._range[1], high)
        self._range = (low, high)
        std, mean = torch.std_mean(values, correction=0)
        spread = values.std(dim=0, correction=0).square().mean().sqrt()
        return dict(zip(_SIGNALS, (mean, std, spread), strict=True))

    def forget_call(self) -> None:
        """The latest call gave no part of the loss."""
        self._batch.pop(signals.LOSS_CALL, None)

    def batch(self) -> dict[Signal, Tensor]:
        """The latest call's numbers, one-element tensors still on their device; each call is handed out once."""
        batch, self._batch = self._batch, {}
        return batch

    def fact(self) -> facts.Loss:
        """All that the calls so far have shown."""
        low, high = (None, None) if self._range is None else map(float, self._range)
        target, classes = self.targets.summary()
        return facts.Loss(
            function=self.function,
            reduction=self._reduction,
            weighted=self._weighted,
            label_smoothing=self._smoothing,
            output=facts.LossOutput(
                shape=self._output_shape,
                minimum=low,
                maximum=high,
                operation=self._operation,
                softmax=self._softmax,
                transposed=self._transposed,
                reach=self._reach,
                layer=self.layer or "",
                clamped_off=None if self._clamped_off is None else float(self._clamped_off),
            ),
            target=target,
            classes=replace(classes, weights=self._class_weights(classes.number)),
            late=self._late.summary(),
            file=self.site.file,
            line=self.site.line,
            column=self.site.column,
        )


class Losses:
    """Tell the calls of several losses apart, by function and place: a training and an auxiliary loss, two heads.

    Args:
        view: What is known of the step.
    """

    measures = _MEASURED
    functions = frozenset(LOSS_FUNCTIONS)

    def __init__(self, view: View) -> None:
        self._view = view
        self._probes: dict[tuple[str, Site], LossProbe] = {}
        self._calls = 0
        self._called: set[tuple[str, Site]] = set()
        self._passed: tuple[int, frozenset[tuple[str, Site]]] = (0, frozenset())

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Take a call of one of PyTorch's losses, that this training is to learn from."""
        if isinstance(output, Tensor) and output.requires_grad and not self._view.is_foreign(output):
            name = LOSS_FUNCTIONS[function]
            pair = self.observe(name, args, kwargs, output)
            if pair is not None:
                ignored = int(kwargs.get("ignore_index", IGNORED))
                call = LossCall(function=name, output=pair[0], target=pair[1], value=output, ignored=ignored)
                self._view.loss_called(call)

    def failed_call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A loss refused its arguments: take what they were before the script ends."""
        if function in LOSS_FUNCTIONS:
            self.observe(LOSS_FUNCTIONS[function], args, kwargs)

    def written(self, call: LossCall) -> None:
        """Take a loss that the user has written out."""
        self.observe(call.function, (call.output, call.target), call.arguments, call.value, site=call.site)

    def passed(self) -> None:
        """A backward pass has ended that another one may follow."""
        self._passed = (self._calls, frozenset(self._called))

    def cleared(self) -> None:
        """Its gradients were cleared: the loss of the step is that of another place which was called since."""
        number, places = self._passed
        if self._called > places:
            self._calls -= number
            for place in places & self._probes.keys():
                self._probes[place].forget_call()

    def update(self, optimizer: object) -> Measurement:
        """The numbers of this step's calls."""
        batch = self.batch()
        return Measurement(list(batch.values()), lambda numbers: {s: v[0] for s, v in zip(batch, numbers, strict=True)})

    def observe(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        value: Tensor | None = None,
        *,
        site: Site | None = None,
    ) -> tuple[Tensor, Tensor] | None:
        """Take one loss call by its name, its arguments, and what it returned; None where it failed.

        It was made at ``site``, if that is not where the present calls have come from.

        Returns:
            Its output and its target; None where they are not two tensors.
        """
        pair = loss_arguments(args, kwargs)
        if pair is None:
            return None
        key = (name, site or user_site(1))
        probe = self._probes.get(key)
        if probe is None:
            if len(self._probes) >= MOST_PLACES:
                return pair
            probe = self._probes[key] = LossProbe(function=name, site=key[1])
        between = self._view.between
        if between.began and key in self._called:
            return pair  # of another micro-batch
        between.news |= key not in self._called
        self._called.add(key)
        self._calls += 1
        if probe.layer is None and self._view.named:
            probe.layer = self._view.layer_of(pair[0])
        probe.observe(pair, {"weight": args[2], **kwargs} if len(args) > 2 else kwargs, value)
        return pair

    @property
    def names(self) -> frozenset[str]:
        """Names of the functions called so far."""
        return frozenset(name for name, *_ in self._probes)

    def batch(self) -> dict[Signal, Tensor]:
        """The numbers of this step's calls, those of the place seen first where several agree on a signal."""
        merged: dict[Signal, Tensor] = {}
        for probe in self._probes.values():
            for signal, number in probe.batch().items():
                merged.setdefault(signal, number)
        if self._calls != 1:
            merged.pop(signals.LOSS_CALL, None)
        self._calls = 0
        self._called.clear()
        return merged

    def facts(self) -> Iterator[facts.Loss]:
        """What each place has shown so far, the one seen first at first."""
        for probe in self._probes.values():
            yield probe.fact()
