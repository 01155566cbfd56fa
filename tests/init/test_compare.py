import pytest
import torch
from torch import nn

from unstuck.init import SCHEMES, compare_initialisations, initialize


@pytest.fixture(scope="module")
def tanh_tower():
    return nn.Sequential(*(layer for _ in range(10) for layer in (nn.Linear(200, 200), nn.Tanh())))


@pytest.fixture(scope="module")
def batch():
    return torch.randn(64, 200, generator=torch.Generator().manual_seed(0))


def test_the_well_known_figure(tanh_tower, batch, tmp_path):
    pytest.importorskip("matplotlib")
    comparison = compare_initialisations(tanh_tower, batch, ["small", "normal", "auto"])
    last = {scheme: comparison[scheme].layers[-1] for scheme in comparison}
    assert last["small"].std < 1e-4
    assert last["normal"].saturated > 0.8
    assert 0.5 < last["auto"].std < 0.8
    assert last["auto"].saturated < 0.2
    picture = comparison.plot(columns=4)
    assert len(picture.axes) == 12
    assert [axes.get_ylabel() for axes in picture.axes[::4]] == ["small", "normal", "auto"]
    picture.savefig(tmp_path / "comparison.png")


def test_model_is_not_touched_and_seed_repeats(tanh_tower, batch):
    before = {name: value.clone() for name, value in tanh_tower.state_dict().items()}
    first = compare_initialisations(tanh_tower, batch, ["xavier", SCHEMES["he"]], seed=4)
    assert first == compare_initialisations(tanh_tower, batch, ["xavier", SCHEMES["he"]], seed=4)
    assert first != compare_initialisations(tanh_tower, batch, ["xavier", SCHEMES["he"]], seed=5)
    assert all(torch.equal(value, before[name]) for name, value in tanh_tower.state_dict().items())
    assert list(first) == ["xavier", "he"]


def test_prints_a_column_for_each_scheme(tanh_tower, batch):
    lines = str(compare_initialisations(tanh_tower, batch, ["xavier", "he"])).splitlines()
    assert lines[1].split() == ["layer", "xavier", "he"]
    assert len(lines) == 12


def test_bad_schemes(tanh_tower, batch):
    with pytest.raises(ValueError, match="at least one initialisation, got none"):
        compare_initialisations(tanh_tower, batch, [])
    with pytest.raises(ValueError, match="did you mean 'xavier'"):
        compare_initialisations(tanh_tower, batch, ["xavie"])


def test_equals_initialising_by_hand(batch):
    from unstuck.init import activation_statistics

    model = nn.Sequential(nn.Linear(200, 50), nn.ReLU())
    compared = compare_initialisations(model, batch, ["he"], seed=7)
    initialize(model, "he", seed=7)
    assert compared["he"] == activation_statistics(model, batch)
