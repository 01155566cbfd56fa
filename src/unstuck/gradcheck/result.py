"""What a gradient check found, as data and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from unstuck.gradcheck.locate import CustomFunction
from unstuck.gradcheck.sweep import Sweep

__all__ = ["Culprit", "GradientCheck", "Pattern", "TensorCheck", "VerdictWord"]

VerdictWord = Literal["right", "wrong", "surrogate", "kink", "nothing checked", "precision", "non-deterministic"]
MARKS: dict[VerdictWord, tuple[str, str]] = {
    "right": ("✔", "green"),
    **dict.fromkeys(("wrong", "nothing checked", "non-deterministic"), ("✖", "red")),
}
Pattern = Literal["", "straight-through", "reversal"]


@dataclass(frozen=True, kw_only=True)
class TensorCheck:
    """One tensor.

    Attributes:
        name: Its name, ``"features.0.weight"``; ``"input"`` for an input.
        shape: Its shape.
        checked: Coordinates compared.
        verdict: As for the whole check.
        max_relative_error: The largest relative error of a coordinate that is not at a kink.
        remarkable: Indices of coordinates whose error is small enough, but larger than float64 leaves.
        wrong: Indices of the wrong coordinates, the worst first.
        analytic: Gradient of the worst coordinate by automatic differentiation.
        numerical: The same by differences.
        kinks: Coordinates set aside because a kink lies between x - h and x + h.
        outside: Coordinates set aside because the function is not defined at x - h or x + h.
        pattern: What all that is wrong has in common: differences of zero where a gradient comes back, as of a
            straight-through estimator, or one negative factor, as of a gradient reversal; empty otherwise.
        factor: The gradient over the differences, where it is one number for all that is compared; else 0.
        together: Whether its entries were compared together, along one random direction: error, ``analytic`` and
            ``numerical`` are then those of the slope along it.
        tiny: Coordinates whose gradient is too small for the arithmetic.
        looped: Why its perturbations were not evaluated in batches; empty where they were.
    """

    name: str
    shape: tuple[int, ...]
    checked: int
    verdict: VerdictWord
    max_relative_error: float
    wrong: tuple[tuple[int, ...], ...] = ()
    analytic: float = 0.0
    numerical: float = 0.0
    remarkable: tuple[tuple[int, ...], ...] = ()
    kinks: int = 0
    outside: int = 0
    pattern: Pattern = ""
    factor: float = 0.0
    together: bool = False
    tiny: int = 0
    looped: str = ""

    @property
    def module(self) -> str:
        """Path of the module that holds it; empty for an input or the outermost module."""
        return self.name.rpartition(".")[0]


@dataclass(frozen=True, kw_only=True)
class Culprit:
    """A hand-written function whose backward pass is not the derivative of its forward pass.

    Attributes:
        function: The function.
        error: Its largest relative error.
        argument: The argument whose gradient differs.
        kind: wrong; straight-through: the forward pass is constant in pieces, and a gradient passes nevertheless;
            reversal: the forward pass changes nothing, the backward pass turns the gradient, by a negative factor.
        why: What its backward pass does in place of a derivative, as the end of a sentence; empty where unknown.
    """

    function: CustomFunction
    error: float
    argument: str
    kind: Literal["wrong", "straight-through", "reversal"] = "wrong"
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class GradientCheck:
    """What :func:`check_gradients` found; prints as a table.

    Attributes:
        verdict: right; wrong; surrogate: all that differs is a straight-through estimator or a gradient reversal,
            which mean another gradient than the derivative; kink: in some tensor all coordinates are at kinks; nothing
            checked: in all of them; precision: the arithmetic does not resolve the gradient; non-deterministic: the
            loss changes by itself.
        tensors: Every tensor, in the order of the model.
        reason: The verdict in a sentence.
        advice: What to do; empty where the gradient is right.
        culprits: Hand-written functions at fault.
        notes: What else a reader should know.
        sweep: Error against step size; None where no difference was taken.
        value: The loss.
    """

    verdict: VerdictWord
    reason: str
    tensors: tuple[TensorCheck, ...] = ()
    advice: str = ""
    culprits: tuple[Culprit, ...] = ()
    notes: tuple[str, ...] = ()
    sweep: Sweep | None = None
    value: float = float("nan")

    @property
    def ok(self) -> bool:
        """Whether what could be compared is right, and something could: the verdict is right or kink."""
        return self.verdict in ("right", "kink")

    @property
    def worst(self) -> str | None:
        """Name of the tensor with the largest error, wrong ones first; None where none was checked."""
        order = sorted(self.tensors, key=lambda t: (t.verdict != "wrong", -t.max_relative_error))
        return order[0].name if order else None

    @property
    def max_relative_error(self) -> float:
        """The largest relative error of any coordinate that is not at a kink; NaN where none was checked."""
        return max((tensor.max_relative_error for tensor in self.tensors), default=float("nan"))

    @property
    def checked(self) -> int:
        """Coordinates compared."""
        return sum(tensor.checked for tensor in self.tensors)

    @property
    def outside(self) -> int:
        """Coordinates set aside because the function is not defined on both sides of them."""
        return sum(tensor.outside for tensor in self.tensors)

    @property
    def kinks(self) -> int:
        """Coordinates set aside because they are at kinks."""
        return sum(tensor.kinks for tensor in self.tensors)

    def __bool__(self) -> bool:
        """The same as ``ok``."""
        return self.ok

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "verdict": self.verdict,
            "ok": self.ok,
            "reason": self.reason,
            "advice": self.advice,
            "worst": self.worst,
            "max_relative_error": self.max_relative_error,
            "checked": self.checked,
            "kinks": self.kinks,
            "outside": self.outside,
            "culprits": [
                {
                    "function": c.function.name,
                    "file": c.function.file,
                    "line": c.function.line,
                    "error": c.error,
                    "kind": c.kind,
                    "why": c.why,
                }
                for c in self.culprits
            ],
            "tensors": [
                {
                    "name": t.name,
                    "shape": list(t.shape),
                    "checked": t.checked,
                    "kinks": t.kinks,
                    "max_relative_error": t.max_relative_error,
                    "verdict": t.verdict,
                }
                for t in self.tensors
            ],
            "sweep": None
            if self.sweep is None
            else {"steps": list(self.sweep.steps), "errors": list(self.sweep.errors), "chosen": self.sweep.chosen},
            "notes": list(self.notes),
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The verdict, a row for each tensor, and the notes."""
        mark, style = MARKS.get(self.verdict, ("!", "yellow"))
        yield Text(f"{mark} {self.verdict}: {self.reason}", style=style)
        if self.tensors:
            table = Table(box=None, pad_edge=False, header_style="bold")
            for title in ("tensor", "shape", "checked", "kinks", "largest error", "verdict"):
                table.add_column(title, justify="left" if title in ("tensor", "shape", "verdict") else "right")
            for t in self.tensors:
                shape = " x ".join(map(str, t.shape)) or "number"
                error = f"{t.max_relative_error:.1e}"
                table.add_row(Text(t.name), shape, f"{t.checked:,}", f"{t.kinks:,}", error, t.verdict)
            yield table
        if self.advice:
            yield Text(self.advice)
        for note in self.notes:
            yield Text(f"note: {note}")

    def __str__(self) -> str:
        """The table as plain text."""
        console = Console(width=110, no_color=True, highlight=False)
        with console.capture() as captured:
            console.print(self)
        return "\n".join(line.rstrip() for line in captured.get().splitlines())
