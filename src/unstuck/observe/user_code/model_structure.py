"""The parts of a training: its model, its parameters and their roles, its optimizer."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unstuck._version import __version__
from unstuck.errors import ArgumentError
from unstuck.observe.tensors.initialiser_test import looks_fresh
from unstuck.observe.tensors.readable import values_here, whole_here
from unstuck.observe.user_code import module_tree
from unstuck.observe.user_code.frames import user_names
from unstuck.record import facts
from unstuck.record.facts import Role

__all__ = [
    "check_training",
    "describe_environment",
    "describe_model",
    "describe_optimizer",
    "leaf_paths",
    "named_parameters",
]

_NORMS = (
    nn.modules.batchnorm._NormBase,  # pyright: ignore[reportPrivateUsage]
    nn.GroupNorm,
    nn.LayerNorm,
    nn.RMSNorm,
    nn.LocalResponseNorm,
)
DESCRIPTION = 120
MOST_DESCRIBED = 256
"""Parameters of one module, of more of which a list of them is not made only to be shortened."""


class HoldsParameters(Protocol):
    """An optimizer, or what stands for one."""

    param_groups: list[dict[str, Any]]


class ModulesAndParameters(Protocol):
    """Modules that are trained together; see :class:`unstuck.observe.user_code.model_roots.Roots`."""

    variables: list[str]

    def __iter__(self) -> Iterator[nn.Module]: ...
    def modules(self) -> Iterator[nn.Module]:
        """Every module."""
        ...

    def leaves(self) -> dict[nn.Module, str]:
        """Every module without children by its name."""
        ...

    def parameters(self) -> dict[str, nn.Parameter]:
        """Every parameter by its name."""
        ...


def leaf_paths(model: nn.Module) -> dict[nn.Module, str]:
    """Each module without children by its path; a module used twice has its first path."""
    paths: dict[nn.Module, str] = {}
    for path, module in module_tree.named_modules(model):
        if not module_tree.has_children(module):
            paths.setdefault(module, path or type(module).__name__)
    return paths


def named_parameters(roots: ModulesAndParameters, optimizer: HoldsParameters | None) -> dict[str, Tensor]:
    """The modules' parameters by name, then those that only the optimizer holds; each tensor once.

    The latter have the name of the user's variable that holds them, or ``group0.3``: group 0, position 3.
    """
    named: dict[str, Tensor] = dict(roots.parameters())
    seen = {id(parameter) for parameter in named.values()}
    strangers: dict[int, tuple[str, Tensor]] = {}
    for number, group in enumerate([] if optimizer is None else optimizer.param_groups):
        for position, parameter in enumerate(group["params"]):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                strangers[id(parameter)] = (f"group{number}.{position}", parameter)
    variables = user_names(set(strangers)) if strangers else {}
    for key, (fallback, parameter) in strangers.items():
        name = variables.get(key, fallback)
        named[fallback if name in named else name] = parameter
    return named


def check_training(model: object, optimizer: object) -> None:
    """Refuse what is no model and its optimizer.

    Raises:
        ArgumentError: ``model`` is no module, or ``optimizer`` no optimizer of torch.
    """
    if not isinstance(model, nn.Module):
        raise ArgumentError(f"model={model!r:.60}: a torch.nn.Module is accepted, the model that is trained")
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(
            f"optimizer={optimizer!r:.60}: a torch.optim.Optimizer is accepted; hand over the one that steps the model"
        )


def describe_model(
    roots: ModulesAndParameters,
    optimizer: HoldsParameters,
    named: Mapping[str, Tensor],
    *,
    held: Set[int] = frozenset(),
    trained: Callable[[Tensor], bool] = lambda parameter: False,
) -> facts.Model:
    """The model as a fact; ``held``: parameters of other optimizers, ``trained``: whether one was trained before."""
    own = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    held = own | held
    owners = {id(p): module for module in roots.modules() for p in module.parameters(recurse=False)}
    return facts.Model(
        type=" + ".join(type(root).__name__ for root in roots),
        variable=" + ".join(name for name in roots.variables if name),
        layers=tuple(
            facts.Layer(path=path, type=type(module).__name__, description=_described(module))
            for module, path in roots.leaves().items()
        ),
        parameters=tuple(
            facts.Parameter(
                name=name,
                shape=tuple(parameter.shape),
                role=_role(name, parameter, owners.get(id(parameter))),
                trainable=parameter.requires_grad,
                optimized=id(parameter) in held,
                fresh=False if trained(parameter) else looks_fresh(parameter),
                type=str(parameter.dtype).removeprefix("torch."),
                zero=not parameter.requires_grad and _zero(parameter),
            )
            for name, parameter in named.items()
        ),
    )


def _zero(parameter: Tensor) -> bool:
    here = values_here(parameter) if parameter.dim() > 1 else None
    return here is not None and here.numel() > 0 and not bool(here.any())


def _described(module: nn.Module) -> str:
    """A module's ``repr``, shortened; by its class where the user's own part of that fails, or would take long."""
    parameters, _ = module_tree.held_by(module)
    if len(parameters) > MOST_DESCRIBED:
        return f"{type(module).__name__}({len(parameters)} parameters)"
    try:
        return repr(module)[:DESCRIPTION]
    except Exception:
        return f"{type(module).__name__}(...)"


def _role(name: str, parameter: Tensor, owner: nn.Module | None) -> Role:
    if isinstance(owner, _NORMS):
        return "norm"
    if isinstance(owner, nn.Embedding | nn.EmbeddingBag):
        return "embedding"
    if parameter.dim() <= 1:
        return "bias" if "bias" in name.rsplit(".", 1)[-1] else "other"
    return "weight"


def describe_optimizer(
    optimizer: HoldsParameters,
    place: tuple[str | None, int | None],
    *,
    number: int | None = None,
    after: tuple[int, ...] = (),
) -> facts.Optimizer:
    """The optimizer as a fact.

    Args:
        optimizer: It.
        place: Where the user's code steps it.
        number: Which of the program's it is.
        after: Those whose weights it goes on with.
    """
    return facts.Optimizer(
        type=type(optimizer).__name__,
        groups=tuple(_group(group) for group in optimizer.param_groups),
        number=number,
        after=after,
        file=place[0],
        line=place[1],
    )


def _group(group: dict[str, Any]) -> facts.ParameterGroup:
    betas = group.get("betas")
    return facts.ParameterGroup(
        parameters=len(group["params"]),
        learning_rate=_number(group.get("lr")),
        weight_decay=_number(group.get("weight_decay")),
        momentum=_number(group.get("momentum", group.get("beta"))),  # beta: Polyak's letter, in methods of one's own
        betas=_numbers(betas) if isinstance(betas, tuple | list) else None,
        epsilon=_number(group.get("eps")),
        initial_rate=_number(group.get("initial_lr")),
    )


def _numbers(values: Iterable[Any]) -> tuple[float, ...]:
    return tuple(number for number in map(_number, values) if number is not None)


def _number(value: Any) -> float | None:
    value = whole_here(value) if isinstance(value, Tensor) else value
    return None if value is None or not isinstance(value, int | float | Tensor) else float(value)


def describe_environment(parameters: Iterable[Tensor]) -> facts.Environment:
    """The machine and the releases."""
    parameter = next(iter(parameters), None)
    return facts.Environment(
        unstuck=__version__,
        python=platform.python_version(),
        torch=torch.__version__,
        device="cpu" if parameter is None else str(parameter.device),
        # platform.platform() starts a process, which resets the program's register of warnings shown.
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
    )
