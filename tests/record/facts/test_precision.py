from unstuck.record.facts import KINDS, LossScaling, NarrowConstant


def test_they_are_kept_under_kinds_of_their_own() -> None:
    assert KINDS["loss_scaling"] is LossScaling
    assert KINDS["narrow_constant"] is NarrowConstant


def test_a_scaler_that_was_never_seen_is_said_so() -> None:
    assert LossScaling.missing == "no GradScaler stepped the optimizer"
