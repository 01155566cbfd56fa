"""Begin from weights that another training found: load them, hold some still, move the earlier layers less."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from unstuck.errors import ArgumentError, WeightsError
from unstuck.train.best import weights_format

__all__ = ["Head", "Loaded", "freeze", "layer_groups", "load_weights", "thaw"]

Head = Literal["where it fits", "fresh"]

SHOWN = 3
"""Names that a message lists."""

PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How files of torch.save begin, new and old; such a file may run code when it is read."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What became of a file of weights.

    Attributes:
        file: The file.
        loaded: Names of what was taken from it.
        fresh: Names of what the model keeps as it was drawn: its head, where that is another.
        shapes: Of these, the shape in the model and, where it differs, the shape in the file.
    """

    file: Path
    loaded: tuple[str, ...]
    fresh: tuple[str, ...]
    shapes: tuple[str, ...]

    def __str__(self) -> str:
        """One line for a log."""
        begun = f"{len(self.loaded)} tensors from {self.file}"
        return f"{begun}; fresh: {', '.join(self.shapes)}" if self.fresh else begun


def load_weights(model: nn.Module, file: str | Path, *, head: Head = "where it fits") -> Loaded:
    """Give a model the weights of a safetensors file, name by name.

    The head, the last layer with weights, may be another: where its shapes differ it keeps the weights that it has.

    Args:
        model: Changed in place; not at all if anything is refused.
        file: The file, or the folder of a run, whose best weights are then taken.
        head: ``"fresh"`` leaves the head as it is though it would fit, for classes of another meaning.

    Raises:
        WeightsError: The file is missing, truncated, a pickle, or of another network: the message names the tensors
            that differ, with both shapes. Or it holds values that are not finite.
        MissingPackageError: safetensors is not installed.

    Examples:
        >>> import tempfile
        >>> from safetensors.torch import save_model
        >>> file = Path(tempfile.mkdtemp()) / "ten-classes.safetensors"
        >>> save_model(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 10)), file)
        >>> loaded = load_weights(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 5)), file)
        >>> loaded.loaded, loaded.shapes
        (('0.weight', '0.bias'), ('2.weight (5, 8), in the file (10, 8)', '2.bias (5,), in the file (10,)'))
    """
    file = _file(Path(file))
    given, own = _read(file), dict(model.state_dict())
    last = _head_of(model)
    differing = [name for name, value in own.items() if name in given and given[name].shape != value.shape]
    absent = [name for name in own if name not in given and name not in last]
    surplus = sorted(name for name in given if name not in own)
    wrong = [name for name in differing if name not in last]
    if wrong or absent or surplus:
        raise WeightsError(f"{file}: weights of another network: {_differences(wrong, absent, surplus, own, given)}")
    broken = [name for name in own if name in given and not torch.isfinite(given[name]).all()]
    if broken:
        raise WeightsError(
            f"{file}: NaN or infinite values in {_some(broken)}; give weights of a training that went well"
        )
    left = [name for name in own if name in last and (head == "fresh" or name in differing or name not in given)]
    if len(left) == len(own):
        raise WeightsError(f"{file}: nothing in it fits the model but what is to be fresh; give another file")
    with torch.no_grad():
        for name, value in own.items():
            if name not in left:
                value.copy_(given[name])
    shapes = tuple(
        f"{name} {tuple(own[name].shape)}" + (f", in the file {tuple(given[name].shape)}" if name in differing else "")
        for name in left
    )
    return Loaded(file=file, loaded=tuple(name for name in own if name not in left), fresh=tuple(left), shapes=shapes)


def freeze(model: nn.Module, patterns: str | Iterable[str]) -> tuple[str, ...]:
    """Hold parameters still: those whose names match a glob pattern, such as ``"0.*"`` or ``"*.bias"``.

    Running statistics of batch normalisation still follow the data.

    Returns:
        Their names, in the order of the model.

    Raises:
        ArgumentError: A pattern matches none, or nothing is left to learn.

    Examples:
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 5))
        >>> freeze(model, "0.*")
        ('0.weight', '0.bias')
        >>> thaw(model)
        ('0.weight', '0.bias')
    """
    names = _matching(model, "freeze", patterns)
    parameters = dict(model.named_parameters())
    if all(name in names or not parameter.requires_grad for name, parameter in parameters.items()):
        raise ArgumentError(f"freeze={_listed(patterns)!r}: nothing would be left to learn; leave the head out of it")
    for name in names:
        parameters[name].requires_grad_(False)
    return names


def thaw(model: nn.Module, patterns: str | Iterable[str] = "*") -> tuple[str, ...]:
    """Let frozen parameters learn again: those whose names match a glob pattern, all by default.

    Give the optimizer all parameters from the start: it passes over those that are frozen.

    Returns:
        The names of those that were frozen.

    Raises:
        ArgumentError: A pattern matches no parameter.
    """
    parameters = dict(model.named_parameters())
    names = tuple(name for name in _matching(model, "thaw", patterns) if not parameters[name].requires_grad)
    for name in names:
        parameters[name].requires_grad_(True)
    return names


