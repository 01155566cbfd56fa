"""Scripts run as Python runs them: same output, path, arguments, status; watched all the same, however they end."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import unstuck
from unstuck.diagnose import run_script
from unstuck.errors import ArgumentError, RunWriteError
from unstuck.record import Run, facts, signals
from unstuck.rules.unseen import watching_ended

TRAIN = """
import torch
from torch import nn
from torch.nn import functional as F
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(32, 4), torch.randint(2, (32,))
for step in range(20):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    print(step, loss.item())
"""


@pytest.fixture(autouse=True)
def as_before(monkeypatch, tmp_path):
    """What a script finds stays for its exit handlers; here it must go."""
    argv, path, modules = sys.argv, sys.path[:], set(sys.modules)
    main, handler = sys.modules["__main__"], signal.getsignal(signal.SIGINT)
    monkeypatch.chdir(tmp_path)
    yield
    sys.argv, sys.path[:], sys.modules["__main__"] = argv, path, main
    signal.signal(signal.SIGINT, handler)
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def write(folder: Path, text: str, name: str = "script.py") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text))
    return file


def watched(folder: Path, text: str, *args: str, name: str = "script.py", **options):
    return run_script(str(write(folder, text, name)), args, out=folder / "out", **options)


def process(*command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


def test_the_output_is_that_of_plain_python(tmp_path, capsys):
    file = write(tmp_path, TRAIN)
    runpy.run_path(str(file), run_name="__main__")
    plain = capsys.readouterr()
    outcome = run_script(str(file), [], out=tmp_path / "out")
    assert capsys.readouterr() == plain
    assert (outcome.status, outcome.reason, outcome.failure) == (0, "", "")
    run = Run.open(tmp_path / "out")
    assert len(run.series(signals.LOSS)) == 20
    assert run.fact(facts.End).reason == "completed"


@pytest.mark.parametrize("target", ["package.part", "package"])
def test_modules_run_as_after_m(target, tmp_path, capsys):
    write(tmp_path, "", "package/__init__.py")
    write(tmp_path, "VALUE = 3", "package/sibling.py")
    text = """
        import sys
        from . import sibling
        print(sys.argv, sibling.VALUE, __file__, __package__, __spec__.name, sys.path[0], __name__)
        """
    write(tmp_path, text, "package/part.py")
    write(tmp_path, text, "package/__main__.py")
    plain = process("-m", target, "--lr", "1", folder=tmp_path)
    assert plain.returncode == 0, plain.stderr
    assert run_script(target, ["--lr", "1"], module=True, out=tmp_path / "out").status == 0
    assert capsys.readouterr().out == plain.stdout


@pytest.mark.parametrize(
    ("end", "status", "printed"),
    [
        ("sys.exit(7)", 7, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(None)", 0, ""),
        ("sys.exit(True)", 1, ""),
        ("sys.exit('enough')", 1, "enough\n"),
        ("raise SystemExit(2.5)", 1, "2.5\n"),
    ],
)
def test_the_exit_status_is_the_scripts(end, status, printed, tmp_path, capsys):
    outcome = watched(tmp_path, f"import sys\nprint('working')\n{end}\n")
    assert outcome.status == status
    assert capsys.readouterr() == ("working\n", printed)


@pytest.mark.parametrize("budget", [1.0, 1e-9])
def test_a_crash_is_printed_as_python_prints_it(budget, tmp_path, capsys):
    """In the middle of a forward pass that is watched closely, or not, below a module, a loss and its cause."""
    text = TRAIN.replace(
        "    loss.backward()",
        """    if step == 18:
        try:
            F.mse_loss(model(x), None)
        except Exception as error:
            try:
                F.cross_entropy(model(x), y + 5)
            except Exception as error:
                model(x[:, 1:])
    loss.backward()""",
    )
    file = write(tmp_path, text)
    plain = process(str(file), folder=tmp_path)
    outcome = run_script(str(file), [], out=tmp_path / "out", budget=budget)
    assert outcome.status == plain.returncode == 1
    assert capsys.readouterr().err == plain.stderr
    run = Run.open(tmp_path / "out")
    assert len(run.series(signals.LOSS)) == 18
    assert run.fact(facts.End).reason == "crashed"
    assert "shapes cannot be multiplied" in run.fact(facts.End).message


def test_a_crash_in_backward_shows_none_of_our_frames(tmp_path, capsys):
    text = """
        import torch
        w = torch.ones(2, requires_grad=True)
        torch.optim.SGD([w], lr=0.1)
        (w * 2).backward()
        """
    assert watched(tmp_path, text).status == 1
    printed = capsys.readouterr().err
    assert "grad can be implicitly created only for scalar outputs" in printed
    assert str(Path(unstuck.__file__).parent) not in printed


def test_the_scripts_own_excepthook_is_called(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    text = """
        import sys
        sys.excepthook = lambda kind, error, trace: print("mine:", kind.__name__, trace.tb_lineno)
        1 / 0
        """
    assert watched(tmp_path, text).status == 1
    assert capsys.readouterr() == ("mine: ZeroDivisionError 4\n", "")


def test_an_interrupted_script_keeps_its_run(tmp_path, capsys):
    text = TRAIN.replace("    print(step", "    if step == 7: raise KeyboardInterrupt\n    print(step")
    outcome = watched(tmp_path, text)
    assert outcome.status == 130
    assert capsys.readouterr().err.endswith("KeyboardInterrupt\n")
    run = Run.open(tmp_path / "out")
    assert run.fact(facts.End).reason == "interrupted"
    assert len(run.series(signals.LOSS)) == 8


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("print('no torch at all')", "never called backward"),
        ("import torch\ntorch.ones(1, requires_grad=True).sum().backward()", "no torch.optim optimizer"),
        ("import torch\ntorch.func.grad(torch.sum)(torch.ones(1))", "transforms of torch.func"),
    ],
)
def test_a_script_that_never_trains_is_told_why(text, reason, tmp_path):
    assert reason in watched(tmp_path, text).reason


def test_other_ranks_run_unwatched(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    outcome = watched(tmp_path, "import torch\nprint(torch.autograd.backward.__module__)")
    assert (outcome.status, outcome.folder) == (0, None)
    assert capsys.readouterr().out == "torch.autograd\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "cannot be read"), ("x = (", "not Python"), ("a\0b", "not Python")],
)
def test_what_is_no_script_is_refused(text, message, tmp_path):
    if text is not None:
        write(tmp_path, text)
    with pytest.raises(ArgumentError, match=message):
        run_script(str(tmp_path / "script.py"), [], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["no_such_module", "no_such.module", "json.no_such", "xml", "sys", ".part"])
def test_what_is_no_module_is_refused(name, tmp_path):
    with pytest.raises(ArgumentError, match=f"-m {name}"):
        run_script(name, [], module=True, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_was_there_stays_where_a_run_cannot_begin(tmp_path):
    """Neither what somebody else has in the folder is touched, nor is anything of ours left."""
    write(tmp_path / "out", "mine", "data.txt")
    assert watched(tmp_path, "pass").status == 0
    with pytest.raises(RunWriteError, match="there is a run already"):
        watched(tmp_path, "print('ran')")
    assert (tmp_path / "out" / "data.txt").read_text() == "mine"
    assert (tmp_path / "out" / "run.sqlite").exists()
    with pytest.raises(ArgumentError, match=r"-m json\.no_such"):
        run_script("json.no_such", [], module=True, out=tmp_path / "deep" / "out")
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize("name", ["empty", "-"])
def test_what_holds_no_program_is_refused(name, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArgumentError, match=r"without __main__\.py|standard input"):
        run_script(name, [], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_script_s_own_status_is_no_crash(tmp_path):
    outcome = watched(tmp_path, TRAIN + "raise SystemExit(7)")
    assert (outcome.status, outcome.crashed) == (7, False)
    assert Run.open(tmp_path / "out").fact(facts.End).reason == "completed"


def test_a_failure_of_ours_is_said_and_nothing_of_the_script(tmp_path, monkeypatch):
    """No claim about the script is made where we have stopped looking."""

    def fail(*_, **__):
        raise RuntimeError("no such hook")

    monkeypatch.setattr("unstuck.observe.session.Observer", fail)
    with pytest.warns(RuntimeWarning, match="no such hook"):
        outcome = watched(tmp_path, TRAIN)
    assert outcome.failure == "watching ended: RuntimeError: no such hook"
    assert watching_ended(Run.open(tmp_path / "out").streams()) == outcome.failure


@pytest.mark.parametrize("budget", [0.0, -1.0, 1.5, float("nan")])
def test_a_budget_out_of_range_is_refused_before_anything_runs(budget, tmp_path, capsys):
    with pytest.raises(ArgumentError, match="budget"):
        watched(tmp_path, "print('ran')", budget=budget)
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(tmp_path, capsys):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(RunWriteError, match="--out"):
        watched(tmp_path, "print('ran')")
    assert capsys.readouterr().out == ""


def test_a_fork_of_the_script_leaves_the_run_alone(tmp_path, capfd):
    """A child process that trains and exits by itself: it neither writes nor prints a verdict."""
    text = (
        TRAIN.replace("    print(step", "    0 and print(step")
        + """
