import io

import pytest
from rich.console import Console

from unstuck.observe import Latest
from unstuck.train import Bar, Epoch, Lines, Means, Silent, progress_for

ERASE = "\x1b[2K"
LATEST = Latest(step=7, loss=0.25, accuracy=0.5, learning_rate=1e-3, update_ratio=2e-3)


def epoch(number: int, *, accuracy: float | None = 0.75) -> Epoch:
    means = Means(loss=0.5, accuracy=accuracy, examples=10)
    return Epoch(number=number, train=means, validation=means)


def console(*, terminal: bool, width: int = 100) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None, legacy_windows=False)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_lines_are_plain_and_whole() -> None:
    narrow = console(terminal=False, width=20)
    lines = Lines(narrow)
    lines.begin(epochs=12, steps_per_epoch=4)
    lines.step(LATEST)
    lines.epoch(epoch(3))
    lines.epoch(epoch(4, accuracy=None))
    lines.say("a line with [brackets] that is longer than the console")
    lines.end()
    first, second, third = text(narrow).splitlines()
    assert first.startswith("epoch  3/12  loss 0.5000  accuracy  75.0%  validation loss 0.5000  accuracy  75.0%")
    assert "rate 0.001  update ratio 0.002" in first
    assert first.endswith("s left")
    assert "accuracy" not in second
    assert third == "a line with [brackets] that is longer than the console"


def test_of_thousands_of_epochs_some_have_a_line() -> None:
    wide = console(terminal=False, width=200)
    lines = Lines(wide)
    lines.begin(epochs=4001, steps_per_epoch=1)
    for number in range(1, 4002):
        lines.epoch(epoch(number))
    shown = [int(line.split()[1].split("/")[0]) for line in text(wide).splitlines()]
    assert shown[:12] == [*range(1, 11), 80, 160]
    assert shown[-2:] == [4000, 4001]
    assert len(shown) == 61


@pytest.mark.parametrize("width", [80, 100])
def test_the_bar_shows_loss_accuracy_rate_update_ratio_and_time_left(width: int) -> None:
    wide = console(terminal=True, width=width)
    bar = Bar(wide)
    bar.begin(epochs=2, steps_per_epoch=3)
    bar.epoch(epoch(1))
    bar.step(LATEST)
    bar.end()
    last = text(wide).split("\n")[-2].split("\r")[-1].replace(ERASE, "")
    for part in ("epoch 2/2", "loss 0.25", "acc  50%", "val 75.0%", "rate 0.001", "ratio 2e-03", "left"):
        assert part in last
    assert len(last) == width
    assert last.isascii() or "━" in last


def test_a_bar_that_was_never_begun_can_end() -> None:
    Bar(console(terminal=True)).end()


@pytest.mark.parametrize(("terminal", "kind"), [(True, Bar), (False, Lines)])
def test_a_terminal_gets_a_bar(terminal: bool, kind: type) -> None:
    assert isinstance(progress_for(console(terminal=terminal)), kind)


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    silent = Silent()
    silent.say("x")
    silent.begin(epochs=1, steps_per_epoch=1)
    silent.step(LATEST)
    silent.epoch(epoch(1))
    silent.end()
    assert capsys.readouterr().out == ""
