"""What evaluations between the steps of a training are seen to hold."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from unstuck import watch
from unstuck.observe import Session
from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import Association, EvaluatedAssociation, EvaluatedLoss, Predictions, PromptEnds, Shift


def trained(folder: Path, *, scrambled: bool) -> Run:
    """A training that evaluates other examples after each epoch; scrambled, its own examples lose what tells them."""
    torch.manual_seed(0)
    model = nn.Linear(6, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    labels = torch.randint(3, (600,))
    inputs = torch.randn(600, 6)
    inputs[torch.arange(600), labels] += 4.0
    with watch(model, optimizer, out=folder):
        for _ in range(3):
            for rows in torch.randperm(400).split(40):
                batch = inputs[rows]
                if scrambled:
                    batch = torch.stack([example[torch.randperm(6)] for example in batch])
                functional.cross_entropy(model(batch), labels[rows]).backward()
                optimizer.step()
                optimizer.zero_grad()
            model.eval()
            with torch.no_grad():
                right = (model(inputs[400:]).argmax(dim=1) == labels[400:]).sum().item()
            assert right >= 0
            model.train()
    return Run.open(folder)


def test_neighbours_tell_evaluated_examples_apart_from_training_ones(tmp_path: Path) -> None:
    for scrambled in (False, True):
        with trained(tmp_path / f"{scrambled}", scrambled=scrambled) as run:
            training, evaluated = run.fact(Association), run.fact(EvaluatedAssociation)
        assert training is not None
        assert evaluated is not None
        assert training.told is not None
        assert evaluated.told is not None
        assert evaluated.examples == 200
        assert evaluated.told > 0.8
        assert (training.told > 0.8) is not scrambled


def test_examples_that_a_model_makes_are_none_that_it_is_evaluated_on(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Linear(6, 6)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    inputs = torch.randn(400, 6)
    with watch(model, optimizer, out=tmp_path):
        for _ in range(2):
            for batch in inputs[:300].split(50):
                functional.mse_loss(model(batch), batch).backward()
                optimizer.step()
                optimizer.zero_grad()
            with torch.no_grad():
                functional.mse_loss(model(inputs[300:]), inputs[300:])
                made = torch.zeros(200, 6)
                for column in range(6):
                    made[:, column] = model(made)[:, column] + 9.0
    with Run.open(tmp_path) as run:
        shift = run.fact(Shift)
    assert shift is not None
    assert shift.evaluated % 100 == 0
    assert shift.distance < 0.5


def evaluated(folder: Path | None) -> list[bytes]:
    """Outputs of a transformer in evaluations between steps, bit for bit, watched or not."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = nn.Sequential(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs = torch.randn(40, 5, 16)
    outputs: list[bytes] = []
    with nullcontext() if folder is None else watch(model, optimizer, out=folder):
        for step in range(6):
            model.train()
            functional.cross_entropy(model(inputs[:30])[:, 0], torch.arange(30) % 4).backward()
            optimizer.step()
            optimizer.zero_grad()
            model.eval()
            with torch.inference_mode():
                output = model(inputs[30:])
                assert functional.cross_entropy(output[:, 0], torch.arange(10) % 4) > 0, step
            outputs.append(output.numpy().tobytes())
    return outputs


def test_fused_layers_compute_as_they_do_unwatched(tmp_path: Path) -> None:
    assert evaluated(tmp_path / "run") == evaluated(None)
    assert len(Run.open(tmp_path / "run").series(signals.VALIDATION_LOSS)) > 3


def test_a_fused_layer_that_raises_leaves_the_mode_where_it_was(tmp_path: Path) -> None:
    model = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    before = torch._C._len_torch_function_stack()
    with watch(model, optimizer, out=tmp_path):
        for _ in range(3):
            model.train()
            model(torch.randn(3, 5, 16)).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            model.eval()
            with torch.no_grad(), pytest.raises((RuntimeError, AssertionError)):
                model(torch.randn(3, 5, 7))
    assert torch._C._len_torch_function_stack() == before


