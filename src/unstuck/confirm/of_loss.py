"""Edits of the call of a loss, of its arguments, and of the construction of a loss module."""

from __future__ import annotations

import ast
import math

from unstuck.confirm.edit import Edit, EditError
from unstuck.confirm.proved import Proved
from unstuck.confirm.sites import Site, calls, in_line, only, renamed, rewritten, sites
from unstuck.confirm.written import last_name
from unstuck.learning.loss_call import loss_calls
from unstuck.record.facts import Broadcast, Loss

__all__ = ["labels_mapped", "loss_replaced", "mean_of_loss", "sign_flipped", "squeezed"]

CLASSES = {
    "mse_loss": "MSELoss",
    "l1_loss": "L1Loss",
    "smooth_l1_loss": "SmoothL1Loss",
    "huber_loss": "HuberLoss",
    "cross_entropy": "CrossEntropyLoss",
    "nll_loss": "NLLLoss",
    "binary_cross_entropy": "BCELoss",
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
    "kl_div": "KLDivLoss",
    "soft_margin_loss": "SoftMarginLoss",
}
"""The classes of losses by the functions that they call."""

DIFFERENCES = ("sub", "subtract", "__sub__", "rsub")

SAME = 0.01


def _loss(change: Proved, function: str = "") -> Loss:
    """The one loss that is called."""
    found = [one for one in loss_calls(change.run) if not function or one.function == function]
    if len(found) != 1 or not found[0].function:
        raise EditError("which loss is meant is not known")
    return found[0]


def _call(change: Proved, loss: Loss) -> Site[ast.Call]:
    """The call of a loss that is given outputs and targets."""
    source, line = change.at(loss.file, loss.line)
    here = in_line(sites([source], ast.Call), source.file, line)
    function = [one for one in here if last_name(one.node.func) == loss.function]
    modules = [one for one in here if _is_module_call(one.node)]
    return only(function or modules, f"the call of {loss.function}")


def _is_module_call(call: ast.Call) -> bool:
    """Whether a call may be one of a criterion that was made before: of two things, by a name that says so."""
    name = last_name(call.func).lower()
    return len(call.args) == 2 and any(word in name for word in ("loss", "crit", "bce", "mse"))


def _made(change: Proved, loss: Loss) -> Site[ast.Call]:
    """Where the function of a loss is named: its call, or the construction of its module."""
    call = _call(change, loss)
    if last_name(call.node.func) == loss.function:
        return call
    name = CLASSES.get(loss.function or "", "")
    return only(calls(change.sources, (name,)), f"{name}(...)")


def loss_replaced(change: Proved) -> Edit:
    """Another loss of the same outputs and targets, where these stay as they are."""
    given, wanted = str(change.settings["given"]), str(change.settings["loss"])
    loss = _loss(change, given)
    if loss.output.operation in ("Softmax", "Sigmoid", "Log"):
        raise EditError(f"the {loss.output.operation.lower()} before the loss is to be taken out too")
    site = _made(change, loss)
    constructed = last_name(site.node.func) == CLASSES.get(given)
    if len(site.node.keywords) or len(site.node.args) != (0 if constructed else 2):
        raise EditError(f"{given} is given more than the other loss takes")
    if isinstance(site.node.func, ast.Attribute) and site.of(site.node.func.value).text == "torch":
        raise EditError(f"torch.{wanted} may not be")
    targets = _targets(change, loss, wanted)
    return rewritten([renamed(site, CLASSES[wanted] if constructed else wanted), *targets])


def _targets(change: Proved, loss: Loss, wanted: str) -> list[tuple[Site[ast.expr], str]]:
    """What is to be written for the targets, where the other loss takes them otherwise."""
    output, target = loss.output.shape, loss.target
    if wanted in ("cross_entropy", "nll_loss"):
        if target.type == "real" and target.shape != output:
            raise EditError("the targets would have to be class numbers")
        return []
    missing = output == (*target.shape, 1)
    if not (missing or output == target.shape):
        raise EditError("outputs and targets have other shapes")
    text = (".float()" if target.type == "class" else "") + (".unsqueeze(-1)" if missing else "")
    if not text:
        return []
    site = _argument(_call(change, loss), 1)
    return [(site, f"{_bracketed(site)}{text}")]


