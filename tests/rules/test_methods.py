from __future__ import annotations

import pytest

from unstuck.rules.methods import decouples_decay, divides_size, large_steps, moves_by_rate, usual_rate


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


@pytest.mark.parametrize(
    ("method", "rate"),
    [
        ("Muon", 0.02),
        ("SingleDeviceMuonWithAuxAdam", 0.02),
        ("DistributedShampoo", 0.02),
        ("Prodigy", 1.0),
        ("DAdaptAdam", 1.0),
        ("Adafactor", 0.01),
        ("PagedLion8bit", 1e-4),
        ("LAMB", 2e-3),
        ("AdamW8bit", None),
        ("AdamWScheduleFree", None),
        ("SOAP", None),
        ("SGDScheduleFree", None),
    ],
)
def test_methods_with_a_scale_of_their_own_have_a_usual_rate(method: str, rate: float | None) -> None:
    usual = usual_rate(method)
    assert (usual and usual.rate) == rate


@pytest.mark.parametrize("method", ["Adam", "AdamW8bit", "AdamWScheduleFree", "NAdam", "RMSprop", "SOAP", "Adan"])
def test_kin_of_adam_move_weights_by_their_rate(method: str) -> None:
    assert moves_by_rate(method)


@pytest.mark.parametrize("method", ["SGD", "SGDScheduleFree", "Muon", "Lion", "DAdaptAdam", "Adagrad"])
def test_others_do_not(method: str) -> None:
    assert not moves_by_rate(method)


def test_orthogonal_steps_are_large_later() -> None:
    assert large_steps("Muon", 0.03) > 0.03
    assert large_steps("Lion", 0.03) == 0.03
