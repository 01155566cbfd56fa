import io
from pathlib import Path

import pytest
from rich.console import Console

from unstuck.cli.verdict import STRICT_EXIT, show
from unstuck.errors import RunWriteError
from unstuck.record import Finding, RunWriter, Severity, Verdict, VerdictKind
from unstuck.record.verdict import KINDS


@pytest.mark.parametrize(
    ("severity", "strict", "status"),
    [("error", True, STRICT_EXIT), ("error", False, 0), ("warning", True, 0), ("note", True, 0)],
)
def test_only_errors_count_and_only_under_strict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, severity: Severity, strict: bool, status: int
) -> None:
    finding = Finding(
        code="O201",
        cause="lr-too-high",
        severity=severity,
        confidence=0.9,
        summary="it bounces",
        advice="lower the rate",
    )
    verdict = Verdict(kind="findings", findings=(finding,))
    monkeypatch.setattr("unstuck.cli.verdict.judge", lambda run, **known: verdict)
    RunWriter(tmp_path / "run").close()
    console = Console(file=io.StringIO())
    assert show(tmp_path / "run", console=console, html=None, json_file=None, strict=strict) == status
    assert isinstance(console.file, io.StringIO)
    assert "it bounces" in console.file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strict", [True, False])
def test_of_kinds_without_a_cause_only_not_learnt_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: VerdictKind, strict: bool
) -> None:
    monkeypatch.setattr("unstuck.cli.verdict.judge", lambda run, **known: Verdict(kind=kind))
    RunWriter(tmp_path / "run").close()
    status = show(tmp_path / "run", console=Console(file=io.StringIO()), html=None, json_file=None, strict=strict)
    assert status == (STRICT_EXIT if strict and kind == "not learnt" else 0)


def test_a_json_file_that_cannot_be_written(tmp_path: Path) -> None:
    RunWriter(tmp_path / "run").close()
    file, said = tmp_path / "no" / "folder.json", io.StringIO()
    with pytest.raises(RunWriteError, match=r"--json .*folder.json: cannot be written \(No such file"):
        show(tmp_path / "run", console=Console(file=said), html=None, json_file=file, strict=False)
    assert "verdict" in said.getvalue()  # what was found is said all the same
