"""What is asked of a script's process and heard of it, by one that answers as it is told to."""

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from unstuck.find_lr.script_process import OUTPUT, QUESTIONS, REQUEST, ScriptProcess
from unstuck.sandbox.processes import Exited, Said

BEGUN = {"method": "SGD", "rate": 0.1}


class Answering:
    """Processes of which what is heard is known beforehand; losses are written when they are asked for."""

    def __init__(self, *heard: dict[str, Any] | int, losses: Sequence[dict[str, Any]] = ()) -> None:
        self._heard, self._losses = list(heard), losses
        self.folder = Path()
        self.request: dict[str, Any] = {}
        self.questions: list[dict[str, Any]] = []
        self.ended: list[int] = []

    def start(self, folder: Path) -> None:
        self.folder = folder
        self.request = json.loads((folder / REQUEST).read_text())

    def heard(self, seconds: float) -> Said | Exited | None:
        assert seconds > 0.0
        asked = (self.folder / QUESTIONS).read_text().splitlines()
        if len(asked) > len(self.questions):
            self.questions.append(json.loads(asked[-1]))
            Path(self.questions[-1]["losses"]).write_text("".join(json.dumps(loss) + "\n" for loss in self._losses))
        if not self._heard:
            return None
        words = self._heard.pop(0)
        if isinstance(words, int):
            return Exited(self.folder, words)
        return Said(Path("another's") if words.get("stranger") else self.folder, json.dumps(words))

    def end(self, folder: Path, number: int) -> None:
        self.ended.append(number)
        self._heard.append(-number)


def begun(answering: Answering, *, seconds: float = 5.0) -> ScriptProcess:
    return ScriptProcess(answering, "train.py", ["--epochs", "20"], seconds=seconds)  # type: ignore[arg-type]


def test_the_script_is_named_with_its_arguments_and_what_it_says_is_known() -> None:
    answering = Answering({"stranger": 1, "method": "Adam"}, BEGUN)
    process = begun(answering)
    assert answering.request == {"target": "train.py", "args": ["--epochs", "20"]}
    assert process.known == BEGUN  # and not what another process says
    assert process.waits
    process.close()
    assert not answering.folder.exists()


def test_a_question_is_answered_by_the_losses_that_were_written() -> None:
    losses = [{"loss": 2.0}, {"loss": 1.5}]
    answering = Answering(BEGUN, {"done": True}, {"done": True}, losses=losses)
    process = begun(answering)
    assert process.ask((0.1, 0.2), passed_by=3, bound=9.0) == (losses, False)
    assert process.ask((0.3,), passed_by=0, bound=9.0) == (losses, False)
    assert [one["rates"] for one in answering.questions] == [[0.1, 0.2], [0.3]]
    assert [(one["passed_by"], one["bound"]) for one in answering.questions] == [(3, 9.0), (0, 9.0)]
    assert process.waits
    process.close()


def test_one_that_ends_within_a_trial_waits_no_more() -> None:
    process = begun(Answering(BEGUN, 1, losses=[{"loss": 2.0}]))
    assert process.ask((0.1, 0.2), passed_by=0, bound=9.0) == ([{"loss": 2.0}], False)
    assert not process.waits
    process.close()


def test_one_that_ends_before_its_first_update_is_known_by_how() -> None:
    process = begun(Answering({"ended": "the script ended"}))
    assert (process.known, process.waits) == ({"ended": "the script ended"}, False)
    process.close()
    silent = begun(Answering(3))
    assert (silent.known, silent.waits) == ({}, False)
    silent.close()


def test_when_its_time_is_up_it_is_late() -> None:
    slow = begun(Answering(), seconds=0.05)
    assert slow.known == {"late": True, "ended": "0.05 seconds were over before its first update"}
    slow.close()
    process = begun(Answering(BEGUN, losses=[{"loss": 2.0}]), seconds=0.05)
    assert process.ask((0.1, 0.2), passed_by=0, bound=9.0) == ([{"loss": 2.0}], True)
    assert not process.waits
    process.close()


@pytest.mark.parametrize(
    ("printed", "last"),
    [(None, ""), ("", ""), ("one\ntwo\n\n", "two"), (b"broken \xff byte", "broken \N{REPLACEMENT CHARACTER} byte")],
)
def test_the_last_line_that_it_printed_may_be_asked_for(printed: str | bytes | None, last: str) -> None:
    answering = Answering(BEGUN)
    process = begun(answering)
    if printed is not None:
        (answering.folder / OUTPUT).write_bytes(printed if isinstance(printed, bytes) else printed.encode())
    assert process.last_line() == last
    process.close()


def test_closing_kills_it_and_takes_its_folder_away_also_where_it_failed_to_begin() -> None:
    answering = Answering(BEGUN)
    begun(answering).close()
    assert answering.ended == [signal.SIGKILL]

    class Broken(Answering):
        def heard(self, seconds: float) -> Said | Exited | None:
            if self.ended:
                return super().heard(seconds)
            raise RuntimeError("the process that runs trials ended with 1")

    broken = Broken()
    with pytest.raises(RuntimeError, match="ended with 1"):
        begun(broken)
    assert broken.ended == [signal.SIGKILL]
    assert not broken.folder.exists()


def test_one_that_has_not_begun_is_ended_as_soon_as_it_has() -> None:
    class Late(Answering):
        """A process that can be ended from the third attempt on."""

        def end(self, folder: Path, number: int) -> None:
            self.ended.append(number)
            if len(self.ended) > 2:
                self._heard.append(-number)

    late = Late(BEGUN)
    begun(late).close()
    assert late.ended == [signal.SIGKILL] * 3
    assert not late.folder.exists()
