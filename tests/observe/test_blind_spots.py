"""What cannot be seen is said in words that tell what is missing and what to do."""

from __future__ import annotations

import pytest

from unstuck.observe import blind_spots


@pytest.mark.parametrize("name", blind_spots.__all__)
def test_a_blind_spot_says_what_is_missing_in_one_sentence(name: str) -> None:
    text = getattr(blind_spots, name)
    assert text[0].islower(), "it is put into a sentence"
    assert not text.endswith(".")
    assert any(word in text for word in ("not seen", "missing"))


def test_of_sharded_parameters_the_command_is_named_that_sees_them() -> None:
    assert "torchrun -m unstuck run" in blind_spots.SHARDED
    assert "losses, gradients, weights and updates are" in blind_spots.COMPILED
