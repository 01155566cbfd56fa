"""Attention whose logits have grown until each query sees one key: what steps that are too large do to transformers."""

from __future__ import annotations

import numpy as np

from unstuck.record import Evidence, Run, signals

__all__ = ["grown_logits"]

ENDS = 3
"""Samples at the start and at the end whose median counts (our choice)."""

LARGE = 50.0
"""Logit above which the weights of a softmax are zero and one; Dehghani et al. (2023) see trainings diverge by them."""

GROWN = 10.0
"""Times that of the start (our choice)."""


def grown_logits(run: Run) -> Evidence | None:
    """The head whose largest logit has grown most; None where none is large, and ten times what it was.

    Source: Dehghani et al., "Scaling vision transformers to 22 billion parameters", ICML 2023, section 2.2; Zhai et
    al., "Stabilizing transformer training by preventing attention entropy collapse", ICML 2023.

    Args:
        run: One stream of a run.
    """
    logits, entropies = run.table(signals.ATTENTION_LOGIT), run.table(signals.ATTENTION_ENTROPY)
    if len(logits) < 2 * ENDS:
        return None
    early, late = (np.nan_to_num(np.median(part, axis=0)) for part in (logits.values[:ENDS], logits.values[-ENDS:]))
    head = int(late.argmax())
    if late[head] < max(LARGE, GROWN * early[head]):
        return None
    name = logits.names[head]
    spread = dict(entropies.columns()).get(name)
    left = f"; its entropy is {spread.values[-1]:.0%} of the most" if spread is not None and len(spread) else ""
    return Evidence(
        signal=signals.ATTENTION_LOGIT.key,
        value=float(late[head]),
        threshold=LARGE,
        steps=(int(logits.steps[0]), int(logits.steps[-1])),
        note=f"largest attention logit of {name}, {early[head]:.2g} at first{left}",
    )
