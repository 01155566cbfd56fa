from tests.find_lr.bowls import Bowl
from unstuck.find_lr.remembered import Remembered


def test_the_beginning_of_a_longer_training_is_not_trained_again() -> None:
    bowl = Bowl()
    trainer = Remembered(bowl)
    whole = trainer.train((0.1,) * 20)
    part = trainer.train((0.1,) * 5)
    assert bowl.updates == trainer.updates == 20
    assert part.losses == whole.losses[:5] == Bowl().train((0.1,) * 5).losses


def test_a_longer_one_another_rate_and_another_repeat_are_trained() -> None:
    trainer = Remembered(Bowl(noise=1.0))
    first = trainer.train((0.1,) * 5)
    assert trainer.train((0.1,) * 5, repeat=1).losses != first.losses
    assert len(trainer.train((0.1,) * 9).losses) == 9
    trainer.train((0.1, 0.2))
    trainer.train((0.1, 0.2))
    assert trainer.trials == 5


def test_what_grew_beyond_the_bound_is_known_for_longer_trainings_too() -> None:
    trainer = Remembered(bowl := Bowl(curvature=100.0))
    trainer.bound = 1e4
    short = trainer.train((1.0,) * 9)
    made = bowl.updates
    assert len(short.losses) < 9
    assert short.ended.startswith("the loss grew to")
    assert trainer.train((1.0,) * 50) == short
    assert trainer.train((1.0,) * 2).ended == ""
    assert bowl.updates == made


def test_what_has_diverged_diverges_at_once() -> None:
    bowl = Bowl(curvature=1e6)
    trainer = Remembered(bowl)
    short = trainer.train((1.0,) * 50)
    made = bowl.updates
    assert not short.finite
    assert trainer.train((1.0,) * 90).losses == short.losses
    assert bowl.updates == made
