from pathlib import Path

from unstuck.record.facts import Layer, Model, Modes
from unstuck.rules.dropout import strongest_dropout
from unstuck.testing.rules import record

LAYERS = (
    Layer(path="1", type="Dropout", description="Dropout(p=0.2, inplace=False)"),
    Layer(path="2", type="Dropout2d", description="Dropout2d(p=0.7, inplace=False)"),
    Layer(path="3", type="Linear", description="Linear(in_features=2, out_features=1, bias=True)"),
)


def test_the_strongest_dropout_that_is_active(tmp_path: Path) -> None:
    active = Modes(step=0, phase="training", dropouts_training=2)
    found = strongest_dropout(record(tmp_path / "a", facts=[Model(type="Net", layers=LAYERS), active]))
    assert found == (0.7, LAYERS[1])
    assert strongest_dropout(record(tmp_path / "b", facts=[Model(type="Net", layers=LAYERS)])) is None
    assert strongest_dropout(record(tmp_path / "c", facts=[Model(type="Net", layers=LAYERS[2:]), active])) is None
