import inspect
import subprocess
import sys
import traceback
from pathlib import Path
from types import FrameType, TracebackType

import pytest

from unstuck.diagnose.tracebacks import print_error, without_our_frames

FAILS = """\
import torch
from torch import nn
from torch.nn import functional as F

model = nn.Linear(3, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(30):
    optimizer.zero_grad()
    F.softmax(model(torch.ones(4, 3))).sum().backward()
    optimizer.step()
    F.mse_loss(model(torch.ones(4, 3)), torch.ones(4, 5 if step == 29 else 2))
"""


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


def test_in_an_environment_that_is_reached_by_a_link_a_program_says_what_it_says_alone(tmp_path: Path) -> None:
    (tmp_path / "env").symlink_to(sys.prefix)
    (tmp_path / "fails.py").write_text(FAILS)
    python = [str(tmp_path / "env" / "bin" / "python")]
    alone, watched = (
        subprocess.run([*python, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        for command in (["fails.py"], ["-m", "unstuck", "run", "fails.py"])
    )
    assert "Implicit dimension" in alone.stderr
    assert watched.stderr.startswith(alone.stderr)
