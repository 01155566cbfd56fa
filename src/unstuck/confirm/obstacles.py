"""Why the program of a run cannot be run again as it was: one clause, with what to do."""

from __future__ import annotations

import os
import re
from pathlib import Path

from unstuck.record.facts import Invocation
from unstuck.record.invocation import digest, trace

__all__ = ["changed_sources", "changed_variables", "missing_variables", "named_variables", "obstacles"]

PROCESSES = ("RANK", "WORLD_SIZE", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK")
"""Variables of launchers that start one program several times."""

OF_THE_SHELL = ("_", "OLDPWD", "SHLVL")
"""Variables that a shell sets for itself."""

QUOTED = re.compile(r"""["'](\w+)["']""")


def obstacles(invocation: Invocation | None, *, anyway: bool = False) -> str | None:
    """Why a program cannot be run again; None where it can.

    Args:
        invocation: How it was started.
        anyway: Whether it may have changed since.
    """
    if not hasattr(os, "fork"):
        return (
            "Windows cannot keep what a trial writes from the user's files; on Linux, macOS or WSL trials can be made"
        )
    if invocation is None:
        return (
            "how its program was started was not recorded, as in a loop of one's own or by an earlier release; "
            "`unstuck run SCRIPT` records it"
        )
    if not Path(invocation.folder).is_dir():
        return f"its working directory {invocation.folder} is gone"
    if not invocation.module and not (Path(invocation.folder) / invocation.target).exists():
        return f"its script {invocation.target} is gone from {invocation.folder}"
    if invocation.stdin == "pipe":
        return "it was started with a pipe as its standard input, which can be read once only; give it a file"
    if invocation.stdin == "file" and not os.path.isfile(invocation.stdin_file):
        return f"the file {invocation.stdin_file or 'that was its standard input'} is gone"
    if any(name in invocation.variables for name in PROCESSES):
        return "it runs in several processes, which trials do not start"
    changed = changed_sources(invocation)
    if changed and not anyway:
        named = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
        return f"{named} changed since; run it again, or try the changed program with --anyway"
    return None


def changed_sources(invocation: Invocation) -> tuple[str, ...]:
    """The user's files that are not as they were when the program ran."""
    pairs = zip(invocation.sources, invocation.digests, strict=True)
    return tuple(path for path, was in pairs if digest(Path(path)) != was)


def missing_variables(invocation: Invocation) -> tuple[str, ...]:
    """Variables of the environment that are not set any more."""
    return tuple(name for name in invocation.variables if name not in os.environ and name not in OF_THE_SHELL)


def changed_variables(invocation: Invocation) -> tuple[str, ...]:
    """Variables that the program names, and that have another value than when it ran, or none any more."""
    known = dict(zip(invocation.variables, invocation.traces, strict=False))
    return tuple(name for name in named_variables(invocation) if name in known and known[name] != trace(name))


def named_variables(invocation: Invocation) -> tuple[str, ...]:
    """Variables of the environment whose names stand between quotes in the program's sources: those that it may read.

    Terminals set many that matter to no training.
    """
    named = {name for source in invocation.sources for name in QUOTED.findall(_text(Path(source)))}
    return tuple(name for name in invocation.variables if name in named and name not in OF_THE_SHELL)


def _text(source: Path) -> str:
    try:
        return source.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
