"""Families of optimizers by the names of their classes: what a rule may take for granted of each."""

from __future__ import annotations

__all__ = ["decouples_decay", "divides_size"]

DECOUPLING = ("adamw", "sgdw", "lion", "muon", "adafactor", "soap", "sophia", "adan", "ademamix", "came")
"""Words of methods whose weight decay acts on the weights beside the gradient, not through it."""

DIVIDING = (
    "adam",
    "adan",
    "adagrad",
    "adadelta",
    "adafactor",
    "came",
    "lamb",
    "lion",
    "muon",
    "prodigy",
    "prop",
    "soap",
)
"""Words of methods whose steps do not depend on the gradient's size."""


def decouples_decay(method: str) -> bool:
    """Whether the weight decay of a method is decoupled from the gradient.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, and the papers of the methods.

    Examples:
        >>> [decouples_decay(name) for name in ("AdamW", "PagedAdamW8bit", "AdamWScheduleFree", "Muon", "Adam", "SGD")]
        [True, True, True, True, False, False]
    """
    return any(word in method.lower() for word in DECOUPLING)


def divides_size(method: str) -> bool:
    """Whether a method divides by the gradient's size, takes its sign, or orthogonalises it.

    Examples:
        >>> [divides_size(name) for name in ("Adam8bit", "Lion8bit", "SingleDeviceMuon", "RMSprop", "SGD", "Momentum")]
        [True, True, True, True, False, False]
    """
    return any(word in method.lower() for word in DIVIDING)
