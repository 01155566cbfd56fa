from __future__ import annotations

import pytest

from unstuck.cli.users_code import users_code
from unstuck.errors import ArgumentError, RunError


def test_an_error_in_the_users_file_is_one_message_with_its_place():
    def late():
        raise RuntimeError("after twenty calls")

    said = r"mine:parts: .*test_users_code\.py:\d+ raised RuntimeError: after twenty"
    with pytest.raises(ArgumentError, match=said), users_code("mine:parts"):
        late()


def test_what_is_refused_already_stays_as_it_is():
    with pytest.raises(RunError, match="no run"), users_code("mine:parts"):
        raise RunError("no run")


def test_an_interrupt_passes():
    with pytest.raises(KeyboardInterrupt), users_code("mine:parts"):
        raise KeyboardInterrupt
