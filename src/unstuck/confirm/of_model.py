"""Edits of the calls and constructions that a model is made of."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence

from unstuck.confirm.argument import Argument, OptionError, set_argument
from unstuck.confirm.edit import Edit, EditError, unwrap
from unstuck.confirm.proved import Proved
from unstuck.confirm.sites import Site, calls, in_line, only, renamed, rewritten, sites
from unstuck.confirm.written import Option, last_name, written
from unstuck.learning.loss_call import loss_calls
from unstuck.record.facts import Loss
from unstuck.rules.dropout import strongest_dropout

__all__ = ["activation_bypassed", "batch_first", "dropout", "hidden_activations", "softmax_axis"]

FUNCTIONS = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid"}

SOFTMAXES = ("softmax", "log_softmax", "softmin", "Softmax", "LogSoftmax", "Softmin")

DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "dropout", "dropout1d", "dropout2d")

LAYERS = ("LSTM", "GRU", "RNN", "MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer")

SATURATING: Mapping[str, str] = {
    name: rectifier
    for names, rectifier in (
        (("Sigmoid", "Tanh", "Softsign", "Hardsigmoid"), "ReLU"),
        (("sigmoid", "tanh", "softsign", "hardsigmoid"), "relu"),
    )
    for name in names
}
"""Activations that saturate, each with what is called in its place."""

HALF = 0.5


def activation_bypassed(change: Proved) -> Edit:
    """The last activation taken out: its call, or the module where that is made."""
    if change.settings.get("becomes"):
        raise EditError("another activation takes its place")
    kind = _last_activation(change)
    if kind == "Sigmoid":
        _refuse_thresholds(change)
    modules = any(layer.type == kind for layer in change.layers)
    site = _applied(change, (kind,) if modules else (kind, FUNCTIONS[kind]), kind)
    made = last_name(site.node.func) == kind
    if made and not _inside(site):
        return rewritten([_identity(site)])
    after = unwrap(site.source.text, site.node.lineno, (last_name(site.node.func),))
    return site.source.edited(after)


def _last_activation(change: Proved) -> str:
    """The activation that made the outputs of a loss."""
    for call in loss_calls(change.run):
        if _made_by(call) in FUNCTIONS:
            return _made_by(call)
    raise EditError("which activation is the last one is not known")


def _refuse_thresholds(change: Proved) -> None:
    """Without its sigmoid a model gives scores, which a half is no threshold of."""
    for site in sites(change.sources, ast.Compare):
        halves = [one for one in ast.walk(site.node) if isinstance(one, ast.Constant) and one.value == HALF]
        if halves:
            raise EditError(f"without the sigmoid the threshold of 0.5 at {site.place} would have to be 0")
    rounded = calls(change.sources, ("round",))
    if rounded:
        raise EditError(f"without the sigmoid what is rounded at {rounded[0].place} would be no probability")


def _applied(change: Proved, names: Sequence[str], kind: str) -> Site[ast.Call]:
    """The one call of an activation, or construction of its module: at the finding's line, or anywhere."""
    found = calls(change.sources, names)
    where = change.finding.where
    here = in_line(found, where.file, where.line)
    site = here[0] if here else only(found, f"{kind} or {FUNCTIONS.get(kind, kind.lower())}(...)")
    if last_name(site.node.func)[0].isupper():
        _refuse_copies(change, last_name(site.node.func))
    return site


def _refuse_copies(change: Proved, kind: str) -> None:
    made = sum(layer.type == kind for layer in change.layers)
    if made > 1:
        raise EditError(f"the model has {made} modules of the class {kind}, which one line makes")


def _inside(site: Site[ast.Call]) -> bool:
    """Whether a construction is one of several in a list or in ``nn.Sequential(...)``."""
    for node in ast.walk(site.source.tree):
        inside = node.elts if isinstance(node, ast.List) else []
        if isinstance(node, ast.Call) and last_name(node.func) == "Sequential":
            inside = node.args
        if any(one is site.node for one in inside):
            return len(inside) > 1
    return False


def _identity(site: Site[ast.Call]) -> tuple[Site[ast.Call], str]:
    """``nn.Identity()`` in place of a construction."""
    _, name = renamed(site, "Identity")
    return site, f"{name}()"


def softmax_axis(change: Proved) -> Edit:
    """Another ``dim`` of the softmax that runs over the wrong axis."""
    given, axis, axes = (int(change.settings[name]) for name in ("given", "axis", "dimensions"))
    found = calls(change.sources, SOFTMAXES)
    here = in_line(found, change.finding.where.file, change.finding.where.line)
    fit = here[:1] or [one for one in found if _axis(one) in (given, given - axes)]
    site = only(fit, f"a softmax over axis {given}")
    name = last_name(site.node.func)
    if name[0].isupper():
        _refuse_copies(change, name)
    argument = Argument(name="dim", of=(name,), position=0 if name[0].isupper() else -1, was=_axis(site))
    after = set_argument(site.source.text, site.node.lineno, argument, axis, args=change.args)
    return site.source.edited(after)


