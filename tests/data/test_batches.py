from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unstuck.data import Batches, Part
from unstuck.data.batches import GATHERED
from unstuck.errors import ArgumentError


def part(examples: int) -> Part:
    return Part(torch.arange(examples, dtype=torch.float32).reshape(-1, 1), torch.arange(examples))


@given(st.integers(1, 300), st.data())
def test_a_pass_gives_every_example_once(examples: int, draw: st.DataObject) -> None:
    size = draw.draw(st.integers(1, examples))
    batches = Batches(part(examples), size)
    passed = list(batches)
    assert len(passed) == len(batches)
    assert sorted(torch.cat([targets for _, targets in passed]).tolist()) == list(range(examples))
    assert all(torch.equal(inputs[:, 0].long(), targets) for inputs, targets in passed)
    lengths = [len(targets) for _, targets in passed]
    assert set(lengths[:-1]) <= {size}
    assert lengths[-1] <= size + 1
    assert size == 1 or examples == 1 or min(lengths) > 1


def test_a_set_larger_than_one_gathering_is_whole() -> None:
    examples = 2 * GATHERED + 65
    seen = [targets for _, targets in Batches(part(examples), 64)]
    assert len(seen[-1]) == 65
    assert sorted(torch.cat(seen).tolist()) == list(range(examples))


def test_each_pass_has_an_order_of_its_own_and_the_seed_repeats_them() -> None:
    first, again = Batches(part(50), 50, seed=3), Batches(part(50), "all", seed=3)
    orders = [[next(iter(batches))[1].tolist() for _ in range(2)] for batches in (first, again)]
    assert orders[0] == orders[1]
    assert orders[0][0] != orders[0][1]
    assert next(iter(Batches(part(50), 50, seed=4)))[1].tolist() != orders[0][0]


def test_the_global_random_state_is_neither_read_nor_changed() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    batches = Batches(part(20), 5, seed=1)
    order = [targets.tolist() for _, targets in batches]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    assert [targets.tolist() for _, targets in Batches(part(20), 5, seed=1)] == order


def test_unshuffled_batches_are_views() -> None:
    whole = part(10)
    inputs, _ = next(iter(Batches(whole, 4, shuffle="never")))
    assert inputs.data_ptr() == whole.inputs.data_ptr()


def test_an_empty_part_has_no_batches() -> None:
    batches = Batches(part(0), "all", shuffle="never")
    assert len(batches) == 0
    assert list(batches) == []


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "al", None])
def test_impossible_sizes_are_refused(size: Any) -> None:
    with pytest.raises(ArgumentError, match=f"batch_size={size!r}: a whole number from 1"):
        Batches(part(10), size)


def test_a_set_smaller_than_a_batch_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"batch_size=11: larger than the 10 examples .*give at most 10"):
        Batches(part(10), 11)
