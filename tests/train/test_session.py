import importlib.util
import math
import os
import re
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from unstuck.data import load
from unstuck.errors import RecipeError, RunWriteError, UnstuckError
from unstuck.observe import Latest
from unstuck.record import Run, facts, signals
from unstuck.train import Epoch, Means, Recipe, Silent, Trained, evaluate, train


def recipe(**sections: Any) -> Recipe:
    small = {
        "data": {"name": "breast-cancer"},
        "model": {"name": "linear"},
        "optimizer": {"name": "sgd", "lr": 0.1},
        "train": {"epochs": 3},
    }
    return Recipe.of({key: {**small.get(key, {}), **sections.get(key, {})} for key in {**small, **sections}})


class Recorder(Silent):
    """Collects what is said; ``interrupt_at`` presses Ctrl-C."""

    def __init__(self, *, interrupt_at: int = -1) -> None:
        self.said: list[str] = []
        self.steps = 0
        self.interrupt_at = interrupt_at

    def say(self, line: str) -> None:
        self.said.append(line)

    def step(self, latest: Latest) -> None:
        self.steps += 1
        if self.steps == self.interrupt_at:
            os.kill(os.getpid(), signal.SIGINT)


def test_a_run_holds_everything_a_report_needs(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    recorder = Recorder()
    trained = train(recipe(), folder, progress=recorder)
    with Run.open(folder) as run:
        data, plan, end = run.fact(facts.Data), run.fact(facts.Training), run.fact(facts.End)
        assert data is not None
        assert (data.name, data.train, data.classes) == ("breast-cancer", 399, 2)
        assert plan is not None
        assert (plan.epochs, plan.steps_per_epoch, plan.patience) == (3, 7, 10)
        assert end is not None
        assert (end.reason, end.steps) == ("completed", 21)
        text = run.fact(facts.Recipe)
        assert text is not None
        assert 'name = "breast-cancer"' in text.text
        first = run.fact(facts.InitialLoss)
        assert first is not None
        assert first.expected == pytest.approx(math.log(2))
        assert len(run.series(signals.LOSS)) == recorder.steps == 21
        assert len(run.series(signals.VALIDATION_ACCURACY)) == 3
        assert run.has(signals.UPDATE_RATIO)
        assert run.facts(facts.Event)[-1].what == trained.result
    assert load_file(folder / "best.safetensors")["0.weight"].shape == (2, 30)


def test_it_says_what_it_trains_and_how_the_first_loss_is(tmp_path: Path) -> None:
    recorder = Recorder()
    trained = train(recipe(), tmp_path / "run", progress=recorder)
    assert re.match(r"breast-cancer: 399 to train on, 85 to validate on, 85 held out; linear of 62 ", recorder.said[0])
    assert recorder.said[1] == str(trained.check)


def test_the_same_recipe_gives_the_same_weights(tmp_path: Path) -> None:
    dropout = {"name": "mlp", "hidden": [8], "dropout": 0.5}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        plan = recipe(model=dropout)
        train(plan.model_copy(update={"seed": seed}), tmp_path / name)
        torch.rand(3)
    weights = [load_file(tmp_path / name / "best.safetensors")["0.weight"] for name in "abc"]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_test_part_is_judged_by_the_best_weights(tmp_path: Path) -> None:
    trained = train(recipe(), tmp_path / "run")
    weights = load_file(tmp_path / "run" / "best.safetensors")
    data = load("breast-cancer")
    right = (data.test.inputs @ weights["0.weight"].T + weights["0.bias"]).argmax(1) == data.test.targets
    assert trained.test is not None
    assert trained.test.accuracy == pytest.approx(right.float().mean().item())
    assert trained.test.accuracy > 0.9
    assert trained.result.startswith(f"test accuracy {trained.test.accuracy:.1%} on 85 held-out examples")


def test_a_regression_is_reported_in_its_own_units(tmp_path: Path) -> None:
    trained = train(recipe(data={"name": "diabetes"}, optimizer={"lr": 0.02}, train={"epochs": 20}), tmp_path / "run")
    raw = load("diabetes", scale=False).test.targets
    found = re.match(r"test error ([\d.]+) \(root mean square\), R\^2 ([\d.]+), on 66 ", trained.result)
    assert found is not None
    error, explained = map(float, found.groups())
    assert 40 < error < 70
    assert explained == pytest.approx(1 - error**2 / raw.var(correction=0).item(), abs=2e-3)


def test_ten_points_without_validation_or_test(tmp_path: Path) -> None:
    trained = train(recipe(data={"name": "pokemon"}, train={"epochs": 60, "batch_size": "all"}), tmp_path / "run")
    assert (trained.reason, trained.test, trained.result) == ("completed", None, "")


def test_divergence_is_an_outcome(tmp_path: Path) -> None:
    plan = recipe(
        data={"name": "pokemon", "scale": False}, optimizer={"lr": 1.0}, train={"batch_size": "all", "epochs": 99}
    )
    trained = train(plan, tmp_path / "run")
    assert (trained.reason, trained.test) == ("diverged", None)
    with Run.open(tmp_path / "run") as run:
        end = run.fact(facts.End)
        assert end is not None
        assert end.reason == "diverged"
        assert end.steps < 40


def test_ctrl_c_keeps_the_run_so_far(tmp_path: Path) -> None:
    trained = train(recipe(train={"epochs": 50}), tmp_path / "run", progress=Recorder(interrupt_at=16))
    assert (trained.reason, trained.test) == ("interrupted", None)
    with Run.open(tmp_path / "run") as run:
        end = run.fact(facts.End)
        assert end is not None
        assert (end.reason, end.steps) == ("interrupted", 16)
        assert len(run.series(signals.LOSS)) == 16
    assert (tmp_path / "run" / "best.safetensors").is_file()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_margin_loss_trains_by_name(tmp_path: Path) -> None:
    trained = train(recipe(data={"name": "digits"}, train={"loss": "weston-watkins"}), tmp_path / "run")
    assert trained.check is not None
    assert (trained.check.expected, trained.check.formula) == (9.0, "C - 1, C = 10")
    assert trained.check.passed
    assert trained.test is not None
    assert (trained.test.accuracy or 0.0) > 0.9
    assert trained.test.loss < 1.0


def test_one_output_tells_two_classes_apart(tmp_path: Path) -> None:
    trained = train(recipe(train={"loss": "binary-cross-entropy"}), tmp_path / "run")
    assert trained.check is not None
    assert (round(trained.check.expected, 4), trained.check.formula) == (0.6931, "ln 2")
    assert trained.check.passed
    weights = load_file(tmp_path / "run" / "best.safetensors")
    assert weights["0.weight"].shape == (1, 30)
    held_out = load("breast-cancer").test
    yes = held_out.inputs @ weights["0.weight"][0] + weights["0.bias"] > 0
    assert trained.test is not None
    assert trained.test.accuracy == pytest.approx(float((yes == held_out.targets).float().mean()))
    assert trained.test.accuracy > 0.9
    with Run.open(tmp_path / "run") as run:
        # which batch is sampled last hangs on how busy the machine is
        assert run.series(signals.ACCURACY).values[-10:].mean() > 0.9


def test_a_penalty_is_told_apart_from_the_loss(tmp_path: Path) -> None:
    free = train(recipe(train={"epochs": 5}), tmp_path / "free")
    bound = train(recipe(train={"epochs": 5, "l1": 0.01, "l2": 0.02}), tmp_path / "bound")
    assert free.epochs[-1].penalty == 0.0
    weight = load_file(tmp_path / "bound" / "best.safetensors")["0.weight"]
    best = bound.epochs[bound.best - 1]
    assert best.penalty == pytest.approx(float(0.01 * weight.abs().sum() + 0.01 * weight.square().sum()), rel=1e-5)
    assert weight.norm() < load_file(tmp_path / "free" / "best.safetensors")["0.weight"].norm()
    assert any("apart from it a penalty of" in line for line in bound.lines)


def test_pixels_that_a_stride_leaves_out_are_counted_before_training(tmp_path: Path) -> None:
    recorder = Recorder()
    sections = {"data": {"name": "digits", "quick": True}, "train": {"epochs": 1}}
    model = {"name": "cnn", "channels": [2, 2, 2], "hidden": []}
    train(recipe(**sections, model=model), tmp_path / "even", progress=recorder)
    assert not any("leaves out" in line for line in recorder.said)
    images = tmp_path / "images.npz"
    np.savez(images, inputs=np.random.default_rng(0).random((40, 1, 7, 7)), targets=np.arange(40) % 2)
    sections["data"] = {"name": "npz", "path": str(images)}
    sections["train"]["batch_size"] = 8
    train(recipe(**sections, model=model | {"channels": [2]}), tmp_path / "odd", progress=recorder)
    warning = "model: layer 2 (MaxPool2d): its stride of 2 leaves out 1 of 7 rows and 1 of 7 columns"
    assert any(line.startswith(warning) for line in recorder.said)
    with Run.open(tmp_path / "odd") as run:
        assert any(event.what.startswith(warning) for event in run.facts(facts.Event))


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"train": {"batch_size": 400}}, r"train.batch_size=400: larger than the 399 examples .*at most 399"),
        ({"model": {"name": "cnn"}}, r"model.name='cnn': needs images .* take 'mlp' or 'linear'"),
        ({"train": {"loss": "squared-error"}}, r"train.loss='squared-error': the task of 'breast-cancer' is classific"),
        (
            {"data": {"name": "digits"}, "train": {"loss": "binary-cross-entropy"}},
            r"train.loss='binary-cross-entropy': one output tells two classes apart, and 'digits' has 10; give 'cross-",
        ),
        ({"train": {"device": "gpu"}}, r"train.device='gpu': not usable here"),
        ({"data": {"validation": 0.6, "test": 0.6}}, r"data.validation=0.6, test=0.6: together"),
        ({"optimizer": {"nesterov": True}}, r"optimizer.nesterov: received True"),
    ],
)
def test_parts_that_do_not_fit_are_refused_before_a_folder_is_made(
    tmp_path: Path, sections: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        train(recipe(**sections), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_cannot_be_written_ends_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(Recorder):
        def epoch(self, epoch: Epoch) -> None:
            monkeypatch.setattr("unstuck.record.writer.RunWriter.flush", full)
            monkeypatch.setattr("unstuck.record.writer.RunWriter.add_sample", full)

    def full(*_: object, **__: object) -> None:
        raise RunWriteError("the disk is full")

    recorder = Full()
    with pytest.raises(RunWriteError, match="the disk is full"):
        train(recipe(train={"epochs": 50}), tmp_path / "run", progress=recorder)
    assert recorder.steps < 10
    with Run.open(tmp_path / "run") as run:
        assert run.knows(facts.Recipe)


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path: Path) -> None:
    train(recipe(), tmp_path / "run")
    with pytest.raises(RunWriteError, match="there is a run already"):
        train(recipe(), tmp_path / "run")


def test_a_run_goes_into_a_folder_of_its_own_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = {train(recipe()).folder for _ in range(2)}
    assert len(folders) == 2
    assert all(re.fullmatch(r"runs/\d{8}-\d{6}-breast-cancer-linear(-2)?", folder.as_posix()) for folder in folders)


def test_lines_tell_of_weights_and_of_an_observation_that_ended(tmp_path: Path) -> None:
    trained = Trained(folder=tmp_path, reason="completed", check=None, result="test accuracy 98%", unobserved="oops")
    assert trained.lines == ("completed: test accuracy 98%", "observation ended early: oops")
    (tmp_path / "best.safetensors").touch()
    assert trained.lines[1] == f"best weights: {tmp_path / 'best.safetensors'}"


def test_threads_are_set_for_the_training_alone(tmp_path: Path) -> None:
    class Counting(Recorder):
        def step(self, latest: Latest) -> None:
            assert torch.get_num_threads() == 3

    before = torch.get_num_threads()
    train(recipe(train={"threads": 3}), tmp_path / "run", progress=Counting())
    assert torch.get_num_threads() == before


def table(folder: Path) -> Path:
    file = folder / "cars.csv"
    file.write_text("weight,use\n" + "\n".join(f"{number % 7},{number % 7 * 1.5 + 0.25}" for number in range(40)))
    return file


def test_files_of_your_own_are_trained_on(tmp_path: Path) -> None:
    own = {"name": "csv", "path": str(table(tmp_path)), "target": "use"}
    recorder = Recorder()
    trained = train(recipe(data=own, train={"batch_size": 7}), tmp_path / "run", progress=recorder)
    assert trained.reason == "completed"
    assert recorder.said[0].startswith("cars: 28 to train on, 6 to validate on, 6 held out")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "usee"}, r"data\.target='usee' is not known; did you mean 'use'"),
        ({"max_gib": 1e-9}, r"cars\.csv: unpacks to .*raise data\.max_gib"),
        ({"path": "gone.csv"}, r"gone\.csv: found nothing; a table"),
    ],
)
def test_files_that_cannot_be_trained_on(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    own = {"name": "csv", "path": str(table(tmp_path)), "target": "use", **changes}
    with pytest.raises(UnstuckError, match=message):
        train(recipe(data=own), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_quick_try_is_small_and_leaves_the_test_part_alone(tmp_path: Path) -> None:
    recorder = Recorder()
    quick = recipe(data={"name": "digits", "quick": True}, train={"batch_size": 500})
    trained = train(quick, tmp_path / "run", progress=recorder)
    assert trained.test is None
    assert recorder.said[0].startswith("digits, quick: 117 to train on, 50 to validate on, 0 held out; linear of 130 ")


def test_sequences_and_measurements_need_models_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"model\.name='linear': 'characters' holds sequences .* lstm, transformer are"
    ):
        train(recipe(data={"name": "characters"}), tmp_path / "run")
    with pytest.raises(
        RecipeError, match=r"model\.name='lstm': 'breast-cancer' holds measurements, for which linear, "
    ):
        train(recipe(model={"name": "lstm"}), tmp_path / "run")


@pytest.mark.parametrize(
    "model", [{"name": "lstm", "hidden": 16}, {"name": "transformer", "width": 16, "heads": 2, "layers": 1}]
)
def test_characters_are_told_in_bits(tmp_path: Path, model: dict[str, Any]) -> None:
    sections = {"optimizer": {"name": "adam", "lr": 1e-2}, "train": {"epochs": 2, "batch_size": 64}, "model": model}
    trained = train(
        Recipe.of({"data": {"name": "characters", "quick": True, "test": 0.02}, **sections}), tmp_path / "a"
    )
    assert trained.check is not None
    assert trained.check.expected == pytest.approx(math.log(96))
    assert trained.check.passed
    with Run.open(tmp_path / "a") as run:
        losses = run.series(signals.VALIDATION_LOSS).values
        assert run.series(signals.VALIDATION_ACCURACY).values[-1] > 1 / 96
    assert losses[-1] < losses[0] < math.log(96)


def augmented(**changes: Any) -> Recipe:
    return recipe(data={"name": "digits", "quick": True}, train={"epochs": 1}, augment={"shift": 0.2, **changes})


@pytest.mark.skipif(importlib.util.find_spec("kornia") is None, reason="needs the extra augment")
def test_augmentation_is_shown_repeatable_and_off_for_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def judged(model: torch.nn.Module, loss: object, data: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> Means:
        seen.extend(float(inputs.sum()) for inputs, _ in data)
        return evaluate(model, torch.nn.functional.cross_entropy, data)

    monkeypatch.setattr(importlib.import_module("unstuck.train.fit"), "evaluate", judged)
    runs = [train(augmented(), tmp_path / name) for name in ("a", "b")]
    plain = train(augmented(shift=0.0), tmp_path / "c")
    weights = [load_file(run.folder / "best.safetensors")["1.weight"] for run in (*runs, plain)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert len(set(seen)) == 1
    assert (tmp_path / "a" / "augmentation.png").is_file()
    assert any("augmentation.png" in line for line in runs[0].lines)
    assert not (tmp_path / "c" / "augmentation.png").exists()


def test_tables_cannot_be_augmented(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"augment\.flip=True: pictures of shape"):
        train(recipe(augment={"flip": True}), tmp_path / "run")
    with pytest.raises(RecipeError, match=r"augment\.crop=2\.0"):
        recipe(augment={"crop": 2.0})


def test_a_schedule_moves_the_rate(tmp_path: Path) -> None:
    recorder = Recorder()
    plan = recipe(schedule={"name": "step", "step_size": 1, "gamma": 0.5, "warmup": 2})
    train(plan, tmp_path / "run", progress=recorder)
    assert "SGD at rate 0.1 (step)" in recorder.said[0]
    with Run.open(tmp_path / "run") as run:
        rates = run.table(signals.LEARNING_RATE).values[:, 0]
    assert rates[:3] == pytest.approx([0.1 / 3, 0.2 / 3, 0.1])
    assert rates[-1] == pytest.approx(0.1 * 0.5**2)
    with pytest.raises(RecipeError, match=r"schedule\.step_size is missing"):
        train(recipe(schedule={"name": "step"}), tmp_path / "other")


def digits(**sections: Any) -> Recipe:
    plain = {
        "data": {"name": "digits", "classes": ["5", "6", "7"], "examples": 30},
        "model": {"name": "mlp", "hidden": [8]},
        "train": {"epochs": 2},
    }
    return Recipe.of({key: {**plain.get(key, {}), **sections.get(key, {})} for key in {**plain, **sections}})


def test_weights_of_another_training_are_begun_from(tmp_path: Path) -> None:
    train(digits(), tmp_path / "a")
    recorder = Recorder()
    same = train(digits(start={"weights": str(tmp_path / "a"), "freeze": ["1.*"]}), tmp_path / "b", progress=recorder)
    assert recorder.said[1] == f"4 tensors from {tmp_path / 'a' / 'best.safetensors'}"
    assert same.check is None  # it begins with what it knows
    weights = [load_file(tmp_path / name / "best.safetensors") for name in "ab"]
    assert torch.equal(weights[0]["1.weight"], weights[1]["1.weight"])
    assert not torch.equal(weights[0]["3.weight"], weights[1]["3.weight"])
    other = digits(data={"classes": ["1", "2"]}, start={"weights": str(tmp_path / "a")})
    fresh = train(other, tmp_path / "c", progress=recorder)
    assert any("fresh: 3.weight (2, 8), in the file (3, 8)" in line for line in recorder.said)
    assert fresh.check is not None
    with Run.open(tmp_path / "c") as run:
        assert any("4 tensors" in event.what or "fresh" in event.what for event in run.facts(facts.Event))


def test_what_is_frozen_thaws_after_its_epoch(tmp_path: Path) -> None:
    for epochs, thawed in ((1, 1), (2, 2), (2, 1)):
        plan = digits(start={"freeze": ["1.*"], "thaw": thawed}, train={"epochs": epochs})
        train(plan, tmp_path / f"{epochs}{thawed}")
    frozen, longer, moved = (load_file(tmp_path / name / "best.safetensors")["1.weight"] for name in ("11", "22", "21"))
    assert torch.equal(frozen, longer)
    assert not torch.equal(frozen, moved)


def test_earlier_layers_may_move_less(tmp_path: Path) -> None:
    train(digits(start={"layer_factor": 0.5}, optimizer={"name": "adam", "lr": 0.01}), tmp_path / "a")
    with Run.open(tmp_path / "a") as run:
        assert run.table(signals.LEARNING_RATE).values[0] == pytest.approx([0.005, 0.01])


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"thaw": 2}, r"start\.thaw=2: nothing is frozen"),
        ({"head": "fresh"}, r"start\.head='fresh': without weights"),
        ({"freeze": ["9.*"]}, r"start\.freeze='9\.\*' matches no parameter"),
        ({"variant": "a"}, r"start\.variant='a': this recipe has no variants"),
        ({"layer_factor": 0.0}, r"start\.layer_factor=0\.0: a number above 0"),
        ({"weight": "a"}, r"start\.weight='a': no such key; did you mean 'start\.weights'"),
    ],
)
def test_a_start_that_makes_no_sense(tmp_path: Path, start: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        train(digits(start=start), tmp_path / "run")


def test_few_characters_are_told_in_bits(tmp_path: Path) -> None:
    plan = {"data": {"name": "characters", "examples": 64}, "model": {"name": "lstm", "hidden": 8, "embedding": 4}}
    trained = train(Recipe.of({**plan, "train": {"epochs": 1}}), tmp_path / "run")
    assert trained.test is not None
    bits = trained.test.loss / math.log(2)
    assert trained.result.startswith(f"{bits:.3f} bits per character, ")
    assert 6 < bits < 7


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_model_learns_the_same(tmp_path: Path) -> None:
    for name, compiled in (("a", False), ("b", True)):
        train(digits(train={"compile": compiled}), tmp_path / name)
    plain, compiled_weights = (load_file(tmp_path / name / "best.safetensors") for name in "ab")
    assert plain.keys() == compiled_weights.keys()
    for name, value in plain.items():
        torch.testing.assert_close(compiled_weights[name], value, rtol=1e-3, atol=1e-4)
