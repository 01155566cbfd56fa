"""A member by itself."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tests.stacked.same import batches
from unstuck.stacked import Member
from unstuck.stacked.alone import fit_alone


def member(**options):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 5), nn.Dropout(0.5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return Member(model=model, optimizer=optimizer, data=batches(4, 8), validation=batches(1, 8), **options)


def test_the_losses_are_those_of_training_and_the_random_state_is_its_own():
    state = torch.Generator().manual_seed(4).get_state()
    results = [fit_alone(member(epochs=3, state=state), cross_entropy, 0, None, "why not") for _ in range(2)]
    assert len(results[0].losses) == 12
    assert (results[0].losses == results[1].losses).all()
    assert (results[0].alone, results[0].reason, results[0].why) == ("why not", "completed", "")


def test_it_is_stopped_with_the_reason():
    result = fit_alone(member(epochs=9), cross_entropy, 7, lambda k, epoch: f"{k}" if epoch.number == 2 else None, "")
    assert (result.reason, result.why, len(result.epochs)) == ("stopped", "7", 2)
