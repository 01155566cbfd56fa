"""What is named first is what was planted, in trainings that were run and recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.learning.departures import explained
from unstuck.observe import Observer
from unstuck.record import Run, RunWriter, Throw, signals
from unstuck.record.facts import Model, Parameter, ThrownBatch, ThrownTensor
from unstuck.testing.rules import record

STEPS, PLANTED, WORDS, WIDTH, HEADS = 360, 300, 40, 16, 2


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.project, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.project(x).unflatten(-1, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return x + self.out(mixed.transpose(1, 2).flatten(2))


class Language(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.noise = nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.blocks = nn.Sequential(Block(), Block())
        self.head = nn.Linear(WIDTH, WORDS)

    def forward(self, ids: Tensor, noise: Tensor) -> Tensor:
        return self.head(self.blocks(self.words(ids) + self.noise(noise)))


Plant = Callable[[Language, torch.optim.Optimizer, int], None]


def trained(
    folder: Path, plant: Plant = lambda *_: None, *, bad_batch: bool = False, rate: float = 1e-2, mistakes: float = 0.02
) -> Run:
    """A small language model of sequences that mostly count upwards; nearly each step is sampled."""
    torch.manual_seed(0)
    model = Language()
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    with RunWriter(folder) as writer, Observer(model, optimizer, writer, budget=0.95):
        for step in range(STEPS):
            plant(model, optimizer, step)
            ids = (torch.randint(WORDS, (16, 1)) + torch.arange(9)) % WORDS
            ids = torch.where(torch.rand(16, 9) < mistakes, torch.randint(WORDS, (16, 9)), ids)
            noise = 0.1 * torch.randn(16, 8, WIDTH)
            if bad_batch and step == PLANTED:
                noise[3] *= 1e5
            optimizer.zero_grad()
            output = model(ids[:, :-1], noise)
            functional.cross_entropy(output.flatten(0, 1), ids[:, 1:].flatten()).backward()
            optimizer.step()
    return Run.open(folder)


def first(run: Run) -> Throw:
    with run:
        throws = explained(run.streams()[0])
    assert throws, "the loss was thrown"
    assert throws[0].departures, throws[0].why
    return throws[0]


def jump(model: Language, optimizer: torch.optim.Optimizer, step: int) -> None:
    if step == PLANTED:
        optimizer.param_groups[0]["lr"] = 0.5


def grow(model: Language, optimizer: torch.optim.Optimizer, step: int) -> None:
    if step >= PLANTED:
        with torch.no_grad():
            model.blocks[1].project.weight[: 2 * WIDTH] *= 1.5


def explode(model: Language, optimizer: torch.optim.Optimizer, step: int) -> None:
    if step >= PLANTED:
        with torch.no_grad():
            model.words.weight *= 1.4


def test_a_bad_batch_is_named_with_its_rows(tmp_path: Path) -> None:
    throw = first(trained(tmp_path, bad_batch=True))
    assert throw.step == PLANTED
    assert throw.departures[0].what == "largest input of the batch"
    assert throw.rows == (24, 25, 26), "the positions of the fourth example, of eight each"
    assert throw.why.endswith("; rows 24, 25, 26 of 128 of the batch")


def test_a_jump_of_the_rate_is_named_at_its_step(tmp_path: Path) -> None:
    throw = first(trained(tmp_path, jump))
    assert (throw.departures[0].what, throw.departures[0].step) == ("learning rate", PLANTED)
    assert PLANTED < throw.step <= PLANTED + 4


def test_logits_that_grow_are_named_with_their_layer(tmp_path: Path) -> None:
    throw = first(trained(tmp_path, grow, mistakes=0.0))
    assert [one.where for one in throw.departures[:2]] == ["blocks.1.project.weight", "blocks.1"]
    assert throw.departures[1].what == "largest attention logit"
    assert PLANTED <= throw.departures[0].step <= throw.step


def test_an_embedding_that_explodes_is_named(tmp_path: Path) -> None:
    throw = first(trained(tmp_path, explode))
    assert throw.departures[0].where.startswith("words")
    assert PLANTED <= throw.departures[0].step <= throw.step


@pytest.mark.parametrize("rate", [3e-4, 3e-3, 1e-2])
def test_a_training_without_a_spike_has_nothing_to_explain(tmp_path: Path, rate: float) -> None:
    with trained(tmp_path, rate=rate) as run:
        assert explained(run.streams()[0]) == ()


def losses() -> np.ndarray:
    values = np.ones(STEPS)
    values[PLANTED] = 50.0
    return values


def gradients(at: int) -> list[float]:
    values = np.full(STEPS, 2.0)
    values[at] = 900.0
    return values.tolist()


@pytest.mark.parametrize("at", [PLANTED, PLANTED - 20])
def test_what_came_after_the_loss_or_came_back_before_is_not_named(tmp_path: Path, at: int) -> None:
    tables = {signals.GRADIENT_NORM: {"a": gradients(at), "b": [1.0] * STEPS}}
    with record(tmp_path, series={signals.LOSS: losses().tolist()}, tables=tables) as run:
        (throw,) = explained(run)
    assert throw.departures == ()
    assert throw.why == f"all that was sampled was within its range at step {PLANTED - 1}, the last one before it"


def test_of_several_tensors_the_furthest_is_named(tmp_path: Path) -> None:
    near, far = ([1.0] * (PLANTED - 2) + [size] * (STEPS - PLANTED + 2) for size in (10.0, 1e4))
    with record(
        tmp_path,
        series={signals.LOSS: losses().tolist()},
        tables={signals.GRADIENT_NORM: {"near": near, "far": far}},
    ) as run:
        (throw,) = explained(run)
    assert [(one.where, one.step) for one in throw.departures] == [("far", PLANTED - 2)]


def test_without_samples_it_says_so(tmp_path: Path) -> None:
    with record(tmp_path, series={signals.LOSS: losses().tolist()}) as run:
        (throw,) = explained(run)
    assert throw.why == "too few steps before it were sampled to know what is usual"


def of_a_bias(folder: Path, norms: np.ndarray, *, largest: float = 1.0) -> Throw:
    """The throw of a training whose bias was of some size at each step, and whose batch reached so far."""
    tensor = ThrownTensor(
        what="input",
        place="Addmm, 8 columns",
        shape=(16, 8),
        largest=largest,
        usual=1.0,
        spread=0.05,
        high=1.1,
        later=1.0,
        seen=40,
        rows=1,
        first_rows=(3,),
    )
    model = Model(type="Net", parameters=(Parameter(name="b", role="bias", shape=(1,)),))
    look = ThrownBatch(step=PLANTED, loss=90.0, level=4.0, tensors=(tensor,))
    series, tables = {signals.LOSS: losses().tolist()}, {signals.WEIGHT_NORM: {"b": norms.tolist()}}
    with record(folder, series=series, tables=tables, facts=[model, look]) as run:
        return explained(run.streams()[0])[0]


def slowly() -> np.ndarray:
    """A bias that grows ever more slowly, and is sampled ever more seldom."""
    norms, steps = np.full(STEPS, np.nan), [*range(30, 46), 150, 224, PLANTED - 15]
    norms[steps] = [*np.linspace(1.0, 1.05, 16), 1.2, 1.25, 1.4]
    return norms


def held(level: float, *, until: int) -> np.ndarray:
    return np.where(np.arange(STEPS) < until, 1.0, level)


@pytest.mark.parametrize(
    ("norms", "named"),
    [
        (slowly(), False),
        (held(2.0, until=PLANTED - 30), True),
        (held(2.0, until=PLANTED // 2), False),
        (held(0.5, until=PLANTED - 30), False),
    ],
)
def test_weights_that_go_on_growing_or_left_long_before_are_not_named(
    tmp_path: Path, norms: np.ndarray, named: bool
) -> None:
    assert [one.where for one in of_a_bias(tmp_path, norms).departures] == ["b"] * named


@pytest.mark.parametrize(("largest", "named"), [(900.0, ["input"]), (3.2, ["weights", "input"])])
def test_a_batch_further_out_than_the_weights_comes_first(tmp_path: Path, largest: float, named: list[str]) -> None:
    found = of_a_bias(tmp_path, held(9.0, until=PLANTED - 30), largest=largest)
    assert [next(word for word in ("weights", "input") if word in one.what) for one in found.departures] == named
