"""Facts of older runs, in the names and fields that they have now.

A run keeps its facts as they were when it was recorded. What was renamed or taken apart since then is translated when
it is read, so that no other module knows the old form.
"""

from __future__ import annotations

from typing import Any

__all__ = ["stored_kinds", "upgraded"]

FORMER_KINDS = {
    "functional_dropout": "dropping",
    "non_differentiable_sample": "draw",
    "unoptimized_parameters": "strangers",
}
"""The kind under which earlier releases stored facts, by what it is called now."""

FLAT_LOSS: dict[str, tuple[str, ...]] = {
    "output_shape": ("output", "shape"),
    "output_minimum": ("output", "minimum"),
    "output_maximum": ("output", "maximum"),
    "output_op": ("output", "operation"),
    "output_op_axis": ("output", "softmax", "axis"),
    "output_op_shape": ("output", "softmax", "shape"),
    "output_class_axis": ("output", "softmax", "class_axis"),
    "output_transposed": ("output", "transposed"),
    "target_shape": ("target", "shape"),
    "target_type": ("target", "type"),
    "target_mean": ("target", "mean"),
    "target_variance": ("target", "variance"),
    "target_minimum": ("target", "minimum"),
    "target_maximum": ("target", "maximum"),
    "target_distinct": ("target", "distinct"),
    "target_integers": ("target", "integers"),
    "target_row_sums": ("target", "row_sums"),
    "classes": ("classes", "number"),
    "class_counts": ("classes", "counts"),
    "class_recalls": ("classes", "recalls"),
    "class_weights": ("classes", "recall_examples"),
}
"""Where each field of a loss that had all of them side by side is now."""


FORMER_REACH: dict[str, dict[str, Any]] = {
    **{name: {"operation": name, "lowest": 0.0} for name in ("Relu", "Softplus", "Exp")},
    **{name: {"operation": name, "lowest": 0.0, "highest": 1.0} for name in ("Sigmoid", "Softmax")},
    "Tanh": {"operation": "Tanh", "lowest": -1.0, "highest": 1.0},
}
"""What the outputs of a loss could be, of which earlier releases recorded the operation alone."""


def stored_kinds(kind: str) -> tuple[str, str]:
    """Both names under which runs may hold facts of a kind: its own, and an earlier one, which may be the same.

    Examples:
        >>> stored_kinds("unoptimized_parameters")
        ('unoptimized_parameters', 'strangers')
    """
    return kind, FORMER_KINDS.get(kind, kind)


def upgraded(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """The values of a fact as they would be stored now.

    Args:
        kind: The kind of the fact, by its present name.
        values: Its JSON object, as any release has written it.

    Returns:
        The same object, where it is up to date, or a new one.

    Examples:
        >>> upgraded("loss", {"function": "mse_loss", "target_mean": 3.0})
        {'function': 'mse_loss', 'target': {'mean': 3.0}}
    """
    if kind != "loss":
        return values
    return _reaching(_nested_loss(values) if _is_flat(values) else values)


def _reaching(loss: dict[str, Any]) -> dict[str, Any]:
    output = loss.get("output")
    reach = FORMER_REACH.get(output.get("operation", "")) if isinstance(output, dict) else None
    return (
        loss if output is None or reach is None or "reach" in output else {**loss, "output": {**output, "reach": reach}}
    )


def _is_flat(loss: dict[str, Any]) -> bool:
    apart = "output" in loss or "target" in loss or isinstance(loss.get("classes"), dict)
    return not apart and not FLAT_LOSS.keys().isdisjoint(loss)


def _nested_loss(flat: dict[str, Any]) -> dict[str, Any]:
    loss: dict[str, Any] = {}
    for name, value in flat.items():
        *parts, field = FLAT_LOSS.get(name, (name,))
        place = loss
        for part in parts:
            place = place.setdefault(part, {})
        place[field] = value
    output = loss.get("output", {})
    softmax = output.pop("softmax", {})
    if softmax.get("axis") is not None:
        output["softmax"] = {**softmax, "shape": softmax.get("shape") or output.get("shape", ())}
    return loss
