from unstuck.sandbox.trackers import QUIET


def test_services_are_told_by_text():
    assert QUIET["WANDB_MODE"] == "disabled"
    assert all(isinstance(value, str) for value in QUIET.values())
