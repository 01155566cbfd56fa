import os
import signal
from collections.abc import Iterator

import pytest

from unstuck.diagnose import terminations
from unstuck.diagnose.terminations import Terminations


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was done, in its order; nobody dies of it."""
    done: list[str] = []
    set_handler, get_handler = signal.signal, signal.getsignal
    before = {number: get_handler(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    monkeypatch.setattr(os, "register_at_fork", lambda **_: None)
    monkeypatch.setattr(Terminations, "_die", lambda self, number: done.append(f"died of {number}"))
    yield done
    signal.signal, signal.getsignal = set_handler, get_handler
    for number, handler in before.items():
        set_handler(number, handler)


def test_a_signal_that_comes_twice_at_once_is_one(said: list[str]) -> None:
    Terminations(lambda: said.append("spoke")).install()
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    assert said == ["spoke", "died of 15"]


def test_a_second_signal_ends_at_once(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminations, "SAME_SECONDS", 0.0)

    def speak() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        said.append("spoke")

    Terminations(speak).install()
    os.kill(os.getpid(), signal.SIGTERM)
    assert said == ["died of 2", "spoke", "died of 15"]


def test_a_signal_during_the_verdict_waits_for_its_end(said: list[str]) -> None:
    ends = Terminations(lambda: said.append("spoke"))
    ends.install()
    ends.speaking(interrupted=False)
    os.kill(os.getpid(), signal.SIGTERM)
    assert said == []
    ends.spoken()
    assert said == ["died of 15"]


def test_code_of_ours_is_not_cut_short(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminations, "_AT_WORK", (__file__,))
    monkeypatch.setattr(terminations, "_outermost_at_work", lambda frame: frame)

    def record() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        said.append("first line")
        said.append("second line")

    Terminations(lambda: said.append("spoke")).install()
    record()
    assert said == ["first line", "second line", "spoke", "died of 15"]


def test_handlers_of_the_script_are_its_own(said: list[str]) -> None:
    Terminations(lambda: said.append("spoke")).install()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.signal(signal.SIGTERM, lambda *_: said.append("mine")) is signal.SIG_DFL
    os.kill(os.getpid(), signal.SIGTERM)
    assert said == ["mine"]
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
    assert said == ["mine", "spoke", "died of 15"]


def test_what_was_ignored_from_the_start_stays_so(said: list[str]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    Terminations(lambda: said.append("spoke")).install()
    os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert said == []
