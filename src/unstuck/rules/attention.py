"""Attention whose logits have grown until each query sees one key: what steps that are too large do to transformers."""

from __future__ import annotations

import numpy as np

from unstuck.record import Evidence, Run, signals

__all__ = ["grown_logits"]

ENDS = 3
"""Samples at the start and at the end whose median counts (our choice)."""

LARGE = 50.0
"""Logit above which the weights of a softmax are zero and one; Dehghani et al. (2023) see trainings diverge by them."""

WIDE, NARROW = 0.5, 0.1
"""Entropy of attention over that of equal weights: usual at first, and of one that has collapsed (our choice)."""

GROWN = 10.0
"""Times that of the start (our choice)."""


def grown_logits(run: Run, *, collapsed: bool = False) -> Evidence | None:
    """The head whose largest logit has grown most; None where none is large, and ten times what it was.

    Source: Dehghani et al., "Scaling vision transformers to 22 billion parameters", ICML 2023, section 2.2; Zhai et
    al., "Stabilizing transformer training by preventing attention entropy collapse", ICML 2023.

    Args:
        run: One stream of a run.
        collapsed: Whether the entropy of that head must have fallen too, from above :data:`WIDE` to below
            :data:`NARROW`.
    """
    logits, entropies = run.table(signals.ATTENTION_LOGIT), run.table(signals.ATTENTION_ENTROPY)
    if len(logits) < 2 * ENDS:
        return None
    early, late = (np.nan_to_num(np.median(part, axis=0)) for part in (logits.values[:ENDS], logits.values[-ENDS:]))
    head = int(late.argmax())
    if late[head] < max(LARGE, GROWN * early[head]):
        return None
    name = logits.names[head]
    spread = entropies.column(name).finite().values if name in entropies.names else np.empty(0)
    left = f"; its entropy is {spread[-1]:.0%} of the most" if len(spread) else ""
    narrowed = len(spread) > 0 and np.median(spread[:ENDS]) > WIDE and np.median(spread[-ENDS:]) < NARROW
    if collapsed and not narrowed:
        return None
    return Evidence(
        signal=signals.ATTENTION_LOGIT.key,
        value=float(late[head]),
        threshold=LARGE,
        steps=(int(logits.steps[0]), int(logits.steps[-1])),
        note=f"largest attention logit of {_named(name)}, {early[head]:.2g} at first{left}",
    )


def _named(head: str) -> str:
    """A head in words, from ``"blocks.0.attention#3"``."""
    layer, _, number = head.rpartition("#")
    return f"head {number} of {layer}"
