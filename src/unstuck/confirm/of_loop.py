"""Edits of the loop that trains, and of what feeds it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from unstuck.confirm.argument import Argument, set_argument
from unstuck.confirm.edit import Edit, EditError, blocks, called, insert_before, reaches, updates_beside
from unstuck.confirm.proved import Proved
from unstuck.confirm.sites import Site, Source, calls, in_line, only, rewritten, sites
from unstuck.confirm.written import last_name
from unstuck.record.facts import Detachment, Graph, Loader, Model, Schedule

__all__ = ["attached", "clipped", "clipped_at", "gradients_cleared", "schedule_held", "shuffled", "training_mode"]


def gradients_cleared(change: Proved) -> Edit:
    """``optimizer.zero_grad()`` before the backward pass."""
    (source, line), (own, made) = change.found, change.made
    if own.file != source.file:
        raise EditError("the optimizer's name in this file is not known")
    name = _assigned(source, made)
    if not updates_beside(source.text, line, calling="backward", name=name):
        raise EditError(f"the backward pass is not in one block with {name}.step(): clear once for each update")
    return _inserted(source, line, f"{name}.zero_grad()", calling="backward")


def training_mode(change: Proved) -> Edit:
    """``model.train()`` before the forward pass of each step."""
    if set(change.settings) != {"training"}:
        raise EditError("the mode is to be changed around evaluations too")
    model, graph = change.run.fact(Model), change.run.fact(Graph)
    name = model.variable if model else ""
    if not name.isidentifier() or graph is None:
        raise EditError("the model's name in the program is not known")
    source, line = change.at(graph.file, graph.line)
    for block in blocks(source.tree):
        backward = [one for one in block if reaches(one, line) and called(one, "backward")]
        forward = [one for one in block if called(one, name)]
        if backward and forward and forward[0].lineno <= line:
            return _inserted(source, forward[0].lineno, f"{name}.train()", calling=name)
    raise EditError(f"{name}(...) is not called in the block of the backward pass")


def attached(change: Proved) -> Edit:
    """The one ``detach()`` that cuts the graph taken out: at the line that was seen, or the only cut in the models."""
    cut = change.run.fact(Detachment)
    here = in_line(calls(change.sources, ("detach",)), cut.file, cut.line) if cut else []
    cuts: list[Site[ast.expr]] = [*here] or _cuts_in_models(change)
    site = only(cuts, "what cuts the graph")
    call = site.node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or change.settings.get("draws"):
        raise EditError("the cut is no call of a method alone")
    if last_name(call.func) != "detach" or call.args:
        raise EditError(f"the graph is cut at {site.place} by another call than detach()")
    return rewritten([(site, site.of(call.func.value).text)])


def _cuts_in_models(change: Proved) -> list[Site[ast.expr]]:
    if change.settings["where"] != "model":
        return []
    inside = {node for one in sites(change.sources, ast.ClassDef) for node in ast.walk(one.node)}
    cuts = calls(change.sources, ("detach", "no_grad", "numpy", "tensor", "item"))
    data = [one for one in sites(change.sources, ast.Attribute) if one.node.attr == "data"]
    return [one for one in (*cuts, *data) if one.node in inside]


def shuffled(change: Proved) -> Edit:
    """``shuffle=True`` of the loader that the training loop goes through."""
    if not change.run.knows(Loader):
        raise EditError("batches come from no DataLoader")
    site = _trained_loader(change)
    words = {word.arg for word in site.node.keywords}
    if words & {"sampler", "batch_sampler", None}:
        raise EditError("the loader has a sampler of its own")
    argument = Argument(name="shuffle", of=("DataLoader",), position=2)
    after = set_argument(site.source.text, site.node.lineno, argument, True)
    return site.source.edited(after)


def _trained_loader(change: Proved) -> Site[ast.Call]:
    """The only loader that is made, or the one whose name the loop around the backward pass goes through."""
    made = calls(change.sources, ("DataLoader",))
    if len(made) == 1:
        return made[0]
    graph = change.run.fact(Graph)
    loops = in_line(sites(change.sources, ast.For), graph.file, graph.line) if graph else []
    names = {one.id for loop in loops for one in _names(loop.node.iter)}
    named = [
        each
        for each in made
        for one in sites(change.sources, ast.Assign)
        if last_name(one.node.targets[0]) in names and one.node.value is each.node
    ]
    return only(named or made, "DataLoader(...)")


def schedule_held(change: Proved) -> Edit:
    """The step of the schedule taken out, where the rate starts as it is to be held."""
    schedule = change.run.fact(Schedule)
    if schedule is None:
        raise EditError("the program sets the rate itself")
    started = change.was(lambda group: group.learning_rate)
    if started is None or schedule.base_rate is None or abs(started - schedule.base_rate) > 1e-6 * schedule.base_rate:
        raise EditError("the schedule does not start with the rate that is to be held")
    source, line = change.at(schedule.file, schedule.line)
    here = in_line(sites([source], ast.Expr), source.file, line)
    site = only([one for one in here if called(one.node, "step")], "the step of the schedule")
    if any(block == [site.node] for block in blocks(source.tree)):
        return rewritten([(site, "pass")])
    lines = source.text.splitlines(keepends=True)
    alone = "".join(lines[site.node.lineno - 1 : site.node.end_lineno]).strip() == site.text
    if not alone:
        raise EditError(f"other statements stand beside the step of the schedule at {site.place}")
    after = "".join([*lines[: site.node.lineno - 1], *lines[site.node.end_lineno :]])
    return source.edited(after)


def clipped_at(change: Proved) -> Edit:
    """Another norm to clip gradients to."""
    if "norm" not in change.settings:
        raise EditError("what changes the gradients is to be taken out")
    site = only(calls(change.sources, ("clip_grad_norm_",)), "clip_grad_norm_(...)")
    argument = Argument(name="max_norm", of=("clip_grad_norm_",), position=1)
    after = set_argument(site.source.text, site.node.lineno, argument, change.settings["norm"])
    return site.source.edited(after)


def clipped(change: Proved) -> Edit:
    """``clip_grad_norm_`` before the step of the optimizer, of the parameters of the model that the block calls."""
    (own, made), model, graph = change.made, change.run.fact(Model), change.run.fact(Graph)
    optimizer, name = _assigned(own, made), model.variable if model else ""
    source, line = change.at(graph.file, graph.line) if graph else change.found
    imported = [alias.asname or alias.name for one in ast.walk(source.tree) if isinstance(one, ast.Import)
                for alias in one.names]  # fmt: skip
    if own.file != source.file or not name.isidentifier() or "torch" not in imported:
        raise EditError("the names of model and optimizer in the loop are not known")
    if calls([source], ("unscale_", "clip_grad_norm_", "scale")):
        raise EditError("gradients are scaled or clipped already")
    for block in blocks(source.tree):
        steps = [one for one in block if ast.unparse(one).startswith(f"{optimizer}.step(")]
        backward = any(reaches(one, line) and called(one, "backward") for one in block)
        if backward and len(steps) == 1 and any(called(one, name) for one in block):
            norm = change.settings["norm"]
            statement = f"torch.nn.utils.clip_grad_norm_({name}.parameters(), {norm!r})"
            return _inserted(source, steps[0].lineno, statement, calling="step")
    raise EditError(f"{optimizer}.step() does not stand in the block of the backward pass")


def _inserted(source: Source, line: int, statement: str, *, calling: str) -> Edit:
    after = insert_before(source.text, line, statement, calling=calling)
    return source.edited(after)


def _assigned(source: Source, line: int) -> str:
    """The name that the value made at a line is given."""
    for site in in_line(sites([source], ast.Assign), source.file, line):
        if len(site.node.targets) == 1:
            return ast.unparse(site.node.targets[0])
    raise EditError(f"line {line} assigns to no name")


def _names(node: ast.AST) -> Iterator[ast.Name]:
    return (one for one in ast.walk(node) if isinstance(one, ast.Name))