def layer_groups(model: nn.Module, learning_rate: float, *, factor: float) -> list[dict[str, Any]]:
    r"""Parameter groups, one for each layer, whose rates fall towards the input.

    .. math:: \eta_l = \eta\, f^{L - l}, \qquad l = 1, \dots, L

    A layer is a module with a weight of two dimensions or more; norms, and whatever else has parameters, belong to the
    layer before them, or to the first.

    Args:
        model: Any module.
        learning_rate: The rate of the last layer.
        factor: Of the rate from each layer to the one before it, above 0 and up to 1.

    Returns:
        Groups for any optimizer of torch.

    Raises:
        ArgumentError: The factor is out of range.

    Source: Howard and Ruder (2018), "Universal language model fine-tuning", section 3.2 (a factor of 1/2.6).

    Examples:
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 5))
        >>> [(len(group["params"]), group["lr"]) for group in layer_groups(model, 0.1, factor=0.5)]
        [(4, 0.05), (2, 0.1)]
    """
    if not 0.0 < factor <= 1.0:
        raise ArgumentError(f"factor={factor!r}: a number above 0 and up to 1 is accepted")
    layers: list[list[nn.Parameter]] = []
    seen: set[int] = set()
    for module in model.modules():
        # A parameter that several layers share belongs to the first of them.
        own = [parameter for parameter in module.parameters(recurse=False) if id(parameter) not in seen]
        seen.update(map(id, own))
        if not own:
            continue
        if not layers or (any(parameter.ndim >= 2 for parameter in own) and any(p.ndim >= 2 for p in layers[-1])):
            layers.append(own)
        else:
            layers[-1] += own
    last = len(layers) - 1
    return [{"params": own, "lr": learning_rate * factor ** (last - place)} for place, own in enumerate(layers)]


def _file(path: Path) -> Path:
    try:
        file = path / "best.safetensors" if path.is_dir() else path
        found = file.is_file()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    if not found:
        raise WeightsError(f"{file}: there is no such file; give a safetensors file, or the folder of a run")
    return file


def _read(file: Path) -> dict[str, Tensor]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise WeightsError(f"{file}: cannot be read ({error.strerror})") from error
    if content.startswith(PICKLES):
        raise WeightsError(
            f"{file}: a pickle, as torch.save writes it, which may run code when it is read; if you trust it, load it "
            "yourself and write it anew with safetensors.torch.save_file(model.state_dict(), ...)"
        )
    safetensors = weights_format()
    try:
        return safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise WeightsError(
            f"{file}: no safetensors file, or cut short: {len(content):,} bytes ({error}); copy it again"
        ) from error


def _head_of(model: nn.Module) -> frozenset[str]:
    """Names of the parameters of the last module that has any, in the order of registration."""
    names = [name for name, _ in model.named_parameters()]
    if not names:
        return frozenset()
    prefix = names[-1].rpartition(".")[0]
    return frozenset(name for name in names if name.rpartition(".")[0] == prefix)


def _differences(
    wrong: Sequence[str],
    absent: Sequence[str],
    surplus: Sequence[str],
    own: dict[str, Tensor],
    given: dict[str, Tensor],
) -> str:
    parts = [f"{name} is {tuple(own[name].shape)} here and {tuple(given[name].shape)} in the file" for name in wrong]
    lines = [_some(parts, "; ")] if parts else []
    if absent:
        lines.append(f"the file lacks {_some(absent)}")
    if surplus:
        lines.append(f"the model lacks {_some(surplus)}")
    return "; ".join(lines)


def _some(names: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return separator.join(names[:SHOWN]) + more


def _matching(model: nn.Module, argument: str, patterns: str | Iterable[str]) -> tuple[str, ...]:
    every = [name for name, _ in model.named_parameters()]
    wanted = _listed(patterns)
    layer = every[0].rpartition(".")[0] if every else ""
    first = f"; '{layer}.*' matches all of layer {layer}" if layer else ""
    for pattern in wanted:
        if not any(fnmatchcase(name, pattern) for name in every):
            close = difflib.get_close_matches(pattern, every, n=1)
            guess = f"did you mean {close[0]!r}? " if close else ""
            raise ArgumentError(
                f"{argument}={pattern!r} matches no parameter; {guess}Parameters: {_some(every)}{first}"
            )
    return tuple(name for name in every if any(fnmatchcase(name, pattern) for pattern in wanted))


def _listed(patterns: str | Iterable[str]) -> list[str]:
    return [patterns] if isinstance(patterns, str) else list(patterns)