import os, sys
child = os.fork()
if child == 0:
    for _ in range(5):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    os._exit(0 if torch.autograd.backward.__module__ == "torch.autograd" and not sys.exc_info()[0] else 3)
print("child", os.waitpid(child, 0)[1])
"""
    )
    outcome = watched(tmp_path, text)
    assert outcome.failure == ""
    assert capfd.readouterr().out == "child 0\n"
    assert len(Run.open(tmp_path / "out").series(signals.LOSS)) == 20


WORKERS = """
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

class Squares(Dataset):
    def __init__(self): self.scale = nn.Linear(1, 1)
    def __len__(self): return 32
    def __getitem__(self, i): return torch.tensor([i / 32.0]), self.scale(torch.ones(1)).detach()

if __name__ == "__main__":
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(Squares(), batch_size=8, num_workers=1, multiprocessing_context="{method}", shuffle=True)
    for epoch in range(2):
        for a, b in loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(a), b)
            loss.backward()
            optimizer.step()
            print(loss.item())
"""


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_data_loader_workers_by_fork(tmp_path, capsys):
    text = WORKERS.replace("{method}", "fork")
    outcome = watched(tmp_path, text)
    printed = capsys.readouterr()
    assert (outcome.status, outcome.failure) == (0, ""), printed.err
    assert len(Run.open(tmp_path / "out").series(signals.LOSS)) == 8
    runpy.run_path(str(tmp_path / "script.py"), run_name="__main__")
    assert capsys.readouterr().out == printed.out


def test_data_loader_workers_by_spawn(tmp_path):
    """The script's own dataset class, from __main__, is pickled to a fresh process."""
    write(tmp_path, WORKERS.replace("{method}", "spawn"))
    shown = process("-m", "unstuck", "run", "--out", "out", "script.py", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert len(shown.stdout.splitlines()) == 8
    assert len(Run.open(tmp_path / "out").series(signals.LOSS)) == 8


def test_the_exit_status_and_the_json_stand_where_nobody_reads_the_verdict(tmp_path):
    write(tmp_path, TRAIN)
    command = [sys.executable, "-m", "unstuck", "run", "--out", "out", "--json", "verdict.json", "script.py"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
        running.stderr.close()
        assert running.wait(timeout=60) == 0
    assert json.loads((tmp_path / "verdict.json").read_text())["schema"] == 2


def test_the_whole_process_is_that_of_plain_python_but_for_the_verdict(tmp_path):
    """Standard output byte for byte, standard error up to the verdict, and the exit status, with warnings on the way.

    Each of them would name one of our files, and come twice: from steps that are watched closely, and from others.
    """
    text = (
        TRAIN.replace("range(20)", "range(40)").replace(
            "    loss.backward()",
            """    F.mse_loss(model(x)[:, :1], torch.zeros(32))
    torch.tensor(x[0])
    nn.Softmax()(model(x))
    loss.backward()""",
        )
        + """
schedule = torch.optim.lr_scheduler.StepLR(torch.optim.SGD(model.parameters(), lr=0.1), 1)
schedule.step()
import warnings, sys
warnings.warn("mine")
print("to stderr", file=sys.stderr)
sys.exit(5)
"""
    )
    write(tmp_path, text)
    plain = process("script.py", folder=tmp_path)
    shown = process("-m", "unstuck", "run", "--budget", "1", "--out", "out", "script.py", folder=tmp_path)
    assert shown.returncode == plain.returncode == 5
    assert shown.stdout == plain.stdout
    assert plain.stderr.count("Warning:") == 5
    assert shown.stderr[: len(plain.stderr)] == plain.stderr
    assert len(shown.stderr) > len(plain.stderr)
