import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unstuck.cli.main import main
from unstuck.record import Run, facts, signals

QUICK = ["--set", "data.name=breast-cancer", "--set", "model={name='linear'}", "--set", "train.epochs=3"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "unstuck.cli.main", "train", *arguments]


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=240, check=False, cwd=cwd)


def test_a_training_ends_with_verdict_and_report(tmp_path: Path) -> None:
    done = run(*QUICK, "--json", "verdict.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("breast-cancer: 399 to train on")
    assert lines[1].startswith("initial loss ")
    assert "checks before training" in lines[2]
    assert [line[:9] for line in lines[3:6]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert lines[6].startswith("completed: test accuracy ")
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"Report: {(folder / 'report.html').relative_to(tmp_path)}" in done.stdout
    assert (folder / "report.html").read_text().startswith("<!doctype html>")
    assert (folder / "best.safetensors").is_file()
    assert json.loads((tmp_path / "verdict.json").read_text())["schema"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "optimizer.lr=0"], "optimizer.lr=0: a number above 0 is accepted"),
        (["--set", "optimizer.lr=nan"], "optimizer.lr=nan: a finite number is accepted"),
        (["--set", "train.batch_size=0"], "train.batch_size=0: a number from 1, or 'all' is accepted"),
        (["--set", "train.batch_size=5000"], "train.batch_size=5000: larger than the 1168 examples"),
        (["--set", "train.batch_size=big"], "or a whole number"),
        (["--set", "data.name=digit"], "did you mean 'digits'?"),
        (["--set", "optimizer.rate=1"], "optimizer.rate=1: no such key"),
        (["--set", "data.name=npz", "--set", "data.path=broken.toml"], "broken.toml: cannot be read"),
        (["--set", "data.name=csv"], "data.path=None: 'csv' reads files of your own"),
        (["nowhere.toml"], "RECIPE='nowhere.toml' is not known"),
        (["broken.toml"], "broken.toml: not valid TOML"),
        (["--out", "broken.toml/run"], "the run cannot be written"),
        (["--out", "/proc/run"], "the run cannot be written"),
    ],
)
def test_bad_input_is_one_message_and_no_traceback(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    (tmp_path / "broken.toml").write_text("seed = = 1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["unstuck", "train", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    errors = capsys.readouterr().err
    assert errors.startswith("unstuck: ")
    assert message in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "runs").exists()


def test_the_process_itself_refuses_without_a_traceback(tmp_path: Path) -> None:
    refused = run("--set", "optimizer.lr=0", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "unstuck: optimizer.lr=0: a number above 0 is accepted\n"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    refused = run(*QUICK, cwd=tmp_path)
    tmp_path.chmod(0o700)
    assert refused.returncode == 2
    assert "cannot be written" in refused.stderr


def test_a_full_disk_ends_training_and_keeps_what_was_recorded(tmp_path: Path) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    full = subprocess.run(
        command(*QUICK, "--set", "train.epochs=5000", "--set", "train.patience=never", "--out", "run"),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=tmp_path,
        preexec_fn=little_room,
    )
    assert full.returncode == 2
    assert full.stderr.startswith("unstuck: run: the run could not be written any further")
    assert "Traceback" not in full.stderr
    with Run.open(tmp_path / "run") as kept:
        assert kept.knows(facts.Recipe)
        assert len(kept.series(signals.LOSS)) > 20
    judged = subprocess.run(
        [sys.executable, "-m", "unstuck.cli.main", "report", "run"], cwd=tmp_path, capture_output=True, check=False
    )
    assert judged.returncode == 0


def test_ctrl_c_judges_the_run_so_far(tmp_path: Path) -> None:
    arguments = [*QUICK, "--set", "train.epochs=100000", "--set", "train.patience=never", "--out", "run"]
    with subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch ") and int(line.split("/")[0].split()[1]) >= 30:
                break
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors == ""
    assert "interrupted" in rest.splitlines()
    assert "Report: run/report.html" in rest
    with Run.open(tmp_path / "run") as kept:
        end = kept.fact(facts.End)
        assert end is not None
        assert end.reason == "interrupted"
        assert end.steps >= 30 * 7


def test_ctrl_c_before_training_is_quiet(tmp_path: Path) -> None:
    with subprocess.Popen(
        command(*QUICK), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        time.sleep(0.7)  # while torch is being imported
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode in (130, -signal.SIGINT, 0)
    assert "Traceback" not in errors


def test_divergence_is_judged_and_counts_under_strict(tmp_path: Path) -> None:
    pokemon = ["--set", "data={name='pokemon', scale=false}", "--set", "model={name='linear'}"]
    rate = ["--set", "optimizer={name='sgd', lr=1e-3}", "--set", "train={batch_size='all', epochs=500}"]
    done = run(*pokemon, *rate, "--strict", "--json", "verdict.json", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "\ndiverged\n" in done.stdout
    findings = json.loads((tmp_path / "verdict.json").read_text())["findings"]
    assert findings[0]["severity"] == "error"


def test_a_quick_try_takes_two_classes(tmp_path: Path) -> None:
    done = run("--quick", "--set", "train.epochs=2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("digits, quick: 117 to train on, 50 to validate on, 0 held out")


def test_variants_end_in_a_table(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(
        '[data]\nname = "breast-cancer"\n[model]\nname = "linear"\n[train]\nepochs = 2\n'
        '[[variant]]\nname = "slow"\noptimizer.lr = 1e-3\nshows = "split-leak"\n'
        '[[variant]]\nname = "fast"\noptimizer.lr = 1e-2\n'
    )
    done = run("two.toml", "--out", "both", "--json", "both.json", "--strict", cwd=tmp_path)
    assert done.returncode == 3, done.stderr  # what it means to show is not there
    lines = done.stdout.splitlines()
    assert lines[0] == "1/2  slow"
    assert "2/2  fast" in lines
    assert "Report: both/01-slow/report.html" in lines
    assert (tmp_path / "both" / "02-fast" / "report.html").is_file()
    assert any(line.startswith("variant  ") for line in lines)
    told = json.loads((tmp_path / "both.json").read_text())
    assert [entry["variant"] for entry in told["variants"]] == ["slow", "fast"]
    assert told["variants"][0]["surprise"].endswith("expected split-leak")
