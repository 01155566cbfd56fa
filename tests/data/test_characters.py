import platform
from types import SimpleNamespace

import pytest
import torch

from unstuck.data import characters, load
from unstuck.errors import DataError


def test_each_target_is_the_next_character() -> None:
    data = load("characters")
    assert (data.features, data.outputs, data.symbolic) == ((64,), 96, True)
    assert data.train.inputs.dtype == data.train.targets.dtype == torch.int64
    assert torch.equal(data.train.inputs[:, 1:], data.train.targets[:, :-1])
    assert torch.equal(data.train.inputs[1:, 0], data.train.targets[:-1, -1])
    words = "".join(data.labels[number] for number in data.train.inputs[:200].flatten().tolist())
    assert " the " in words


def test_the_parts_follow_each_other() -> None:
    data = load("characters")
    assert data.train.targets[-1, -1] == data.validation.inputs[0, 0]
    assert data.validation.targets[-1, -1] == data.test.inputs[0, 0]
    assert len(data.validation) == pytest.approx(0.15 * (len(data.train) + 2 * len(data.test)), rel=0.1)


def test_the_text_has_its_recorded_hash() -> None:
    source = characters.characters()
    assert len(source.fingerprint) == 64
    assert characters.KNOWN.get(platform.python_version(), source.fingerprint) == source.fingerprint
    assert load("characters").fingerprint == source.fingerprint


def test_a_python_without_its_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(characters, "import_module", lambda name: SimpleNamespace())
    with pytest.raises(DataError, match=r"characters: .* install the full standard library"):
        characters.characters()


def test_unusual_characters_become_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    topics = {"a": "“naïve”\r" * 20}
    monkeypatch.setattr(characters, "import_module", lambda name: SimpleNamespace(topics=topics))
    source = characters.characters()
    assert "".join(source.labels[number] for number in source.inputs[0, :8]) == '"na?ve"?'