def _axis(site: Site[ast.Call]) -> int | None:
    """The axis of a softmax that is written out."""
    call = site.node
    own = [word.value for word in call.keywords if word.arg == "dim"]
    whole = last_name(call.func)[0].isupper()
    method = isinstance(call.func, ast.Attribute) and last_name(call.func.value) not in ("F", "torch", "functional")
    own += call.args[:1] if whole or method else call.args[1:2]
    try:
        value = ast.literal_eval(own[0]) if own else None
    except (ValueError, TypeError):
        return None
    return value if isinstance(value, int) else None


def dropout(change: Proved) -> Edit:
    """Every probability above the one that was proved, where each is known."""
    target = float(change.settings["probability"])
    strongest = strongest_dropout(change.run)
    changes: dict[ast.expr, tuple[Site[ast.expr], str]] = {}
    for site in calls(change.sources, (*DROPOUTS, *LAYERS)):
        own = _probability_of(site)
        if own is None:
            continue
        place = _written(change, own, strongest[0] if strongest else math.nan)
        if _number(place) > target:
            changes[place.node] = (place, repr(target))
    if not changes:
        raise EditError("no probability of a dropout is written in the program's own files")
    return rewritten(list(changes.values()))


def _probability_of(site: Site[ast.Call]) -> Site[ast.expr] | None:
    """What a call gives for the probability; None of a layer that has none by default."""
    call = site.node
    name = last_name(call.func)
    plain = name not in LAYERS
    own = [one.value for one in call.keywords if one.arg == ("p" if plain else "dropout")]
    if plain:
        at = 0 if name[0].isupper() else 1
        own += call.args[at : at + 1]
    if not own and plain:
        raise EditError(f"the dropout at {site.place} has the probability that is its default")
    return site.of(own[0]) if own else None


def _written(change: Proved, own: Site[ast.expr], strongest: float) -> Site[ast.expr]:
    """Where a probability is written: there, or where its name leads if it is that of the strongest dropout.

    Raises:
        OptionError: It was given on the command line.
    """
    if isinstance(own.node, ast.Constant):
        return own
    place = written(own.source.tree, own.node, strongest, change.args)
    if isinstance(place, Option):
        raise OptionError(place.name)
    if place is None:
        raise EditError(f"the probability of the dropout at {own.place} is not written there")
    return own.of(place)


def _number(site: Site[ast.expr]) -> float:
    value = ast.literal_eval(site.node)
    return float(value) if isinstance(value, int | float) else math.nan


def hidden_activations(change: Proved) -> Edit:
    """A rectifier in place of each activation that saturates, where all are hidden."""
    if any(_made_by(call) in SATURATING for call in loss_calls(change.run)):
        raise EditError("the last activation, which is to stay, is written as the hidden ones are")
    if calls(change.sources, ("Softmax", "softmax")):
        raise EditError("a softmax has other arguments than ReLU")
    found = [one for one in calls(change.sources, tuple(SATURATING)) if _hidden(one)]
    if not found:
        raise EditError("no activation that saturates is called or made in the program's own files")
    return rewritten([renamed(one, SATURATING[_name(one)]) for one in found])


def _name(site: Site[ast.Call]) -> str:
    return last_name(site.node.func)


def _hidden(site: Site[ast.Call]) -> bool:
    """Whether a call makes a module, or is made in a forward pass of one; evaluations may take a sigmoid of scores."""
    if _name(site)[0].isupper():
        return True
    call = site.node
    if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in ("math", "np", "numpy"):
        return False
    forward = (one for one in ast.walk(site.source.tree) if isinstance(one, ast.FunctionDef) and one.name == "forward")
    return any(one is site.node for function in forward for one in ast.walk(function))


def _made_by(call: Loss) -> str:
    return call.output.operation if call.output.reach is None else call.output.reach.operation


def batch_first(change: Proved) -> Edit:
    """``batch_first=True`` of the recurrent or attention layer that is made."""
    if change.settings.get("of") != "layers":
        raise EditError("axes are exchanged by a call that depends on the shape")
    site = only(calls(change.sources, LAYERS), "a recurrent or attention layer")
    argument = Argument(name="batch_first", of=(last_name(site.node.func),))
    after = set_argument(site.source.text, site.node.lineno, argument, True)
    return site.source.edited(after)
