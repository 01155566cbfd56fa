from __future__ import annotations

from unstuck.record import Departure, Throw

LOGIT = Departure(
    what="largest attention logit", where="blocks.1", step=300, value=218.0, usual=40.0, limit=120.0, since=299
)


def test_it_says_what_came_first() -> None:
    throw = Throw(step=303, loss=50.0, level=0.5, returns=False, departures=(LOGIT, LOGIT), looked=302)
    assert throw.thrown == "at step 303 the loss was thrown from 0.5 to 50, and did not come back"
    one = "the largest attention logit of blocks.1, 40 until then, was 218 at step 300"
    assert throw.why == f"first {one}; then {one}"


def test_rows_and_their_places_are_named() -> None:
    throw = Throw(step=9, loss=5.0, level=0.5, returns=True, departures=(LOGIT,), rows=(3,), among=8, examples=(1234,))
    assert throw.why.endswith("; row 3 of 8 of the batch, which is dataset[1234]")


def test_of_a_batch_without_such_rows_the_examples_are_named() -> None:
    throw = Throw(step=9, loss=5.0, level=0.5, returns=True, looked=8, batch=(7, 2))
    assert throw.why.endswith("the last one before it; its batch is of dataset[7], dataset[2]")
    throw = Throw(step=9, loss=5.0, level=0.5, returns=True, departures=(LOGIT,), batch=tuple(range(20)))
    assert throw.why.endswith("dataset[7] and 12 more")


def test_between_samples_the_last_one_within_is_named() -> None:
    seldom = Departure(what="learning rate", where="", step=300, value=1.0, usual=0.1, limit=0.2, since=250)
    assert str(seldom).endswith("was 1 at step 300 (and within its range at step 250)")


def test_what_is_not_known_is_said() -> None:
    assert Throw(step=9, loss=5.0, level=0.5, returns=True).why.startswith("too few steps")
    assert "at step 8" in Throw(step=9, loss=5.0, level=0.5, returns=True, looked=8).why


def test_of_several_rows_an_example_the_examples_are_named() -> None:
    throw = Throw(
        step=9,
        loss=5.0,
        level=0.5,
        returns=True,
        departures=(LOGIT,),
        rows=(4, 5),
        among=8,
        examples=(7,),
        batch=(3, 7),
    )
    assert throw.why.endswith("; in dataset[7], of 2 examples of the batch")
