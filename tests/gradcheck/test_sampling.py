import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from unstuck.errors import ArgumentError
from unstuck.gradcheck.sampling import choose, on_purpose, validated


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(st.integers(1, 500), st.integers(1, 60), st.integers(0, 50))
def test_a_sample_is_sorted_unique_inside_and_no_larger_than_asked(size: int, count: int, seed: int) -> None:
    gradient = torch.randn(size, generator=generator(seed))
    places = choose("w", gradient, count, generator(seed))
    assert 1 <= len(places) <= min(size, count)
    assert places.tolist() == sorted(set(places.tolist()))
    assert 0 <= int(places.min()) <= int(places.max()) < size


@pytest.mark.parametrize("seed", range(20))
def test_each_tenth_of_a_tensor_is_seen(seed: int) -> None:
    places = choose("w", torch.randn(1000), 40, generator(seed))
    assert set((places // 100).tolist()) == set(range(10))


def test_entries_with_a_gradient_are_half_of_it_where_most_have_none() -> None:
    gradient = torch.zeros(10_000)
    alive = torch.arange(0, 10_000, 500)
    gradient[alive] = 1.0
    places = choose("w", gradient, 24, generator())
    assert int(torch.isin(places, alive).sum()) >= 12


def test_all_are_taken_where_asked_and_where_there_are_no_more() -> None:
    gradient = torch.ones(3, 4)
    assert choose("w", gradient, "all", generator()).tolist() == list(range(12))
    assert choose("w", gradient, 12, generator()).tolist() == list(range(12))
    assert choose("w", gradient, {"w": [5, 1, 5]}, generator()).tolist() == [1, 5]
    assert choose("v", gradient, {"w": [5]}, generator()).tolist() == []


def test_the_same_seed_takes_the_same() -> None:
    gradient = torch.randn(300)
    first, second, other = (choose("w", gradient, 20, generator(seed)).tolist() for seed in (1, 1, 2))
    assert first == second != other


@pytest.mark.parametrize(
    ("coordinates", "word"),
    [
        (0, "a number from 1"),
        ("most", "a number from 1"),
        (True, "a number from 1"),
        ({"v": [0]}, "no tensor is called 'v'"),
        ({"w": [6]}, "0 to 5 are accepted"),
    ],
)
def test_what_is_no_choice_is_refused(coordinates: object, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        validated(coordinates, {"w": torch.zeros(2, 3)})  # type: ignore[arg-type]


def test_gradients_that_differ_on_purpose_are_known_by_name_and_place() -> None:
    model = nn.ModuleDict({"padded": nn.Embedding(5, 4, padding_idx=2), "plain": nn.Embedding(5, 4)})
    model["by_count"] = nn.Embedding(5, 4, scale_grad_by_freq=True)
    found = on_purpose(model)
    assert set(found) == {"padded.weight", "by_count.weight"}
    assert list(range(20))[found["padded.weight"][1]] == [8, 9, 10, 11]
    assert len(range(20)[found["by_count.weight"][1]]) == 20
    assert on_purpose(torch.tanh) == {}
