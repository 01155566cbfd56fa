"""Run somebody's script in this process, unchanged, and watch it train.

Of a distributed training that was started with ``torchrun -m unstuck run SCRIPT``, rank 0 is watched, and prints the
verdict. The watcher makes no collective call, so it can neither hang the training nor disturb its order of
communication. What follows from that:

- Gradients, weights and updates of data-parallel training are those of one process that sees the whole batch, since
  every rank holds the averaged gradient.
- Of parameters that are sharded over ranks (FSDP2, tensor parallelism) every rank measures its own part, and leaves the
  sums for rank 0 in the launcher's key-value store; together they too are those of one process.
- Losses, activations, inputs and targets are those of rank 0's part of the batch.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unstuck.diagnose.ending import INTERRUPTED, Ending, end_of, message_of
from unstuck.diagnose.out_folder import begin_run, discard_run
from unstuck.diagnose.program import NotStartedError, Program, find_program
from unstuck.diagnose.streams import flush
from unstuck.errors import RunWriteError
from unstuck.observe import DEFAULT_BUDGET, OtherRanks, Session, check_budget, keep_freed_memory
from unstuck.record import RunWriter, facts
from unstuck.record.invocation import invocation, with_sources

__all__ = ["Outcome", "ScriptRun", "run_script"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a watched script ended.

    Attributes:
        status: Its exit status; of an interrupt 130, as a shell has it.
        folder: The run; None in a process whose training was not watched: a rank above 0, or a fork of the script.
        reason: Why there can be no verdict, where that is known; empty otherwise.
        failure: What ended the observation, in a sentence, where something did; empty otherwise.
        interrupted_again: Whether a second interrupt came while the script was dealing with the first.
        crashed: Whether an error or an interrupt ended it, and not its own last line or ``sys.exit``.
    """

    status: int
    folder: Path | None
    reason: str = ""
    failure: str = ""
    interrupted_again: bool = False
    crashed: bool = False


def run_script(
    target: str, args: Sequence[str], *, module: bool = False, out: Path | None = None, budget: float = DEFAULT_BUDGET
) -> Outcome:
    """Run a script as ``python target args`` would, with its own arguments, path, output and exit status.

    ``sys.argv``, ``sys.path`` and the ``__main__`` module stay the script's after its end: its threads, exit handlers
    and worker processes need them. They may go on when this returns; :func:`~unstuck.diagnose.run_process` waits.

    Args:
        target: Path of the script, of a folder or an archive with ``__main__.py``, or the name of a module.
        args: Its arguments.
        module: Whether ``target`` is a module, as after ``python -m``.
        out: Folder of the run; ``runs/<date>-<name>`` by default.
        budget: Share of the training time that observing may take.

    Returns:
        How it ended. A crash of the script is printed as Python prints it, and is no exception here.

    Raises:
        ArgumentError: There is no such script, it is not Python, or the budget is out of range.
        RunWriteError: The run cannot be written there; the script has not been started.

    Examples:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "train.py").write_text("import sys; sys.exit(7)")
        >>> argv, path, main = sys.argv, sys.path[:], sys.modules["__main__"]
        >>> run_script(str(folder / "train.py"), [], out=folder / "run").status
        7
        >>> sys.argv, sys.path[:], sys.modules["__main__"] = argv, path, main
    """
    script = ScriptRun(target, args, module=module, out=out, budget=budget)
    ending = script.perform()
    if ending.message is not None:
        flush()
        print(ending.message, file=sys.stderr)
    return script.close()


class ScriptRun:
    """A script that is about to run, runs, or has run, with what watches it; arguments and errors as above."""

    def __init__(
        self, target: str, args: Sequence[str], *, module: bool, out: Path | None, budget: float = DEFAULT_BUDGET
    ) -> None:
        check_budget(budget)
        self._program: Program = find_program(target, args, module=module)
        self._ending: Ending | None = None
        self._process = os.getpid()
        self._folder: Path | None = None
        self._writer: RunWriter | None = None
        self._session: Session | None = None
        self._beside: OtherRanks | None = None
        if int(os.environ.get("RANK") or 0) > 0 and int(os.environ.get("WORLD_SIZE") or 1) > 1:
            self._beside = OtherRanks()
        else:
            self._writer, self._made = begin_run(out, self._program.name)
            self._started = invocation(target, args, module=module)
            self._writer.describe(self._started)
            self._folder = self._writer.path
            self._session = Session(self._writer, budget=budget)

    def perform(self) -> Ending:
        """Run the script to its end, whatever that is; errors are printed as Python prints them."""
        keep_freed_memory()
        sys.modules["__main__"] = self._program.main
        if "__mp_main__" in sys.modules:  # by this name multiprocessing, which is imported, unpickles what was spawned
            sys.modules["__mp_main__"] = self._program.main
        watcher = self._session or self._beside
        assert watcher is not None
        watcher.__enter__()
        try:
            self._ending = end_of(self._program.start)
        except NotStartedError:
            self.close()
            if self._writer is not None:
                discard_run(self._writer.path, self._made)
            raise
        return self._ending

    def close(self, *, killed: bool = False) -> Outcome:
        """End the watching, once.

        Args:
            killed: Whether a signal ends the script.
        """
        ending = Ending(status=INTERRUPTED, error=KeyboardInterrupt()) if killed else self._ending or Ending(status=0)
        if self._beside is not None:
            self._beside.__exit__(None, None, None)
        if self._session is None or self._writer is None or os.getpid() != self._process:
            return Outcome(status=ending.status, folder=None)
        self._session.close(ending.error)
        failure = self._session.failure
        with contextlib.suppress(RunWriteError):  # what is lost by it is known already, or told by the next line
            self._writer.describe(with_sources(self._started))
            if failure is not None:
                self._writer.state(
                    facts.Event(step=0, what=f"{facts.WATCHING_ENDED}{message_of(failure)}", blinds=True)
                )
        try:
            self._writer.close()
        except RunWriteError as error:
            failure = failure or error
        return Outcome(
            status=ending.status,
            folder=self._folder,
            reason=_why_nothing(self._session, ending.error),
            failure="" if failure is None else f"{facts.WATCHING_ENDED}{message_of(failure)}",
            interrupted_again=ending.again,
            crashed=ending.error is not None,
        )


def _why_nothing(session: Session, error: BaseException | None) -> str:
    if error is not None and not session.backward_passes:
        return f"the script ended with {type(error).__name__} before its first backward pass, so nothing was trained"
    if session.transforms and not session.backward_passes:
        return (
            "the script takes its gradients within transforms of torch.func (grad, vmap), where neither the loss nor "
            "the gradients can be read; a plain loop of one model, with loss.backward(), can be diagnosed"
        )
    if not session.backward_passes:
        return (
            "the script never called backward in this process, so nothing was trained; training in processes that it "
            "starts itself is not seen: start those with torchrun -m unstuck run"
        )
    if not session.optimizers:
        return "the script took gradients, but made no torch.optim optimizer, and no update in place was seen"
    return ""
