import torch

from unstuck.observe.collectors.seen_examples import Identity

TRAINING, VALIDATION = torch.arange(20.0).reshape(10, 2), torch.arange(100.0, 112.0).reshape(6, 2)


def test_what_entered_at_a_place_from_which_no_update_came_was_not_trained_on() -> None:
    identity = Identity()
    for _ in range(3):
        identity.train("train.py:5", TRAINING)
        identity.latest = "train.py:5"
        identity.learn()
        identity.train("train.py:9", VALIDATION)
        identity.latest = "train.py:9"
    identity.evaluate("train.py:12", VALIDATION)
    identity.evaluate("train.py:13", TRAINING)
    assert (identity.overlap("train.py:12"), identity.overlap("train.py:13")) == (0.0, 1.0)
    assert len(identity.trained) == len(TRAINING)


def test_a_batch_that_was_met_before_is_recognised() -> None:
    identity = Identity()
    assert identity.train("train.py:5", TRAINING[:5]) == 0.0
    assert identity.train("train.py:5", TRAINING) == 0.5
    assert identity.train("train.py:5", torch.ones(())) is None
