"""Steps and phases, through every way in which a loop may go."""

from __future__ import annotations

import pytest

from unstuck.observe.clock import Clock, Phase


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_step_goes_forward_backward_and_on(clock: Clock) -> None:
    for step in range(3):
        assert (clock.step, clock.phase) == (step, Phase.FORWARD)
        assert clock.backward(cleared=False), "the first pass of a step, whatever became of the gradients before"
        assert clock.phase is Phase.BACKWARD
        clock.updated()
    assert clock.step == 3


def test_accumulated_passes_are_one_step(clock: Clock) -> None:
    assert [clock.backward(cleared=False) for _ in range(4)] == [True, False, False, False]
    clock.updated()
    assert clock.backward(cleared=False)


def test_a_pass_whose_gradients_were_cleared_begins_the_step_anew(clock: Clock) -> None:
    assert clock.backward(cleared=False)
    assert clock.backward(cleared=True)
    assert not clock.backward(cleared=False)
    assert clock.phase is Phase.BACKWARD


def test_a_closure_that_is_called_again_gives_no_loss_of_the_step(clock: Clock) -> None:
    clock.closes()
    assert (clock.closure, clock.phase) == (True, Phase.FORWARD)
    assert clock.backward(cleared=False)
    assert clock.phase is Phase.BACKWARD
    for _ in range(3):
        clock.backward(cleared=True)
        assert clock.phase is Phase.REPEATED
    clock.backward(cleared=False)
    assert clock.phase is Phase.REPEATED, "nor does a micro-batch of such a call"
    clock.updated()
    assert (clock.step, clock.phase, clock.closure) == (1, Phase.FORWARD, False)


def test_a_closure_may_accumulate(clock: Clock) -> None:
    clock.closes()
    assert [clock.backward(cleared=False) for _ in range(3)] == [True, False, False]
    assert clock.phase is Phase.BACKWARD


def test_a_closure_after_a_pass_of_its_own_begins_anew(clock: Clock) -> None:
    clock.backward(cleared=False)
    clock.closes()
    assert clock.phase is Phase.FORWARD
    assert clock.backward(cleared=True)
    assert clock.phase is Phase.BACKWARD


@pytest.mark.parametrize("begun", [False, True])
def test_an_evaluation_interrupts_and_training_goes_on_where_it_was(clock: Clock, begun: bool) -> None:
    if begun:
        clock.backward(cleared=False)
    before = clock.phase
    clock.evaluates()
    assert clock.phase is Phase.EVALUATION
    assert clock.training is before
    assert clock.eventful
    clock.trains()
    assert clock.phase is clock.training is before
    assert clock.backward(cleared=False) is not begun


def test_an_update_ends_an_evaluation_as_it_ends_all(clock: Clock) -> None:
    clock.backward(cleared=False)
    clock.evaluates()
    clock.trains()
    clock.updated()
    assert (clock.step, clock.phase) == (1, Phase.FORWARD)


def test_what_has_ended_does_not_begin_again(clock: Clock) -> None:
    clock.phase = Phase.ENDED
    clock.updated()
    assert clock.phase is Phase.ENDED


def test_first_steps_and_powers_of_two_are_milestones(clock: Clock) -> None:
    milestones: list[int] = []
    eventful: list[int] = []
    clock.sampled = False
    for _ in range(70):
        milestones += [clock.step] * clock.milestone
        eventful += [clock.step] * clock.eventful
        clock.updated()
    assert milestones == eventful == [0, 1, 2, 4, 8, 16, 32, 64]
    clock.sampled = True
    assert clock.eventful
    assert not clock.milestone
