from __future__ import annotations

import pytest

from unstuck.rules.methods import decouples_decay, divides_size


@pytest.mark.parametrize(
    ("method", "decouples", "divides"),
    [
        ("SGD", False, False),
        ("SGDW", True, False),
        ("SGDScheduleFree", False, False),
        ("Adam", False, True),
        ("NAdam", False, True),
        ("AdamW", True, True),
        ("PagedAdamW8bit", True, True),
        ("AdamWScheduleFree", True, True),
        ("Lion", True, True),
        ("Lion8bit", True, True),
        ("Muon", True, True),
        ("MuonWithAuxAdam", True, True),
        ("SOAP", True, True),
        ("Adafactor", True, True),
        ("LAMB", False, True),
        ("RMSprop", False, True),
    ],
)
def test_methods_of_today_are_known_by_their_names(method: str, decouples: bool, divides: bool) -> None:
    assert (decouples_decay(method), divides_size(method)) == (decouples, divides)
