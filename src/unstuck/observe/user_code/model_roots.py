"""The modules that one optimizer trains, found as they are called, and the names of their layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from itertools import chain
from weakref import WeakKeyDictionary, ref

from torch import nn

from unstuck.observe.user_code import module_tree
from unstuck.observe.user_code.frames import module_names, user_names
from unstuck.observe.user_code.model_structure import HoldsParameters, leaf_paths

__all__ = ["Roots", "is_compiled"]


def is_compiled(module: nn.Module) -> bool:
    """Whether a module runs as compiled code, into which hooks do not reach."""
    return type(module).__name__ == "OptimizedModule" or any(
        getattr(part, "_compiled_call_impl", None) is not None for _, part in module_tree.named_modules(module)
    )


class Roots:
    """The outermost modules that hold parameters of one optimizer.

    With one root, a layer's name is its path; with several, its path behind the root's name in the user's code.

    Attributes:
        compiled: Whether one of them runs as compiled code.
        settled: Whether one of them was seen in training, by the names that its layers have by then.
        held: Identities of the parameters that the optimizer was made with.
        identities: Identities of the roots.
        kinds: Classes of the roots that hold batch norms.
        variables: What the user's code calls each root, first of all where the optimizer is made; empty where that is
            not known.
        path: Gives the name of any module of the roots; None for a stranger.
        leaf: Gives the name of a module without children; None for any other.
        ran: Identities of other modules that have run since the latest backward pass.
    """

    def __init__(self, optimizer: HoldsParameters) -> None:
        self.compiled = self.settled = False
        self.held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        self._roots: list[nn.Module] = []
        self._loose: list[ref[nn.Module]] = []
        self.identities: set[int] = set()
        self.kinds: set[type[nn.Module]] = set()
        self.variables: list[str] = []
        self._made_with = module_names()
        self._names: list[str] = []
        self._paths: MutableMapping[nn.Module, str] = {}
        self._leaves: dict[nn.Module, str] = {}
        self._walked: list[nn.Module] = []
        self._mark: list[int] = []
        # Asked several times for each module that runs, so these are the methods of the dictionaries themselves.
        self.path: Callable[[nn.Module], str | None] = self._paths.get
        self.leaf: Callable[[nn.Module], str | None] = self._leaves.get
        self.ran, self._strangers, self._companions = set[int](), set[int](), set[int]()

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self._roots or [root for root in (loose() for loose in self._loose) if root is not None])

    def __len__(self) -> int:
        return len(self._roots)

    def __contains__(self, module: nn.Module) -> bool:
        return module in self._paths

    @property
    def training(self) -> bool | None:
        """Whether the first of them is in training mode; None without any."""
        return self._roots[0].training if self._roots else None

    def is_root(self, module: nn.Module) -> bool:
        """Whether a module is one of the roots."""
        return id(module) in self.identities

    def is_new(self, module: nn.Module) -> bool:
        """Whether a module has parameters, none of which are trained here, and has never run in this training."""
        if module in self._paths or id(module) in self._companions:
            return False
        own = [id(parameter) in self.held for parameter in module_tree.parameters(module)]
        return bool(own) and not any(own)

    def adopt(self, module: nn.Module, *, take: bool = True) -> bool:
        """Take a module in as a root, if it holds parameters of the optimizer and is not part of a root already.

        One that holds none is known to have run; so is all where nothing is to be taken in.
        """
        if module in self._paths:
            return False
        if self._is_stranger(module) or not take:
            self.ran.add(id(module))
            return False
        self.add(module)
        return True

    def _is_stranger(self, module: nn.Module) -> bool:
        known = id(module) in self._strangers
        if not known and not any(id(parameter) in self.held for parameter in module_tree.parameters(module)):
            self._strangers.add(id(module))
            known = True
        return known

    def passed_back(self, *, own: bool) -> None:
        """A backward pass was made of what has run since the one before, in this training or in another one."""
        if own:
            self._companions |= self.ran
        self.ran.clear()

    def add(self, module: nn.Module) -> None:
        """Take a module in as a root, in the place of its own parts where nothing was seen of these."""
        if self._roots and not self.settled:
            parts = {id(part) for _, part in module_tree.named_modules(module)}
            kept = [root for root in self._roots if id(root) not in parts]
            if len(kept) < len(self._roots):
                self.clear()
                for root in kept:
                    self.add(root)
        self.compiled = self.compiled or is_compiled(module)
        number = len(self._roots)
        self._roots.append(module)
        self.identities.add(id(module))
        name = user_names({id(module)}).get(id(module), "")
        self._names.append(name or type(module).__name__.lower())
        self.variables.append(self._made_with.get(id(module), name))
        for path, part in module_tree.named_modules(module):
            self._paths.setdefault(part, self._full(number, path))
            if isinstance(part, nn.modules.batchnorm._BatchNorm):  # pyright: ignore[reportPrivateUsage]
                self.kinds.add(type(module))
        for part, path in leaf_paths(module).items():
            self._leaves.setdefault(part, self._full(number, path))

    def loosen(self) -> None:
        """Hold the modules no longer, but know those that live on."""
        paths, identities, kinds = WeakKeyDictionary(self._paths), set(self.identities), set(self.kinds)
        loose = [ref(root) for root in self._roots]
        self.clear()
        self._paths, self.path, self.identities, self._loose = paths, paths.get, identities, loose
        self.kinds = kinds

    def clear(self) -> None:
        """Let go of all modules."""
        self._roots.clear()
        self._loose.clear()
        self.identities.clear()
        self.kinds.clear()
        self._names.clear()
        self.variables.clear()
        self._paths.clear()
        self._leaves.clear()
        self._walked.clear()

    def leaves(self) -> dict[nn.Module, str]:
        """Every module without children by its name."""
        return dict(self._leaves)

    def parameters(self) -> dict[str, nn.Parameter]:
        """Every parameter by its name; each tensor once."""
        named: dict[str, nn.Parameter] = {}
        seen: set[int] = set()
        for number, root in enumerate(self._roots):
            for name, parameter in module_tree.named_parameters(root):
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    named[self._full(number, name) if number else name] = parameter
        return named

    def changed(self, optimizer: HoldsParameters) -> bool:
        """Whether modules or parameters were added or exchanged since the last call, here or in the optimizer."""
        if self._marked(optimizer) == self._mark:
            return False
        self._walked = [module for root in self._roots for _, module in module_tree.named_modules(root)]
        self._mark = self._marked(optimizer)
        return True

    def _marked(self, optimizer: HoldsParameters) -> list[int]:
        """Identities of all that is held."""
        held = [part for module in self._walked for part in module_tree.held_by(module)]
        return [*map(id, chain(self._roots, *held, *[group["params"] for group in optimizer.param_groups]))]

    def modules(self) -> Iterator[nn.Module]:
        """Every module of the roots, each once."""
        return iter(self._paths)

    def _full(self, number: int, path: str) -> str:
        if number == 0:
            return path
        return f"{self._names[number]}.{path}" if path else self._names[number]
