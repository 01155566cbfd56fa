"""No cross and no remark on sound trainings of any kind, whatever batches, outputs and losses look like."""

import importlib.util
from pathlib import Path

import pytest
import torch

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
