"""The base of every optimizer here: a ``torch.optim.Optimizer`` that sees what it does."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from unstuck.errors import ArgumentError
from unstuck.optim.arguments import Accepted, check_group, check_in_no_other_group, check_parameters, require_some
from unstuck.optim.observations import Observations
from unstuck.optim.plan import Engine, Plan, check_engine
from unstuck.optim.row import step_dtype
from unstuck.optim.rule import Decay, Rule
from unstuck.optim.torch_steps import TorchFunction

__all__ = ["Group", "ObservedOptimizer"]

Group = dict[str, Any]
_TORCH_OPTIONS: dict[str, Any] = {"maximize": False, "foreach": None, "differentiable": False}
#: Options that only some methods have, and have had since long: their state dicts tell of them.
_TELLING = ("amsgrad", "centered", "dampening", "momentum_decay", "nesterov")
_torch: Any = sys.modules[Optimizer.__module__]
_before_any: Mapping[int, Any] = _torch._global_optimizer_pre_hooks  # the dicts that torch itself fills
_after_any: Mapping[int, Any] = _torch._global_optimizer_post_hooks
#: Without its mark for the compiler, which would import that, and take longer than many a training.
_add_param_group: Callable[[Optimizer, Group], None] = inspect.unwrap(Optimizer.add_param_group)
_profiling: Callable[[], bool] = torch.autograd._profiler_enabled  # pyright: ignore[reportPrivateUsage]


class ObservedOptimizer(Optimizer):
    """An optimizer whose steps leave observations behind, at no cost of their own.

    A method is a subclass that holds its formula, ``update``, and says which states and numbers the formula takes.
    Everything else is shared and lives here: engines, weight decay, state, checks, observations.

    Two arguments beyond those of torch's optimizers, both keyword-only:

    * ``engine``: ``"auto"`` takes the compiled engine that fits each parameter, torch's own fused step where there is
      none on this machine, and the plain formula for all other kinds of tensors; ``"numba"``, ``"triton"`` and
      ``"fused"`` leave the other ones out; ``"torch"`` is the plain formula for all. ``"unseen"`` takes torch's fused
      step too and measures nothing: it begins at once, where compiled engines take a second to be loaded.
    * ``observe``: measure also the parameters that the plain formula serves, which takes extra passes over memory.

    torch's own switches ``foreach`` and ``fused`` are accepted and left unused: the engines here are both.
    """

    state_names: ClassVar[tuple[str, ...]]  #: the buffers that ``update`` takes after w and g, in its order
    average: ClassVar[str | None] = None  #: the one that averages gradients
    counts_steps: ClassVar[bool] = True  #: whether ``state["step"]`` is kept, as torch does
    takes_sparse: ClassVar[bool] = False  #: whether sparse gradients are served
    accepted: ClassVar[Accepted]  #: the numbers of a group and their ranges

    def __init__(self, params: Any, defaults: Group, *, engine: Engine, observe: bool) -> None:
        check_engine(engine)
        self._engine: Engine = engine
        self.observe = observe
        self._plan: Plan | None = None
        self._steps_taken = 0
        defaults = {**_TORCH_OPTIONS, **defaults}
        self.check_options(defaults, where="")
        listed = check_parameters(params)
        super().__init__(listed, defaults)
        require_some([p for group in self.param_groups for p in group["params"]], received="groups that are all empty")

    # --- what a method says about itself

    def numbers(self, group: Group) -> dict[str, Any]:
        """The formula's own numbers, by the names that ``update`` gives them."""
        raise NotImplementedError

    def switches(self, group: Group) -> dict[str, bool]:
        """The formula's options that are on or off."""
        return {}

    def kept_states(self, group: Group) -> tuple[str, ...]:
        """The states that exist under a group's options."""
        return self.state_names

    def decay(self, group: Group) -> Decay:
        """How ``weight_decay`` acts."""
        return "coupled" if group["weight_decay"] != 0 else "none"

    def check_options(self, group: Group, *, where: str) -> None:
        """Raise ``ArgumentError`` for the first option of a group that is not accepted."""
        check_group(group, self.accepted, where=where)

    def torch_step(self, group: Group) -> TorchFunction | None:
        """Torch's function for the formula under a group's options, if it has one that agrees."""
        return None

    def initial_state(self, name: str, param: Tensor, group: Group) -> Tensor:
        """A state before the first step."""
        return torch.zeros_like(param, memory_format=torch.preserve_format)

    # --- the step

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Args:
            closure: Computes the loss again and returns it, for methods that want it evaluated by the optimizer.

        Returns:
            What the closure returned, or None.
        """
        hooked = self._optimizer_step_pre_hooks or self._optimizer_step_post_hooks or _before_any or _after_any
        traced = torch.compiler.is_dynamo_compiling()  # the compiler cannot trace the question whether a profiler runs
        profiled = not traced and _profiling()
        if not hooked and not profiled:
            return self._plain_step(closure)
        return self._announced_step(closure) if profiled or traced else self._hooked_step(closure)

    step.hooked = True  # type: ignore[attr-defined]  # torch would wrap it at a cost that small models notice

    def _plain_step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        plan = self._plan
        if plan is None or not plan.ready():
            with torch.no_grad():
                plan = self._plan = Plan(self, engine=self._usable_engine(), sparse=self.takes_sparse)
                plan.take_gradients()
        plan.run(observe=self.observe)
        self._steps_taken += 1
        return loss

    _announced_step: Callable[..., Any] = Optimizer.profile_hook_step(_plain_step)  # calls hooks, tells profilers

    def _hooked_step(self, closure: Callable[[], Any] | None) -> Any:
        """Call the hooks as torch does, without the record for profilers, which takes as long as a small step."""
        args: tuple[Any, ...] = (self, closure)
        kwargs: dict[str, Any] = {}
        for before in chain(_before_any.values(), self._optimizer_step_pre_hooks.values()):
            changed = before(self, args, kwargs)
            if changed is None:
                continue
            if not isinstance(changed, tuple) or len(changed) != 2:
                raise RuntimeError(
                    f"the pre-hook {before} must return None or a tuple of (new_args, new_kwargs), but got {changed}"
                )
            args, kwargs = changed
        loss = type(self)._plain_step(*args, **kwargs)
        for after in chain(self._optimizer_step_post_hooks.values(), _after_any.values()):
            after(self, args, kwargs)
        return loss

    def _usable_engine(self) -> Engine:
        return "torch" if torch.compiler.is_compiling() else self._engine

    def rule(self, group: Group) -> Rule:
        """The formula of a group with its options settled."""
        kept = self.kept_states(group)
        return Rule(
            update=type(self).update,  # type: ignore[attr-defined]
            states=tuple(name if name in kept else None for name in self.state_names),
            average=self.average,
            numbers=tuple(self.numbers(group)),
            switches=tuple(self.switches(group).items()),
            maximize=bool(group["maximize"]),
            decay=self.decay(group),
            torch_step=self.torch_step(group),
        )

    def fill_state(self, param: Tensor, group: Group) -> bool:
        """Create the states that a parameter lacks; True if its buffers are new."""
        kept = self.kept_states(group)
        if not (kept or self.counts_steps):
            return False  # as under torch, nothing that is kept leaves no entry
        state = self.state[param]
        if self.counts_steps and "step" not in state:
            on_device = group.get("capturable") or (group.get("fused") and param.device.type != "cpu")
            state["step"] = torch.zeros((), dtype=step_dtype(), device=param.device if on_device else "cpu")
        missing = [name for name in kept if state.get(name) is None]
        for name in missing:
            state[name] = self.initial_state(name, param, group)
        return bool(missing)

    def step_unseen(self) -> None:
        """From now on step as under ``engine="unseen"``, and leave no observations."""
        self._engine, self.observe, self._plan = "unseen", False, None

    # --- what it saw

    def observations(self) -> Observations | None:
        """What the last step saw; None before the first step, and where ``torch.compile`` took all steps.

        All engines measure always, the compiled ones within the update's own pass over memory; parameters that the
        plain formula serves are measured under ``observe=True`` and are NaN without. Waits for the device once.
        """
        if self._plan is None or self._steps_taken == 0:
            return None
        sums, skipped = self._plan.sums()
        return Observations(
            step=self._steps_taken,
            names=self._names(),
            sizes=np.array([p.numel() for p in self._plan.params], np.int64),
            skipped=skipped,
            sums=sums,
        )

    def _names(self) -> tuple[str, ...]:
        return tuple(
            name
            for k, group in enumerate(self.param_groups)
            for name in group.get("param_names") or [f"{k}.{i}" for i in range(len(group["params"]))]
        )

    # --- torch.optim's protocol

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own, as ``torch.optim.Optimizer.add_param_group`` does."""
        if "params" in param_group:  # else torch says what is wrong
            where = f"param_groups[{len(self.param_groups)}]: " if self.param_groups else ""
            listed = param_group["params"]
            if not isinstance(listed, (Tensor, set)):
                param_group["params"] = listed = list(listed)
            if not isinstance(listed, Tensor):
                before = [p for group in self.param_groups for p in group["params"]]
                check_in_no_other_group(listed, before, where=where)
            self.check_options({**self.defaults, **param_group}, where=where)
        _add_param_group(self, param_group)
        self._plan = None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state of another optimizer of the same method, torch's own or one of these.

        Raises:
            ArgumentError: The state is of another method, or of parameters of other number or shape.
        """
        if not isinstance(state_dict, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # users err
            raise ArgumentError(
                f"state_dict: received {state_dict!r} of type {type(state_dict).__name__}; accepted is the dict that "
                f"{type(self).__name__}.state_dict() returns"
            )
        # as the last hook it sees what earlier ones, which may adapt a state of another shape, have made of it
        last = self.register_load_state_dict_pre_hook(lambda _, state: self._check_state_dict(state))
        try:
            super().load_state_dict(state_dict)
        finally:
            last.remove()

    def _check_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        method = type(self).__name__
        if not {"state", "param_groups"} <= set(state_dict):
            raise ArgumentError(
                f"state_dict: received a dict with the keys {sorted(map(str, state_dict))}; accepted is what "
                f"{method}.state_dict() returns, with the keys 'state' and 'param_groups'"
            )
        saved = state_dict["param_groups"]
        sizes, own = [len(g["params"]) for g in saved], [len(g["params"]) for g in self.param_groups]
        if sizes != own:
            raise ArgumentError(
                f"state_dict: received groups of {sizes} parameters; accepted are groups of {own}, as this {method} has"
            )
        for k, group in enumerate(saved):
            if absent := [name for name in self.accepted if name not in group]:
                raise ArgumentError(
                    f"state_dict: param_groups[{k}] has no {absent[0]!r}, so it was saved by another method; "
                    f"accepted is the state of a {method}"
                )
            if foreign := [name for name in _TELLING if (name in group) != (name in self.defaults)]:
                differs = "has {!r}, which {} lacks" if foreign[0] in group else "lacks {!r}, which {} has"
                raise ArgumentError(
                    f"state_dict: param_groups[{k}] {differs.format(foreign[0], method)}, so it was saved by another "
                    f"method; accepted is the state of a {method}"
                )
            for key, param in zip(group["params"], self.param_groups[k]["params"], strict=True):
                self._check_state(state_dict["state"].get(key, {}), key, param)

    def _check_state(self, state: Mapping[str, Any], key: Any, param: Tensor) -> None:
        method = type(self).__name__
        known = (*self.state_names, "step") if self.counts_steps else self.state_names
        if unknown := [name for name in state if name not in known]:
            raise ArgumentError(
                f"state_dict: state[{key}] holds {unknown[0]!r}, which {method} does not keep; accepted are "
                f"{', '.join(map(repr, known)) or 'no states'}: was it saved by another method?"
            )
        for name in self.state_names:
            value = state.get(name)
            if isinstance(value, Tensor) and value.shape != param.shape:
                raise ArgumentError(
                    f"state_dict: state[{key}][{name!r}] has shape {tuple(value.shape)}; accepted is "
                    f"{tuple(param.shape)}, the shape of the parameter: was it saved for another model?"
                )

    def __getstate__(self) -> dict[str, Any]:
        own = ("_engine", "observe", "_steps_taken")
        return super().__getstate__() | {name: getattr(self, name) for name in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._plan = None
        for group in self.param_groups:
            group.update({**self.defaults, **group})
            for param in group["params"]:
                step = self.state[param].get("step") if param in self.state else None
                if step is not None and not isinstance(step, Tensor):  # checkpoints of early torch releases
                    self.state[param]["step"] = torch.tensor(float(step), dtype=step_dtype())
