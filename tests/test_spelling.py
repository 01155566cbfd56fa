import pytest

from unstuck.spelling import unknown


@pytest.mark.parametrize(("given", "meant"), [("adm", "adam"), ("ADAM", "adam"), ("rmspropp", "rmsprop")])
def test_the_nearest_name_is_offered(given: str, meant: str) -> None:
    assert f"did you mean {meant!r}?" in unknown("optimizer.name", given, ["sgd", "adam", "rmsprop"])


def test_nothing_is_offered_for_a_name_unlike_any() -> None:
    message = unknown("optimizer.name", "quux", ["sgd", "adam"])
    assert "did you mean" not in message
    assert message.endswith("Accepted: sgd, adam")
