"""What the loss is applied to: function, shapes, targets, accuracy, and the place of the call in the user's code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.frames import user_place
from unstuck.record import facts

__all__ = ["LOSS_FUNCTIONS", "LossProbe"]

MOST_CLASSES = 4_096
"""Classes counted one by one; with more, only their number is kept."""

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

_CLASS_LOSSES = frozenset({"cross_entropy", "nll_loss", "multi_margin_loss"})


@dataclass
class LossProbe:
    """Collect what the loss calls of sampled steps show."""

    function: str | None = None
    _reduction: str = "mean"
    _output_shape: tuple[int, ...] = ()
    _target_shape: tuple[int, ...] = ()
    _place: tuple[str | None, int | None] = (None, None)
    _class_counts: Tensor | None = None
    _classes: int | None = None
    _real: list[Tensor] = field(default_factory=list[Tensor])
    _accuracy: Tensor | None = None

    @torch.no_grad()
    def observe(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Take one loss call.

        Args:
            name: Name of the function.
            args: Its positional arguments, the output first, the target second.
            kwargs: Its keyword arguments.
        """
        output = args[0] if args else kwargs.get("input")
        target = args[1] if len(args) > 1 else kwargs.get("target")
        if not isinstance(output, Tensor) or not isinstance(target, Tensor):
            return
        self.function = name
        self._reduction = str(kwargs.get("reduction", "mean"))
        self._output_shape, self._target_shape = tuple(output.shape), tuple(target.shape)
        if self._place[0] is None:
            self._place = user_place(2)
        output, target = output.detach(), target.detach()
        if not target.is_floating_point() and name in _CLASS_LOSSES:
            self._count(output, target)
        elif target.is_floating_point() and target.numel():
            values = target.double()
            self._real.append(torch.stack([values.new_tensor(values.numel()), values.sum(), values.square().sum()]))

    def _count(self, output: Tensor, target: Tensor) -> None:
        axis = 1 if output.dim() > 1 else 0
        self._classes = output.shape[axis]
        if self._classes > MOST_CLASSES:
            return
        valid = target[(target >= 0) & (target < self._classes)]
        # bincount with minlength fetches the greatest id on CUDA; one-hot sums do not.
        ids = torch.arange(self._classes, device=valid.device)
        counts = torch.stack([(valid.reshape(-1, 1) == ids).sum(dim=0)]).sum(dim=0)
        if self._class_counts is None or self._class_counts.shape != counts.shape:
            self._class_counts = counts
        else:
            self._class_counts = self._class_counts + counts
        if output.dim() == target.dim() + 1:
            self._accuracy = (output.argmax(dim=axis) == target).float().mean()

    def accuracy(self) -> Tensor | None:
        """Share of the batch's examples whose greatest output is their class, shape (1,); None without class ids."""
        accuracy, self._accuracy = self._accuracy, None
        return None if accuracy is None else accuracy.reshape(1)

    def fact(self) -> facts.Loss:
        """All that the calls so far have shown."""
        mean = variance = None
        if self._real:
            count, total, squares = torch.stack(self._real).sum(dim=0).tolist()
            self._real = [torch.tensor([count, total, squares], dtype=torch.float64)]
            mean = total / count
            variance = max(0.0, squares / count - mean * mean)
        return facts.Loss(
            function=self.function,
            reduction=self._reduction,
            output_shape=self._output_shape,
            target_shape=self._target_shape,
            target_type="class" if self._classes else "real" if self._real else "none",
            classes=self._classes,
            class_counts=() if self._class_counts is None else tuple(int(n) for n in self._class_counts.tolist()),
            target_mean=mean,
            target_variance=variance,
            file=self._place[0],
            line=self._place[1],
        )
