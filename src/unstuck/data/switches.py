"""A thousand switches, half of them on: what Nielsen draws the spread of a weighted input for."""

from __future__ import annotations

import numpy as np

from unstuck.data.source import Source

__all__ = ["switches"]

EXAMPLES, INPUTS, CLASSES = 2_000, 1_000, 10
SEED = 0
FLIPPED = 0.36
"""Share of the inputs of an example that are drawn anew; of one half, nothing would be left of its class."""


def switches() -> Source:
    r"""2,000 examples of ten patterns of 1,000 inputs, of which exactly 500 are 1 and the others 0, under much noise.

    With weights and bias from N(0, 1), the weighted input of a unit, :math:`z = \sum_j w_j x_j + b`, is a sum of 501
    normal numbers and has a standard deviation of :math:`\sqrt{501} \approx 22.4`; with weights from N(0, 1/1000) it is
    :math:`\sqrt{500/1000 + 1} \approx 1.22`. Keep the inputs as they are: ``scale=False``.

    Source: M. Nielsen (2015), "Neural Networks and Deep Learning", chapter 3, section "Weight initialization", which
    has the inputs; the patterns are made here, for something to learn from them.
    """
    generator = np.random.default_rng(SEED)
    ranks = generator.random((CLASSES, INPUTS))
    targets = generator.integers(0, CLASSES, EXAMPLES)
    noise = generator.random((EXAMPLES, INPUTS))
    mixed = np.where(generator.random((EXAMPLES, INPUTS)) < 2 * FLIPPED, noise, ranks[targets])
    inputs = np.zeros((EXAMPLES, INPUTS), dtype=np.float32)
    np.put_along_axis(inputs, np.argsort(mixed, axis=1)[:, INPUTS // 2 :], 1.0, axis=1)
    return Source(
        name="switches",
        task="classification",
        inputs=inputs,
        targets=targets,
        labels=tuple(f"pattern {k}" for k in range(CLASSES)),
    )
