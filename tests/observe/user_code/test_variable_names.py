from pathlib import Path

import pytest

from unstuck.observe.user_code.variable_names import purpose_of

VALIDATION = [
    "mse(model, x_valid, y_valid)",
    "net(Xte)",
    "net(xv)",
    "model(test_inputs)",
    "run(valLoader)",
    "evaluate(devset)",
    "score(X_holdout)",
    "model(x_va)",
]
TRAINING = [
    "mse(model, x_train[:2000], y_train[:2000])",
    "net(Xtr)",
    "run(trainLoader)",
    "model(train_x)",
    "f(self.train_ds)",
]
NEITHER = [
    "value = loss(model(x), y)",
    "loss_value = loss(model(x), y)",
    "model(x.to(device))",
    "model(x.to(dev))",
    "trainer.model(x)",
    "model(x_tensor)",
    "model(text_terms)",
    "model(x_transformed), y_true",
    "model(x)  # validation",
    "gap(model, x_train, x_test)",
    "test(model, x)",
]


def purpose(text: str, file: Path) -> str:
    file.write_text(f"{text}\n", encoding="utf-8")
    return purpose_of(f"{file}:1:0:0:{len(text)}")


@pytest.mark.parametrize("text", VALIDATION)
def test_names_of_validation(text: str, tmp_path: Path) -> None:
    assert purpose(text, tmp_path / "script.py") == "validation"


@pytest.mark.parametrize("text", TRAINING)
def test_names_of_training(text: str, tmp_path: Path) -> None:
    assert purpose(text, tmp_path / "script.py") == "training"


@pytest.mark.parametrize("text", NEITHER)
def test_other_names_tell_nothing(text: str, tmp_path: Path) -> None:
    assert purpose(text, tmp_path / "script.py") == ""


def test_the_innermost_call_that_tells_decides(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text("out = model(x)\nerror = evaluate(model, x_train)\nreport(test_set)\n", encoding="utf-8")
    assert purpose_of(f"{file}:1:0:6:14 < {file}:2:0:8:32 < {file}:3:0:0:16") == "training"
