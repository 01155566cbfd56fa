"""The diagnosis inside one's own loop."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from torch import nn
from torch.optim import Optimizer

from unstuck.observe import DEFAULT_BUDGET, Observer, check_budget, check_training
from unstuck.record import Run, RunWriter
from unstuck.record.folder import new_folder
from unstuck.report import render_text
from unstuck.rules import judge

__all__ = ["watch"]


@contextmanager
def watch(
    model: nn.Module,
    optimizer: Optimizer,
    *,
    out: Path | str | None = None,
    budget: float = DEFAULT_BUDGET,
    console: Console | None = None,
) -> Generator[Observer]:
    """Watch a training and print the verdict when the block ends, also by an exception or Ctrl-C.

    Args:
        model: The model.
        optimizer: The optimizer that steps it.
        out: Folder of the run; ``runs/<date>-<model>`` by default.
        budget: Share of the training time that observing may take.
        console: Where the verdict is printed; standard error by default.

    Yields:
        The observer; tell it of evaluations by :meth:`~unstuck.observe.Observer.evaluated` where it cannot see them.

    Raises:
        ArgumentError: These are no model and optimizer, the optimizer holds no parameters, or the budget is out of
            range.
        RunWriteError: The run cannot be written there.

    Examples:
        >>> import io, tempfile, torch, unstuck
        >>> from rich.console import Console
        >>> model = torch.nn.Linear(2, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> printed = Console(file=io.StringIO())
        >>> with unstuck.watch(model, optimizer, out=tempfile.mkdtemp(), console=printed):
        ...     for _ in range(3):
        ...         optimizer.zero_grad()
        ...         model(torch.ones(4, 2)).square().mean().backward()
        ...         optimizer.step()
        >>> "not enough data" in printed.file.getvalue().lower()
        True
    """
    check_training(model, optimizer)
    check_budget(budget)
    folder = Path(out) if out is not None else new_folder(type(model).__name__)
    try:
        with RunWriter(folder) as writer, Observer(model, optimizer, writer, budget=budget) as observer:
            yield observer
    finally:
        if (folder / "run.sqlite").exists():
            with Run.open(folder) as run:
                render_text(judge(run), run, console=console or Console(stderr=True))