@pytest.mark.parametrize("also", [True, False])
def test_the_loss_of_an_evaluation_is_that_of_the_training_where_it_is_called(tmp_path: Path, also: bool) -> None:
    torch.manual_seed(0)
    model = nn.Linear(6, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs, targets = torch.randn(40, 6), torch.rand(40, 2)
    with watch(model, optimizer, out=tmp_path):
        for _ in range(3):
            functional.binary_cross_entropy_with_logits(model(inputs), targets).backward()
            optimizer.step()
            optimizer.zero_grad()
            with torch.no_grad():
                output = model(inputs + 1.0)
                squares = functional.mse_loss(output.sigmoid(), targets).item()
                entropy = functional.binary_cross_entropy_with_logits(output, targets).item() if also else 0.0
    with Run.open(tmp_path) as run:
        (measure,) = run.facts(EvaluatedLoss)
        recorded = run.series(signals.VALIDATION_LOSS).values[-1]
    assert measure.function == ("binary_cross_entropy_with_logits" if also else "mse_loss")
    assert measure.shape == (40, 2)
    assert recorded == pytest.approx(entropy if also else squares)


def test_what_is_generated_begins_behind_the_ids_in_which_prompts_end(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(9, 8), nn.Linear(8, 9))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, out=tmp_path):
        for _ in range(3):
            ids = torch.randint(0, 8, (16, 6))
            functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).backward()
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            for _ in range(4):
                model(torch.cat([torch.randint(0, 8, (5, 3)), torch.full((5, 1), 8)], dim=1))
            model(torch.tensor([[8], [8]]))  # one token alone is no prompt
    with Run.open(tmp_path) as run:
        fact = run.fact(PromptEnds)
    assert fact is not None
    assert (fact.ids, fact.passes) == ((8,), (4,))


def test_predictions_are_compared_with_their_labels(tmp_path: Path) -> None:
    with trained(tmp_path, scrambled=False) as run:
        fact = run.facts(Predictions)[-1]
    assert fact.compared == 200
    assert fact.explained > 0.8
    assert fact.renamed < 0.1


@pytest.mark.parametrize("shared", [True, False])
def test_losses_of_a_head_that_has_never_run_in_a_training_are_those_of_another_one(
    tmp_path: Path, shared: bool
) -> None:
    torch.manual_seed(0)
    body, first, second = nn.Linear(6, 8), nn.Linear(8, 3), nn.Linear(8, 4)
    inputs, labels = torch.randn(80, 6), torch.randint(3, (80,))
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0):
        first_optimizer = torch.optim.Adam([*body.parameters(), *first.parameters()])
        for _ in range(12):
            functional.cross_entropy(first(body(inputs)), labels).backward()
            first_optimizer.step()
            first_optimizer.zero_grad()
        with torch.no_grad():
            found = functional.cross_entropy((second if shared else first)(body(inputs[:40] + 9.0)), labels[:40])
        assert found.isfinite()
        optimizer = torch.optim.Adam([*body.parameters(), *second.parameters()])
        for _ in range(12):
            functional.cross_entropy(second(body(inputs)), labels).backward()
            optimizer.step()
            optimizer.zero_grad()
        first_optimizer.zero_grad()
    earlier = Run.open(tmp_path).streams()[0]
    assert (len(earlier.series(signals.VALIDATION_LOSS)) == 0) is shared
    assert (earlier.fact(Shift) is None) is shared


@pytest.mark.parametrize("run_in_training", [True, False])
def test_a_frozen_head_that_runs_in_training_is_part_of_what_is_evaluated(
    tmp_path: Path, run_in_training: bool
) -> None:
    torch.manual_seed(0)
    body, head = nn.Linear(6, 8), nn.Linear(8, 3).requires_grad_(False)
    optimizer = torch.optim.Adam(body.parameters())
    inputs, labels = torch.randn(80, 6), torch.randint(3, (80,))
    with watch(body, optimizer, out=tmp_path, budget=1.0):
        for _ in range(12):
            output = head(body(inputs)) if run_in_training else body(inputs)[:, :3]
            functional.cross_entropy(output, labels).backward()
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            assert functional.cross_entropy(head(body(inputs[:40])), labels[:40]).isfinite()
        functional.cross_entropy(head(body(inputs)), labels).backward()
        optimizer.step()
    assert (len(Run.open(tmp_path).series(signals.VALIDATION_LOSS)) > 0) is run_in_training


@pytest.mark.parametrize("others", [True, False])
def test_predictions_of_some_rows_are_compared_where_they_are_of_other_examples(tmp_path: Path, others: bool) -> None:
    torch.manual_seed(0)
    model = nn.Linear(6, 3)
    optimizer = torch.optim.Adam(model.parameters())
    inputs, labels = torch.randn(80, 6), torch.randint(3, (80,))
    held_out = torch.arange(80) >= 60
    with watch(model, optimizer, out=tmp_path, budget=1.0):
        for _ in range(12):
            functional.cross_entropy(model(inputs)[~held_out], labels[~held_out]).backward()
            optimizer.step()
            optimizer.zero_grad()
        model.eval()
        predicted = model(inputs + others).argmax(dim=1)
        right = (predicted[held_out] == labels[held_out]).sum().item()
    with Run.open(tmp_path) as run:
        assert run.series(signals.VALIDATION_ACCURACY).values.tolist() == ([right / 20] if others else [])
