"""Anybody's models, from the first epoch to the last, as :func:`unstuck.train.fit` trains them."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tests.stacked.same import batches
from unstuck.errors import ArgumentError, DataError
from unstuck.stacked import Member, fit_stacked
from unstuck.train import fit


def members(models, rates, **options):
    data = options.pop("data", batches(6, 8))
    made = []
    for model, rate in zip(models, rates, strict=True):
        optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
        plans = (
            torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5),
            torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
        )
        made.append(Member(model=model, optimizer=optimizer, data=data, schedules=plans, **options))
    return made


def test_each_comes_out_as_of_fit():
    torch.manual_seed(0)
    models = [nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 5)) for _ in range(3)]
    twins = copy.deepcopy(models)
    rates, validation = (0.01, 0.1, 1e8), batches(2, 8)
    state = torch.get_rng_state()
    results = fit_stacked(members(models, rates, validation=validation, epochs=5, patience=2), cross_entropy)
    for result, member in zip(results, members(twins, rates, epochs=5), strict=True):
        torch.set_rng_state(state)
        fitted = fit(
            member.model, cross_entropy, member.data, member.optimizer,
            validation=validation, epochs=5, patience=2, schedule=member.schedules,
        )  # fmt: skip
        assert (result.reason, result.best, len(result.epochs)) == (fitted.reason, fitted.best, len(fitted.epochs))
        if fitted.reason != "diverged":
            for mine, other in zip(result.model.parameters(), member.model.parameters(), strict=True):
                torch.testing.assert_close(mine, other, rtol=0, atol=1e-5)


def test_members_may_be_of_different_length():
    models = [nn.Linear(8, 5) for _ in range(3)]
    made = [Member(**{**vars(m), "epochs": k + 1}) for k, m in enumerate(members(models, (0.1, 0.1, 0.1)))]
    results = fit_stacked(made, cross_entropy, together=2)
    assert [len(result.losses) for result in results] == [6, 12, 18]
    assert [result.accuracies for result in results[:1]] == [[None]]


def test_members_on_data_of_their_own_and_without_classes():
    torch.manual_seed(0)
    own = [[(torch.randn(4, 3), torch.randn(4, 1))] * 2 for _ in range(2)]
    models = [nn.Linear(3, 1) for _ in range(2)]
    made = [
        Member(model=m, optimizer=torch.optim.SGD(m.parameters(), lr=0.1), data=data, validation=data, epochs=3)
        for m, data in zip(models, own, strict=True)
    ]
    results = fit_stacked(made, nn.functional.mse_loss)
    assert all(result.epochs[-1].validation.accuracy is None for result in results)
    assert all(result.losses[-1] < result.losses[0] for result in results)


def test_bad_data_is_said():
    models = [nn.Linear(8, 5) for _ in range(2)]
    with pytest.raises(DataError, match="no batch"):
        fit_stacked(members(models, (0.1, 0.1), data=[]), cross_entropy)
    with pytest.raises(ArgumentError, match="at least one"):
        fit_stacked([], cross_entropy)
    sizes = [members([m], (0.1,), data=batches(2, 8, size=size))[0] for m, size in zip(models, (4, 5), strict=True)]
    with pytest.raises(ArgumentError, match="differ in size"):
        fit_stacked(sizes, cross_entropy)
