from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record.facts import Connection, Model, Parameter, Wiring
from unstuck.rules.wires import Wires
from unstuck.testing.rules import record


def chain(folder: Path, before: dict[str, tuple[str, ...]]) -> list[str]:
    """The longest way through weights, given nearest the loss first with those that come before each."""
    wiring = Wiring(connections=tuple(Connection(parameter=name, before=given) for name, given in before.items()))
    parameters = tuple(Parameter(name=name, shape=(4, 4)) for name in before)
    with record(folder, facts=[Model(type="Net", layers=(), parameters=parameters), wiring]) as run:
        wires = Wires.of(run)
    assert wires is not None
    return [wire.parameter for wire in wires.chain]


def test_branches_side_by_side_are_no_depth(tmp_path: Path) -> None:
    branches = {f"{branch}1": (f"{branch}0",) for branch in "abc"} | {f"{branch}0": () for branch in "abc"}
    assert chain(tmp_path, {"head": ("a1", "b1", "c1"), **branches}) == ["a0", "a1", "head"]


def test_a_shortcut_does_not_hide_the_longer_way(tmp_path: Path) -> None:
    """Past a shortcut the first weight lies nearer to the loss than those that follow it."""
    before: dict[str, tuple[str, ...]] = {"head": ("first", "second"), "first": (), "second": ("first",)}
    assert chain(tmp_path, before) == ["first", "second", "head"]


def test_a_recurrence_counts_once(tmp_path: Path) -> None:
    before: dict[str, tuple[str, ...]] = {"out": ("hidden",), "hidden": ("hidden", "input"), "input": ()}
    assert chain(tmp_path, before) == ["input", "hidden", "out"]


def test_without_knowledge_of_the_ways_all_weights_stand_in_the_order_met(tmp_path: Path) -> None:
    assert chain(tmp_path, {"c": (), "b": (), "a": ()}) == ["a", "b", "c"]


@pytest.mark.parametrize("length", [3000])
def test_depth_has_no_limit(tmp_path: Path, length: int) -> None:
    names = [f"w{i}" for i in range(length)]
    given = {name: (names[i - 1],) if i else () for i, name in enumerate(names)}
    assert chain(tmp_path, dict(reversed(given.items()))) == names


def adapters(
    folder: Path,
    shapes: dict[str, tuple[int, int]],
    before: dict[str, tuple[str, ...]],
    frozen: dict[str, tuple[int, int]],
) -> frozenset[str]:
    """What runs beside a wider path, given the weights from the data to the loss."""
    wiring = Wiring(connections=tuple(Connection(parameter=name, before=before[name]) for name in reversed(shapes)))
    parameters = tuple(Parameter(name=name, shape=shape) for name, shape in shapes.items())
    still = tuple(Parameter(name=name, shape=shape, trainable=False) for name, shape in frozen.items())
    with record(folder, facts=[Model(type="Net", parameters=(*parameters, *still)), wiring]) as run:
        wires = Wires.of(run)
    assert wires is not None
    return wires.adapters


LOW_RANK = {"A": (4, 64), "B": (96, 4), "head": (5, 96)}
IN_ROW: dict[str, tuple[str, ...]] = {"A": (), "B": ("A",), "head": ("B",)}


@pytest.mark.parametrize(
    ("frozen", "found"),
    [({"base": (96, 64)}, {"A", "B"}), ({"base": (64, 96)}, {"A", "B"}), ({"base": (64, 64)}, set()), ({}, set())],
    ids=["beside", "by hand", "before", "all trained"],
)
def test_a_branch_of_low_rank_beside_a_frozen_matrix(
    tmp_path: Path, frozen: dict[str, tuple[int, int]], found: set[str]
) -> None:
    assert adapters(tmp_path, LOW_RANK, IN_ROW, frozen) == found


def test_an_adapter_over_a_shortcut_of_a_frozen_model(tmp_path: Path) -> None:
    assert adapters(tmp_path, {**LOW_RANK, "A": (4, 96)}, IN_ROW, {"stem": (96, 64)}) == {"A", "B"}


def test_a_branch_beside_a_wider_one_that_is_trained(tmp_path: Path) -> None:
    shapes = {"wide": (96, 64), **LOW_RANK}
    beside: dict[str, tuple[str, ...]] = {"wide": (), "A": (), "B": ("A",), "head": ("wide", "B")}
    assert adapters(tmp_path / "beside", shapes, beside, {}) == {"A", "B"}
    behind: dict[str, tuple[str, ...]] = {"wide": (), "A": ("wide",), "B": ("A",), "head": ("B",)}
    assert not adapters(tmp_path / "behind", {**shapes, "A": (4, 96)}, behind, {})
