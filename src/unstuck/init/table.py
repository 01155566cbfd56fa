"""What an initialisation did, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class InitRow:
    """One parameter (or one module that was left alone) and what became of it."""

    name: str  #: of the parameter, as in ``model.named_parameters()``; of the module, if it was left alone
    kind: str  #: class of the module
    shape: tuple[int, ...] = ()
    followed_by: str = ""  #: activation after the layer, "none" if there is none, "" if nobody looked
    scheme: str | None = None  #: name of the scheme, None if the parameter was left as it was
    gain: float | None = None
    fan_in: float | None = None
    fan_out: float | None = None
    std: float | None = None  #: standard deviation that the scheme prescribes
    bias: str = ""  #: what the biases of the module were set to
    note: str = ""  #: why it was left as it was


@dataclass(frozen=True)
class InitTable:
    """The rows of one call of :func:`~unstuck.init.initialize`; prints as a table.

    ``found_by`` says how the activations were found: "example batch", "symbolic trace", "registration order", or ""
    where the scheme does not depend on them.
    """

    rows: tuple[InitRow, ...]
    scheme: str
    found_by: str = ""

    def __iter__(self) -> Iterator[InitRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> InitRow:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no row named {name!r}; there are {', '.join(row.name for row in self.rows)}")

    def __rich__(self) -> Table:
        found_by = f", activations found by {self.found_by}" if self.found_by else ""
        table = plain_table(f"initialised: {self.scheme}{found_by}")
        for heading in ("parameter", "kind", "shape", "followed by", "scheme"):
            table.add_column(heading, overflow="fold")
        for heading in ("gain", "std"):
            table.add_column(heading, justify="right")
        table.add_column("bias")
        table.add_column("note", overflow="fold")
        for row in self.rows:
            shape = " × ".join(map(str, row.shape))
            numbers = ["" if value is None else f"{value:.4g}" for value in (row.gain, row.std)]
            texts = (row.name, row.kind, shape, row.followed_by, row.scheme or "left", *numbers, row.bias, row.note)
            table.add_row(*texts)
        return table

    def __str__(self) -> str:
        return rendered(self)


def plain_table(title: str) -> Table:
    """Return an empty table without lines, at least as wide as its title, which rich would wrap otherwise."""
    return Table(title=title, title_justify="left", box=None, pad_edge=False, min_width=len(title))


def rendered(table: object) -> str:
    """Return what rich prints for an object, as plain text of at most 140 columns."""
    console = Console(file=StringIO(), width=140, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip("\n")
