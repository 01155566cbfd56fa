"""Families of optimizers by the names of their classes: what a rule may take for granted of each."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Usual", "decouples_decay", "divides_size", "large_steps", "moves_by_rate", "usual_rate"]

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
    "shampoo",
    "soap",
    "sophia",
)
"""Words of methods whose steps do not depend on the gradient's size."""


class Usual(NamedTuple):
    """The learning rate that is usual for a method.

    Attributes:
        rate: The rate.
        source: Where it comes from.
    """

    rate: float
    source: str


USUAL = {
    "muon": Usual(0.02, "Jordan et al., 2024"),
    "shampoo": Usual(0.02, "steps are orthogonal matrices at first, as those of Muon"),
    "prodigy": Usual(1.0, "Mishchenko and Defazio, 2023"),
    "dadapt": Usual(1.0, "Defazio and Mishchenko, 2023"),
    "adafactor": Usual(0.01, "Shazeer and Stern, 2018"),
    "lamb": Usual(2e-3, "You et al., 2020"),
    "lion": Usual(1e-4, "Chen et al., 2023"),
}
"""Rates of methods whose steps are not of the rate's size in each weight, or in all of them at once, by their words."""

LARGE_STEPS = {"muon": 0.1, "shampoo": 0.1}
"""Late update ratios that are large for methods whose steps are orthogonal matrices: a weight as it is drawn has an
orthogonal matrix's size too, so that the ratio is the rate, and five times the usual one is large (our choice)."""


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


def usual_rate(method: str) -> Usual | None:
    """The rate that is usual for a method of its own scale; None for those whose rate follows from the first batch.

    Examples:
        >>> [usual and usual.rate for usual in map(usual_rate, ("Muon", "Lion8bit", "ProdigyOpt", "AdamW", "SGD"))]
        [0.02, 0.0001, 1.0, None, None]
    """
    return next((usual for word, usual in USUAL.items() if word in method.lower()), None)


def moves_by_rate(method: str) -> bool:
    """Whether the first step of a method moves each weight by about its rate, as those of Adam and its kin do.

    Examples:
        >>> [moves_by_rate(name) for name in ("AdamW8bit", "AdamWScheduleFree", "SOAP", "Muon", "Lion", "SGD")]
        [True, True, True, False, False, False]
    """
    return usual_rate(method) is None and any(word in method.lower() for word in ("adam", "rmsprop", "soap", "adan"))


def large_steps(method: str, others: float) -> float:
    """The update ratio above which the late steps of a method are large.

    Args:
        method: Its name.
        others: The same of methods that are not named here.

    Examples:
        >>> large_steps("Muon", 0.03), large_steps("AdamW", 0.03)
        (0.1, 0.03)
    """
    return next((large for word, large in LARGE_STEPS.items() if word in method.lower()), others)
