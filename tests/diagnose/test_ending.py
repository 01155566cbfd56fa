import sys

import pytest

from unstuck.diagnose.ending import end_of, leave, message_of


def again() -> None:
    try:
        raise KeyboardInterrupt
    finally:
        raise KeyboardInterrupt


def test_a_second_interrupt_is_told_from_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    ending = end_of(again)
    assert (ending.status, ending.again) == (130, True)
    assert capsys.readouterr().err.count("Traceback") == 2


def test_an_interrupt_is_printed_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    printed: list[object] = []
    hook = lambda *error: printed.append(error[1])  # it is compared by identity
    monkeypatch.setattr(sys, "excepthook", hook)

    def interrupt() -> None:
        raise KeyboardInterrupt

    left = leave(end_of(interrupt))
    assert isinstance(left, KeyboardInterrupt)
    sys.excepthook(type(left), left, None)  # as the interpreter will
    assert printed == [left]
    assert sys.excepthook is hook


@pytest.mark.parametrize(("code", "status"), [(None, 0), (True, 1), (256, 0), (-1, 255), ("words", 1), (2.5, 1)])
def test_statuses(code: object, status: int) -> None:
    ending = end_of(lambda: sys.exit(code))  # pyright: ignore[reportArgumentType]
    assert (ending.status, ending.error) == (status, None)
    left = leave(ending)
    assert isinstance(left, SystemExit)
    assert left.code == code


def test_an_error_that_cannot_be_shown_has_its_type() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert message_of(MuteError()) == "MuteError: its message cannot be shown"
    assert message_of(ValueError()) == "ValueError"
    assert message_of(ValueError("two\n lines")) == "ValueError: two lines"
