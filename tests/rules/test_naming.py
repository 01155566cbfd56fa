from __future__ import annotations

from unstuck.record import Finding, Run, RunWriter, TrainingName, Where, signals
from unstuck.record.facts import Model, Optimizer
from unstuck.rules.naming import name_trainings, placed

FOUND = Finding(code="O201", cause="lr-too-high", severity="error", confidence=0.9, summary="s", advice="a")


def test_trainings_of_one_name_are_numbered(tmp_path) -> None:
    with RunWriter(tmp_path) as writer:
        for stream, (variable, line) in enumerate([("net", 7), ("net", 7), ("critic", 9), ("net", 7)]):
            writer.state(Model(type="Net", variable=variable), stream=stream)
            writer.state(Optimizer(type="Adam", file="a/folds.py", line=line), stream=stream)
            writer.add(signals.LOSS, 0, 1.0, stream=stream)
    with Run.open(tmp_path) as run:
        names = [str(name) for name in name_trainings(run.snapshot().streams()).values()]
    assert names == [
        "`net`, folds.py:7, the 1st of 3",
        "`net`, folds.py:7, the 2nd of 3",
        "`critic`, folds.py:9",
        "`net`, folds.py:7, the 3rd of 3",
    ]


def test_a_finding_is_placed_in_its_training() -> None:
    name = TrainingName(variable="net", file="train.py", line=7)
    assert str(placed(FOUND, name).where) == "`net`, train.py:7"
    where = Where(module="0", file="model.py", line=3)
    kept = placed(Finding(**{**FOUND.__dict__, "where": where}), name).where
    assert (kept.file, kept.line, str(kept)) == ("model.py", 3, "0 of `net`, train.py:7, model.py:3")
