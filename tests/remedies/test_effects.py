from __future__ import annotations

from unstuck.remedies import effects


def test_each_remedy_must_have_an_effect() -> None:
    effects.begin(["a", "b"])
    effects.happened("a")
    assert not effects.changed()
    effects.happened("b")
    assert effects.changed()
    effects.begin([])
    assert not effects.changed()
