import inspect
import traceback
from types import FrameType, TracebackType

import pytest

from unstuck.diagnose.tracebacks import print_error, without_our_frames


def fail() -> None:
    raise ValueError("no such batch")


def caught() -> ValueError:
    try:
        fail()
    except ValueError as error:
        return error
    raise AssertionError


def entry_without_a_line(frame: FrameType) -> TracebackType:
    """What an interrupt between two lines leaves on some interpreters: an instruction that belongs to no line."""
    return TracebackType(None, frame, 10_000, -1)


def test_an_error_that_never_met_us_keeps_its_traceback() -> None:
    error = caught()
    before = traceback.format_exception(error)
    error.__traceback__ = without_our_frames(error.__traceback__)
    assert traceback.format_exception(error) == before


def test_an_entry_without_a_line_is_shown_at_its_function_s_first() -> None:
    error = caught()
    assert error.__traceback__ is not None
    assert error.__traceback__.tb_next is not None
    entry = entry_without_a_line(error.__traceback__.tb_next.tb_frame)
    kept = without_our_frames(entry)
    assert kept is not None
    assert kept.tb_lineno == fail.__code__.co_firstlineno


def test_an_interrupt_between_two_lines_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    error = KeyboardInterrupt()
    frame = inspect.currentframe()
    assert frame is not None
    error.__traceback__ = entry_without_a_line(frame)
    print_error(error)
    assert capsys.readouterr().err.endswith("KeyboardInterrupt\n")
