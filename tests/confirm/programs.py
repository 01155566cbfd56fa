"""Programs that were run, with what a run of them would have recorded, for edits of their sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from unstuck.confirm.edit import Edit
from unstuck.confirm.proved import Proved
from unstuck.record import Finding, Run, RunWriter, facts
from unstuck.record.facts.fact import Fact
from unstuck.record.finding import Where
from unstuck.record.invocation import digest

HEAD = """import torch
from torch import nn
import torch.nn.functional as F
x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
"""


class Programs:
    """Programs in a folder, each with the run that it left."""

    def __init__(self, folder: Path) -> None:
        self.file = str(folder / "train.py")
        self._folder = folder
        self._open: list[Run] = []

    def proved(
        self,
        body: str,
        settings: dict[str, Any],
        *known: Fact,
        line: int | None = None,
        args: Sequence[str] = (),
        other: str = "",
    ) -> Proved:
        """A change of the program that is ``HEAD`` with a body, and of a module beside it."""
        sources = {self.file: HEAD + body} | ({str(self._folder / "other.py"): other} if other else {})
        for file, text in sources.items():
            Path(file).write_text(text)
        with RunWriter(self._folder / f"run{len(self._open)}") as writer:
            for fact in known:
                writer.state(fact)
            digests = tuple(digest(Path(file)) for file in sources)
            writer.describe(
                facts.Invocation(target="train.py", args=tuple(args), sources=tuple(sources), digests=digests)
            )
        self._open.append(Run.open(writer.path))
        where = Where(file=self.file, line=line) if line else Where()
        finding = Finding(
            code="O202", cause="lr-too-low", severity="error", confidence=1, summary="s", advice="a", where=where
        )
        return Proved(settings=settings, finding=finding, run=self._open[-1])

    def close(self) -> None:
        for run in self._open:
            run.close()


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    made = Programs(tmp_path)
    yield made
    made.close()


def ran(edit: Edit) -> dict[str, Any]:
    """What the names of a program are when it has run with an edit."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(edit.after, edit.file, "exec"), names)
    return names


def line_of(body: str, part: str) -> int:
    """The line at which something stands in a program."""
    return (HEAD + body).splitlines().index(next(one for one in (HEAD + body).splitlines() if part in one)) + 1
