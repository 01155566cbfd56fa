"""No cross and no remark on sound trainings of any kind, whatever batches, outputs and losses look like."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from unstuck.preflight import Subject, run_checks

SPEC = importlib.util.spec_from_file_location("trainings", Path(__file__).with_name("trainings.py"))
assert SPEC
assert SPEC.loader
trainings = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(trainings)

SKIPPED = {"regularisation raises the loss", "labels and inputs matter", "initial loss", "examples keep apart", "data"}
"""Checks that some training has no use for; all others are made of every one."""


@pytest.mark.parametrize("name", trainings.TRAININGS)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_sound_training_gets_no_cross_and_no_remark(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    model, loss, data, optimizer = trainings.TRAININGS[name]()
    checklist = run_checks(Subject.of(model, loss, data, optimizer=optimizer, seed=seed))
    assert {check.status for check in checklist} <= {"passed", "skipped"}, str(checklist)
    assert {check.name for check in checklist if check.status == "skipped"} <= SKIPPED, str(checklist)


class Cut(trainings.Tagger):
    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None) -> dict[str, Any]:
        outputs = super().forward(input_ids, attention_mask, labels)
        return {**outputs, "loss": functional.cross_entropy(outputs["logits"].detach(), labels)}


class Mixing(trainings.Siamese):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return super().forward(a, b) + a.mean(dim=0).sum()


class Doubled(trainings.Causal):
    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids).softmax(dim=-1)


class Apart(trainings.Variational):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        _, mean, log_variance = super().forward(x)
        return self.decode(mean.detach()) * 0 + self.decode[2].bias, mean, log_variance


def cut() -> Any:
    model = Cut()
    return model, None, trainings.records(), torch.optim.Adam(model.parameters())


def mixing() -> Any:
    model = Mixing()
    return model, trainings.contrastive, trainings.pairs(), torch.optim.Adam(model.parameters())


def doubled() -> Any:
    _, loss, data, _ = trainings.language_model()
    model = Doubled()
    return model, loss, data, torch.optim.Adam(model.parameters())


def apart() -> Any:
    model, x = Apart(), trainings.pixels()
    return model, trainings.elbo, (x, x), torch.optim.Adam(model.parameters())


def unrelated() -> Any:
    rows = {"input_ids": torch.randint(30, (1200, 7)), "attention_mask": torch.ones(1200, 7)}
    model = trainings.Tagger()
    return model, None, {**rows, "labels": torch.randint(3, (1200,))}, torch.optim.Adam(model.parameters())


def own_class() -> Any:
    model, _, data, optimizer = trainings.hinge()
    loss = lambda scores, y: (scores - scores.gather(1, y[:, None]) + 1).clamp(min=0).sum(1).mean()
    return model, loss, data, optimizer


SICK = {
    "cut": (cut, "graph-detached"),
    "mixing": (mixing, "batch-mixing"),
    "doubled": (doubled, "output-activation-wrong"),
    "apart": (apart, "capacity-too-small"),
    "unrelated": (unrelated, "labels-mismatched"),
    "own class": (own_class, "loss-wrong"),
}


@pytest.mark.parametrize("name", SICK)
def test_a_fault_of_the_same_kinds_of_training_is_one_cross(name: str) -> None:
    make, cause = SICK[name]
    torch.manual_seed(0)
    model, loss, data, optimizer = make()
    checklist = run_checks(Subject.of(model, loss, data, optimizer=optimizer))
    assert [check.cause for check in checklist.failures] == [cause], str(checklist)