def _argument(call: Site[ast.Call], position: int) -> Site[ast.expr]:
    named = [word.value for word in call.node.keywords if word.arg == ("input", "target")[position]]
    own = [*call.node.args[position : position + 1], *named]
    if not own or any(isinstance(one, ast.Starred) for one in call.node.args):
        raise EditError("what the loss is given is not written out")
    return call.of(own[0])


def _bracketed(site: Site[ast.expr]) -> str:
    """An expression that a method may be called of."""
    plain = isinstance(site.node, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    return site.text if plain else f"({site.text})"


def mean_of_loss(change: Proved) -> Edit:
    """``reduction="mean"``, where the loss is a sum."""
    loss = _loss(change)
    site = _made(change, loss)
    own = [word.value for word in site.node.keywords if word.arg == "reduction"]
    summed = math.prod(loss.target.shape) * float(change.settings["factor"])
    if loss.reduction != "sum" or not own or not isinstance(own[0], ast.Constant) or abs(summed - 1.0) > SAME:
        raise EditError("the factor of the loss is not that of a sum that its reduction asks for")
    quote = site.of(own[0]).text[0]
    return rewritten([(site.of(own[0]), f"{quote}mean{quote}")])


def labels_mapped(change: Proved) -> Edit:
    """The targets of the loss shifted and divided, where nothing else is compared with them."""
    loss = _loss(change, str(change.settings["function"]))
    site = _argument(_call(change, loss), 1)
    guesses = calls(change.sources, ("argmax", "max", "topk")) if loss.classes.number else []
    if guesses:
        raise EditError(f"the classes that are predicted at {guesses[0].place} would be shifted against the labels")
    names = {one.id for one in ast.walk(site.node) if isinstance(one, ast.Name)}
    for other in sites(change.sources, ast.Compare):
        if names & {one.id for one in ast.walk(other.node) if isinstance(one, ast.Name)}:
            raise EditError(f"the labels are compared with the predictions at {other.place} too")
    shift, divisor = float(change.settings["shift"]), float(change.settings["divisor"])
    text = _bracketed(site)
    shifted = f"{text} {'-' if shift > 0 else '+'} {abs(shift):g}" if shift else text
    return rewritten([(site, shifted if divisor == 1.0 else f"({shifted}) / {divisor:g}")])


def squeezed(change: Proved) -> Edit:
    """The one of two shapes that has an axis more, without it."""
    broadcast = change.run.fact(Broadcast)
    if broadcast is not None and broadcast.function in DIFFERENCES:
        source, line = change.at(broadcast.file, broadcast.line)
        here = in_line(sites([source], ast.BinOp), source.file, line)
        minus = [one for one in here if isinstance(one.node.op, ast.Sub)]
        if minus:
            node = only(minus, "the difference").node
            pair = (minus[0].of(node.left), minus[0].of(node.right))
            return _without_last_axis(pair, (broadcast.first, broadcast.second))
    loss = _loss(change)
    call = _call(change, loss)
    return _without_last_axis((_argument(call, 0), _argument(call, 1)), (loss.output.shape, loss.target.shape))


def _without_last_axis(
    pair: tuple[Site[ast.expr], Site[ast.expr]], shapes: tuple[tuple[int, ...], tuple[int, ...]]
) -> Edit:
    first, second = shapes
    longer = 0 if first == (*second, 1) else 1 if second == (*first, 1) else None
    if longer is None:
        raise EditError("the shapes differ by more than a last axis of length 1")
    return rewritten([(pair[longer], f"{_bracketed(pair[longer])}.squeeze(-1)")])


def sign_flipped(change: Proved) -> Edit:
    """``maximize=True`` no more, or the minus before what is differentiated taken away."""
    if change.settings["of"] != "gradient":
        raise EditError("whether the loss or the data have the wrong sign is not known")
    words = [
        site.of(word.value)
        for site in calls(change.sources, (change.optimizer.type,))
        for word in site.node.keywords
        if word.arg == "maximize" and isinstance(word.value, ast.Constant) and word.value.value is True
    ]
    return rewritten([(only(words, "maximize=True"), "False")])
