"""Trainings whose diagnosis is known: healthy scripts, and sick ones as patches of a few lines on healthy twins."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["ZOO", "Case", "apply", "cases", "manifest", "origins"]

ZOO = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One training of the zoo.

    Attributes:
        name: Its path in the zoo: ``"mode-wrong/dropout_in_test.patch"``.
        origin: Who wrote it, a key of the manifest's ``origins``.
        also: Causes that count as right besides that of its folder.
    """

    name: str
    origin: str
    also: frozenset[str] = frozenset()

    @property
    def sick(self) -> bool:
        """Whether something is wrong with it."""
        return self.name.endswith(".patch")

    @property
    def cause(self) -> str | None:
        """The root cause of its sickness; None where it is healthy."""
        return Path(self.name).parent.name if self.sick else None

    @property
    def causes(self) -> frozenset[str]:
        """All causes that count as right."""
        return frozenset() if self.cause is None else self.also | {self.cause}

    @property
    def twin(self) -> Path:
        """The healthy script: this one, or the one that is patched."""
        if not self.sick:
            return ZOO / self.name
        script = Path(self.name).stem.partition("-")[0] + ".py"
        beside = ZOO / str(self.cause) / script
        return beside if beside.exists() else ZOO / "healthy" / script

    def write(self, folder: Path) -> Path:
        """Write the script into a folder as it is to run, and give its path there."""
        script = folder / self.twin.name
        shutil.copyfile(self.twin, script)
        if self.sick:
            apply(ZOO / self.name, folder)
        return script


def apply(patch: Path, folder: Path) -> None:
    """Patch what lies in a folder, also where that is part of a Git repository, of which ``git apply`` would skip it.

    Raises:
        subprocess.CalledProcessError: The patch does not fit.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_CEILING_DIRECTORIES"] = str(folder.resolve().parent)
    command = ["git", "apply", "-p0", "--whitespace=nowarn", str(patch.resolve())]
    subprocess.run(command, cwd=folder, env=environment, check=True)


def cases() -> list[Case]:
    """Every script that the manifest lists, in its order."""
    return [
        Case(name, entry["origin"], frozenset(entry.get("also", ()))) for name, entry in manifest()["scripts"].items()
    ]


def origins() -> Mapping[str, str]:
    """Who wrote the scripts: each origin with what is to be known of it."""
    return manifest()["origins"]


def manifest() -> dict[str, dict]:
    """All that is known of the scripts, as it stands in ``manifest.toml``."""
    return tomllib.loads((ZOO / "manifest.toml").read_text(encoding="utf-8"))
