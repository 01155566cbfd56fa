import gzip
import subprocess
import sys
import warnings
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from unstuck.data import digits as module
from unstuck.data.digits import digits
from unstuck.errors import MissingPackageError


def test_they_are_those_of_scikit_learn() -> None:
    images, targets = load_digits(return_X_y=True)
    source = digits()
    assert np.array_equal(source.inputs.reshape(-1, 64), images)
    assert np.array_equal(source.targets, targets)


def test_they_are_read_without_its_import() -> None:
    script = "import sys; from unstuck.data.digits import digits; digits(); print('sklearn' in sys.modules)"
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "False"


@pytest.mark.parametrize("text", [None, "", "1,2,3\n", "no,numbers\n"], ids=["missing", "empty", "other", "words"])
def test_where_their_file_is_not_as_it_was_scikit_learn_reads_them(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is not None:
        (tmp_path / "datasets" / "data").mkdir(parents=True)
        (tmp_path / "datasets" / "data" / "digits.csv.gz").write_bytes(gzip.compress(text.encode()))
    elsewhere = ModuleSpec("sklearn", None, is_package=True)
    elsewhere.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(module, "find_spec", lambda name: elsewhere)
    images, targets = load_digits(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy warns of an empty file
        source = digits()
    assert np.array_equal(source.inputs.reshape(-1, 64), images)
    assert np.array_equal(source.targets, targets)


def test_where_it_is_missing_it_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="scikit-learn is needed for the data set 'digits'"):
        digits()
