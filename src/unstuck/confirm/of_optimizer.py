"""Edits of the call that constructs the optimizer, of its arguments, and of parameters that were frozen."""

from __future__ import annotations

import ast
from typing import Any

from unstuck.confirm.argument import Argument, set_argument
from unstuck.confirm.edit import Edit, EditError
from unstuck.confirm.proved import Proved
from unstuck.confirm.sites import Site, calls, in_line, only, rewritten, sites
from unstuck.confirm.written import last_name
from unstuck.record.facts import Model, UnoptimizedParameters

__all__ = ["another_method", "default_constants", "momentum", "parameters_given", "rate", "thawed", "weight_decay"]

METHODS = {"adam": "Adam", "sgd": "SGD"}


def rate(change: Proved) -> Edit:
    """Another ``lr``."""
    if "rate" not in change.settings:
        raise EditError("a factor is no number that could be written")
    was = change.was(lambda group: group.initial_rate or group.learning_rate)
    return _set(change, "lr", change.settings["rate"], position=1, was=was)


def weight_decay(change: Proved) -> Edit:
    """Another ``weight_decay``."""
    was = change.was(lambda group: group.weight_decay)
    return _set(change, "weight_decay", change.settings["weight_decay"], position=4, was=was)


def momentum(change: Proved) -> Edit:
    """Another ``momentum``; of an adaptive method, the first of its ``betas``."""
    value = change.settings["momentum"]
    betas = {group.betas for group in change.optimizer.groups}
    if betas == {None}:
        was = change.was(lambda group: group.momentum)
        return _set(change, "momentum", value, position=2 if change.optimizer.type == "SGD" else None, was=was)
    known = betas.pop()
    if betas or known is None:
        raise EditError("parameter groups have betas of their own")
    return _set(change, "betas", (value, *known[1:]))


def default_constants(change: Proved) -> Edit:
    """Another ``eps``, or other ``betas``."""
    if "epsilon" in change.settings and "first_beta" in change.settings:
        raise EditError("eps and betas are to be changed together")
    if "epsilon" in change.settings:
        was = change.was(lambda group: group.epsilon)
        return _set(change, "eps", change.settings["epsilon"], was=was)
    return _set(change, "betas", (change.settings["first_beta"], change.settings["second_beta"]))


def _set(change: Proved, name: str, value: Any, *, position: int | None = None, was: float | None = None) -> Edit:
    source, line = change.made
    argument = Argument(name=name, of=(change.optimizer.type,), position=position, was=was)
    after = set_argument(source.text, line, argument, value, args=change.args)
    return source.edited(after)


def another_method(change: Proved) -> Edit:
    """The call of another class of ``torch.optim`` with the same parameters and decay, at the rate that was proved."""
    site = _maker(change)
    call = site.node
    if not isinstance(call.func, ast.Attribute) or last_name(call.func.value) != "optim":
        raise EditError(f"{ast.unparse(call.func)} is imported by its name")
    if not call.args or any(word.arg is None for word in call.keywords) or len(change.optimizer.groups) > 1:
        raise EditError("it is not plain which parameters and constants the other method would be given")
    method = METHODS[str(change.settings["method"])]
    kept = [f"weight_decay={site.of(word.value).text}" for word in call.keywords if word.arg == "weight_decay"]
    own = [f"lr={change.settings['rate']!r}", *(["momentum=0.9"] if method == "SGD" else []), *kept]
    module, parameters = site.of(call.func.value).text, site.of(call.args[0]).text
    return rewritten([(site, f"{module}.{method}({parameters}, {', '.join(own)})")])


def _maker(change: Proved) -> Site[ast.Call]:
    source, line = change.made
    made = in_line(calls([source], (change.optimizer.type,)), source.file, line)
    return only(made, f"{change.optimizer.type}(...)")


def parameters_given(change: Proved) -> Edit:
    """The parameters of the whole model in place of those of a part of it."""
    model, walks = change.run.fact(Model), change.run.facts(UnoptimizedParameters)
    missing = {one.name for one in walks[-1].unchanged} if walks else set[str]()
    known = {one.name for one in model.parameters} if model else set[str]()
    site = _maker(change)
    part = site.node.args[0] if site.node.args else None
    whole = _whole(part)
    if model is None or whole is None or ast.unparse(whole) != model.variable or not missing <= known or not missing:
        raise EditError("what the optimizer is given is not the parameters of one part of the model")
    assert part is not None
    return rewritten([(site.of(part), f"{site.of(whole).text}.parameters()")])


def _whole(part: ast.expr | None) -> ast.expr | None:
    """The object of whose part ``whole.part.parameters()`` is."""
    if isinstance(part, ast.Call) and last_name(part.func) == "parameters" and isinstance(part.func, ast.Attribute):
        owner = part.func.value
        while isinstance(owner, ast.Attribute | ast.Subscript):
            owner = owner.value
        return owner if owner is not part.func.value else None
    return None


def thawed(change: Proved) -> Edit:
    """``requires_grad`` True where the program sets it to False, in one place."""
    assigned = [
        site.of(site.node.value)
        for site in sites(change.sources, ast.Assign)
        if any(last_name(one) == "requires_grad" for one in site.node.targets)
    ]
    called = [site.of(site.node.args[0]) for site in calls(change.sources, ("requires_grad_",)) if site.node.args]
    frozen = [one for one in (*assigned, *called) if one.text == "False"]
    model = change.run.fact(Model)
    held = model is not None and all(one.optimized for one in model.parameters if not one.trainable)
    if not held:
        raise EditError("the optimizer must be given the thawed parameters too")
    return rewritten([(only(frozen, "requires_grad = False"), "True")])
