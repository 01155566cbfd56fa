"""Attention is seen in whichever form it is written, and nothing else is taken for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from tests.observe.conftest import Watched
from unstuck.learning.vitals import vitals
from unstuck.observe import Session
from unstuck.observe.collectors.attention import Attention
from unstuck.record import Run, RunWriter, Verdict
from unstuck.rules import judge

HEADS, WIDTH = 2, 8


class Layer(nn.Module):
    """Attention in one of its forms; queries are scaled, so that logits grow."""

    def __init__(self, form: str, scale: float = 1.0) -> None:
        super().__init__()
        self.form, self.scale = form, scale
        self.project = nn.Linear(WIDTH, 3 * WIDTH)
        self.module = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True) if form == "module" else None

    def forward(self, x: Tensor) -> Tensor:
        if self.module is not None:
            return self.module(self.scale * x, x, x)[0]
        q, k, v = self.project(x).unflatten(-1, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)
        q = q * self.scale
        if self.form == "function":
            return functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        if self.form == "einsum":
            weights = functional.softmax(torch.einsum("bhid,bhjd->bhij", q, k) / 2, dim=-1)
            return torch.einsum("bhij,bhjd->bhid", weights, v)
        if self.form == "without heads":
            return (q[:, 0] @ k[:, 0].mT / 2 + torch.zeros(x.shape[1], requires_grad=True)).softmax(dim=-1) @ v[:, 0]
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        return (q @ k.mT / 2).masked_fill(mask, float("-inf")).softmax(-1) @ v


class Model(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        return sum((block(x).square().mean() for block in self.blocks), torch.zeros(()))


def sample(model: nn.Module) -> tuple[list[str], dict[str, Any]]:
    torch.manual_seed(0)
    with Watched(model) as step:
        model(torch.randn(3, 5, WIDTH)).backward()
        return step.collectors.one(Attention).names, step.update()


@pytest.mark.parametrize("form", ["module", "function", "einsum", "written", "without heads"])
def test_every_form_is_seen_by_head(form: str) -> None:
    torch.manual_seed(0)
    names, found = sample(Model(Layer(form), Layer(form, scale=1000.0)))
    within = ".module" if form == "module" else ""
    heads = range(1 if form == "without heads" else HEADS)
    assert names == [f"blocks.{block}{within}#{head}" for block in (0, 1) for head in heads]
    logits, entropies = found["attention_logit"], found["attention_entropy"]
    first, second = slice(0, len(heads)), slice(len(heads), None)
    assert max(logits[first]) < 5.0 < 50.0 < min(logits[second])
    assert min(entropies[first]) > 0.8
    assert max(entropies[second]) < 0.2


class Other(nn.Module):
    """Softmaxes that are no attention."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.mix = nn.Linear(WIDTH, 4), nn.Parameter(torch.zeros(2, 5, 5))

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(x).softmax(-1).square().mean() + (self.mix.softmax(-1) @ x[:2]).square().mean()


def test_other_softmaxes_are_no_attention() -> None:
    names, found = sample(Other())
    assert names == []
    assert "attention_logit" not in found


def test_attentions_of_one_module_are_numbered() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.project = nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            y = self.project(x)
            for _ in range(2):
                y = functional.scaled_dot_product_attention(y, y, y)
            return y.square().mean()

    names, _ = sample(Model(Both()))
    assert names == ["blocks.0#0", "blocks.0_2#0"]


def test_a_checkpoint_that_computes_it_again_adds_none() -> None:
    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = Layer("function")

        def forward(self, x: Tensor) -> Tensor:
            result: Any = checkpoint(self.layer, x, use_reentrant=False)
            return result.square().mean()

    names, _ = sample(Checkpointed())
    assert names == ["layer#0", "layer#1"]


def test_a_head_that_is_not_called_again_is_missing() -> None:
    model = Model(Layer("function"), Layer("function"))
    with Watched(model) as step:
        model(torch.randn(3, 5, WIDTH)).backward()
        step.update()
        step.collectors.begin(1)
        model.blocks[0](torch.randn(3, 5, WIDTH)).square().mean().backward()
        found = step.update()["attention_logit"]
    assert [math.isnan(value) for value in found] == [False, False, True, True]


def test_attention_of_a_model_of_others_is_passed_over() -> None:
    model, other = Model(Layer("function")), Model(Layer("function"), Layer("function"))
    with Watched(model) as step:
        x = torch.randn(3, 5, WIDTH)
        (model(x) + other(x)).backward()
        step.update()
        assert len(step.collectors.one(Attention).names) == HEADS


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.project, self.head = nn.Linear(16, 48), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.project(x).unflatten(-1, (3, 4, 4)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        return self.head(mixed.mean(dim=1))


def vitals_of(folder: Path, prepared: Callable[[nn.Module], nn.Module]) -> tuple[set[str], Verdict]:
    """The vitals that are recorded of a training, and what is said of it."""
    with RunWriter(folder) as writer, Session(writer, budget=1.0) as session:
        model = prepared(Attending())
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(12):
            optimizer.zero_grad()
            functional.cross_entropy(model(torch.randn(5, 7, 16)), torch.randint(3, (5,))).backward()
            optimizer.step()
    assert session.failure is None
    with Run.open(folder) as run:
        return {vital.what for vital in vitals(run.streams()[0])}, judge(run)


OF_ATTENTION = {"largest attention logit", "attention entropy"}


def test_of_compiled_code_the_vitals_of_weights_are_seen_and_the_rest_is_said(tmp_path: Path) -> None:
    seen, verdict = vitals_of(tmp_path, lambda model: torch.compile(model, backend="aot_eager"))
    assert seen >= {"learning rate", "size of updates", "size of weights", "norm of the gradient"}
    assert not seen & OF_ATTENTION
    assert any("compiled" in gap and "attention" in gap for gap in verdict.gaps)


def test_attention_of_sharded_weights_is_seen(tmp_path: Path, two_ranks: Any) -> None:
    seen, verdict = vitals_of(tmp_path, lambda model: fully_shard(model, mesh=two_ranks))
    assert seen >= OF_ATTENTION
    assert any("sharded" in gap for gap in verdict.gaps), "the other rank is not there, and its parts do not arrive"
