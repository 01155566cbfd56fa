"""Which id of which sequence was not in the table of vectors, where a program crashed for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import is_users
from unstuck.record import facts

__all__ = ["failed_lookup"]

MODULE, FUNCTION = nn.Embedding.forward.__code__, functional.embedding.__code__


def failed_lookup(error: BaseException, path: Callable[[nn.Module], str | None]) -> facts.FailedLookup | None:
    """What an embedding was asked for, by the frames of the error that it raised.

    Args:
        error: What ended the program.
        path: Gives the path of a module in the model that is trained, or None.

    Returns:
        None where no embedding raised it, or where the program has let go of what it was given.

    Examples:
        >>> import torch
        >>> try:
        ...     nn.Embedding(3, 2)(torch.tensor([0, 7, 1]))
        ... except IndexError as error:
        ...     found = failed_lookup(error, lambda module: "words")
        >>> found.rows, found.highest, found.beyond, found.where
        (3, 7, 1, 'words')
    """
    found: dict[str, Any] = {}
    place, where = (None, None), ""
    for code, line, known in _frames(error) if isinstance(error, IndexError) else ():
        if is_users(code.co_filename):
            place = (code.co_filename, line)
        if code is MODULE:
            where = path(known["self"]) or ""
        if code is FUNCTION:
            found = known
    ids, table = found.get("input"), found.get("weight")
    if not isinstance(ids, Tensor) or not isinstance(table, Tensor) or not is_readable(ids) or not ids.numel():
        return None
    ids, rows = ids.detach(), len(table)
    beyond = int(((ids < 0) | (ids >= rows)).sum())
    if not beyond:
        return None
    return facts.FailedLookup(
        rows=rows,
        lowest=int(ids.min()),
        highest=int(ids.max()),
        beyond=beyond,
        ids=ids.numel(),
        counting=bool((ids.diff(dim=-1) == 1).all()) if ids.dim() else False,
        where=where,
        file=place[0],
        line=place[1],
    )


def _frames(error: BaseException) -> Iterator[tuple[Any, int, dict[str, Any]]]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code, trace.tb_lineno, trace.tb_frame.f_locals
        trace = trace.tb_next
