from __future__ import annotations

import pytest

from unstuck.errors import ArgumentError, StudyError
from unstuck.sweep.storage import fenced, open_storage, optuna


def test_a_path_is_a_journal_and_a_database_an_address(tmp_path):
    assert type(open_storage(tmp_path / "study.journal")).__name__ == "JournalStorage"
    assert type(open_storage(f"sqlite:///{tmp_path}/study.db")).__name__ in ("RDBStorage", "_CachedStorage")


@pytest.mark.parametrize("address", ["ftp://host/study", "redis://host", "grpc://host"])
def test_another_address_is_refused(address):
    with pytest.raises(ArgumentError, match="is accepted"):
        open_storage(address)


def test_a_database_that_cannot_be_reached_is_one_message_without_the_password(tmp_path):
    with pytest.raises(StudyError) as error:
        open_storage(f"sqlite:////{tmp_path}/none/study.db")
    assert "cannot be read or written" in str(error.value)
    with pytest.raises(StudyError) as error, fenced("postgresql://me:secret@host/db"):
        raise ConnectionRefusedError("refused\nat length")
    assert "secret" not in str(error.value)
    assert "(refused)" in str(error.value)


def test_a_driver_that_is_missing_is_named(tmp_path):
    with pytest.raises(StudyError, match="driver"):
        open_storage("postgresql+pg8000000://host/name")


def test_errors_that_are_not_of_the_storage_pass():
    with pytest.raises(KeyError), fenced("here"):
        raise KeyError("bug")


def test_optuna_is_at_hand():
    assert optuna().create_study
