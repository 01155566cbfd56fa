import re

import pytest

from unstuck.errors import RecipeError
from unstuck.train import Recipe


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        # An impossible value.
        ("optimizer.lr=0", "optimizer.lr=0: a number above 0 is accepted"),
        ("optimizer.lr=-1e-3", "optimizer.lr=-0.001: a number above 0 is accepted"),
        ("optimizer.lr=nan", "optimizer.lr=nan: a finite number is accepted"),
        ("optimizer.lr=inf", "optimizer.lr=inf: a finite number is accepted"),
        ("train.batch_size=0", "train.batch_size=0: a number from 1, or 'all' is accepted"),
        ("train.epochs=0", "train.epochs=0: a number from 1 is accepted"),
        ("seed=9223372036854775808", "seed=9223372036854775808: a number below 9.22337e+18 is accepted"),
        ("train.threads=1000000", "train.threads=1000000: a number up to 1024, or 'auto' is accepted"),
        ("data.test=1.5", "data.test=1.5: a number below 1 is accepted"),
        ("model.dropout=1.0", "model.dropout=1.0: a share is accepted, from 0 (none) to below 1"),
        ("model.hidden=[8, 0]", "model.hidden=[8, 0]: whole numbers from 1 are accepted"),
        ("optimizer.betas=[0.9, 1.0]", "optimizer.betas=[0.9, 1.0]: a number below 1 is accepted"),
        ("optimizer.betas=[0.9]", "optimizer.betas=[0.9]: a longer list is accepted"),
        (
            "optimizer.momentum=0.9",
            "optimizer.momentum=0.9: 'adam' has none; it takes lr, betas, eps, amsgrad",
        ),
        # A wrong type.
        ("optimizer.lr=fast", "optimizer.lr='fast': a number is accepted"),
        ("train.batch_size=2.5", "train.batch_size=2.5: a whole number, or 'all' is accepted"),
        ("seed=true", "seed=True: a whole number is accepted"),
        ("data.scale=1", "data.scale=1: true or false, or 'standard', 'mean', 'deviation' or 'range' is accepted"),
        ("model.hidden=3", "model.hidden=3: a list is accepted"),
        ("model.hidden=[1.5]", "model.hidden=[1.5]: a whole number is accepted"),
        ("train.device=3", "train.device=3: a text in quotes is accepted"),
        ("data=3", "data=3: a table of keys is accepted"),
        ("data.target=y", "data.target='y': it says how files of your own are read; give their path too"),
        # An unknown name.
        ("data.name=digit", "data.name='digit' is not known; did you mean 'digits'? Accepted: digits, diabetes,"),
        ("model.name=cn", "model.name='cn' is not known; did you mean 'cnn'? Accepted: linear, mlp, cnn"),
        ("model.activation=rellu", "model.activation='rellu' is not known; did you mean 'relu'?"),
        ("optimizer.name=sdg", "optimizer.name='sdg' is not known; did you mean 'sgd'?"),
        ("init.weights=normel", "init.weights='normel' is not known; did you mean 'normal'?"),
        ("train.loss=cross_entropy", "train.loss='cross_entropy' is not known; did you mean 'cross-entropy'?"),
        ("train.batch_size=al", "did you mean 'all'? Accepted: all; or a whole number"),
        # An unknown key.
        ("train.bach_size=3", "train.bach_size=3: no such key; did you mean 'train.batch_size'? Accepted in [train]:"),
        ("model.hiden=[3]", "model.hiden=[3]: no such key; did you mean 'model.hidden'? Accepted in [model]: name,"),
        ("lr=3", "lr=3: no such key; did you mean 'optimizer.lr'? Accepted at the top: seed, data, model,"),
        ("modell.name=cnn", "no such key; did you mean 'model'?"),
    ],
)
def test_the_message_names_key_value_and_what_is_accepted(assignment: str, message: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(message)):
        Recipe.read(overrides=[assignment])


def test_every_fault_has_its_line() -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.read(overrides=["optimizer.lr=0", "train.epoch=3", "model.hidden=[1.5, 2.5]"])
    lines = str(caught.value).splitlines()
    assert sorted(line.split("=")[0] for line in lines) == ["model.hidden", "optimizer.lr", "train.epoch"]
