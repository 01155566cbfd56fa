"""A watched script is, as a process, what it is under plain Python, and prints a verdict beside."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import pytest

VERDICT = "Not enough data for a verdict"

TRAIN = """
import torch
weight = torch.zeros(3, requires_grad=True)
optimizer = torch.optim.SGD([weight], lr=0.1)
for step in range(100_000_000):
    optimizer.zero_grad()
    (weight - torch.rand(3)).square().sum().backward()
    optimizer.step()
    if step == 30: print("on", flush=True)
"""


def write(folder: Path, text: str, name: str = "script.py") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text))
    return file


def alike(text: str) -> str:
    """Addresses of objects and names of threads aside."""
    return re.sub(r"0x[0-9a-f]+|started \d+", "", text)


@pytest.fixture
def same(tmp_path, unstuck_in, python_in):
    """Run a script in both ways, compare, and give what only the watched one printed."""

    def compare(text: str, *words: str, stdin: str = "", target: tuple[str, ...] = ("script.py",)) -> str:
        write(tmp_path, text)
        plain = python_in(tmp_path, *target, *words, stdin=stdin)
        watched = unstuck_in(tmp_path, "run", "--out", "out", *target, *words, stdin=stdin)
        assert alike(watched.out) == alike(plain.out)
        assert watched.status == plain.status
        assert alike(watched.err).startswith(alike(plain.err))
        return watched.err[len(plain.err) :]

    return compare


def test_what_a_script_finds(same):
    added = same(
        """
        import asyncio, atexit, inspect, logging, os, pickle, signal, sys, threading, traceback, warnings, __main__
        def f(x: int) -> str: "doc"
        class C: pass
        number: int = 3
        def warn(): warnings.warn("two", stacklevel=2)
        def deep(n):
            try: return deep(n + 1)
            except RecursionError: return n
        print(list(globals()), {k: v for k, v in globals().items() if k.startswith("__")})
        print(sys.argv, sys.orig_argv[1:], sys.path[0], sys.flags, sys.warnoptions, os.getcwd(), deep(0))
        print(inspect.getsource(f), inspect.getsource(C), pickle.loads(pickle.dumps(C)) is __main__.C)
        print(sys.excepthook is sys.__excepthook__, threading.excepthook is threading.__excepthook__)
        print(sys.exc_info(), sys.gettrace(), threading.enumerate(), sys.stdout, sys.stderr, sys.stdin.read())
        term, hup = signal.SIGTERM, signal.SIGHUP
        print([signal.getsignal(s) for s in (term, hup, signal.SIGINT, signal.SIGPIPE)])
        print(signal.signal(term, warn) is signal.SIG_DFL, signal.signal(term, signal.SIG_DFL) is warn)
        print(signal.getsignal(term), signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.getsignal(hup))
        warnings.warn("one"); warn()
        logging.basicConfig(); logging.warning("log")
        atexit.register(lambda: print("in the end", "__file__" in globals(), file=sys.stderr))
        """,
        *("--lr", "0.1", "--out", "mine", "-m", "--", "-h"),
        stdin="read by the script",
    )
    assert VERDICT in added


@pytest.mark.parametrize(
    "end",
    [
        "sys.exit(7)",
        "sys.exit('in words')",
        "sys.exit(-1)",
        "sys.exit(1 << 70)",
        "raise SystemExit(1, 2)",
        "print('lost'); os._exit(5)",
        "os.execv(sys.executable, [sys.executable, '-c', 'print(3); raise SystemExit(4)'])",
        "raise KeyboardInterrupt",
        "os.kill(os.getpid(), signal.SIGINT)",
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)",
        "os.kill(os.getpid(), signal.SIGHUP); time.sleep(9)",
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(6)); os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)",
        "raise MemoryError",
        "sys.excepthook = lambda *a: print(a[0], sys.exc_info(), sys.last_value); 1 / 0",
        "sys.excepthook = lambda *a: len(3); 1 / 0",
        "sys.excepthook = lambda *a: sys.exit(9); 1 / 0",
        "del sys.excepthook; 1 / 0",
        "open('broken.py', 'w').write('x = ('); import broken",
        "f = lambda n: f(n + 1); f(0)",
    ],
)
def test_ends(end, same):
    added = same(f"import os, signal, sys, time\nprint('working')\n{end}\n")
    assert (VERDICT in added) == ("execv" not in end)


def test_errors_of_errors(same):
    same("""
        class Mute(Exception):
            def __str__(self): raise RuntimeError
        try:
            try: 1 / 0
            except Exception as error: raise ValueError("two") from error
        except Exception: raise Mute
        """)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")
def test_groups_of_errors(same):
    same("raise ExceptionGroup('several', [ValueError(1), ExceptionGroup('more', [TypeError(2)])])")


def test_threads_and_exit_handlers_come_before_the_verdict(same):
    added = same("""
        import atexit, threading, time
        from concurrent.futures import ThreadPoolExecutor
        def late(): time.sleep(0.2); print("late")
        def leaves(): raise SystemExit(3)
        def fails(): 1 / 0
        threads = [threading.Thread(target=target, name=target.__name__) for target in (late, leaves, fails)]
        for thread in threads: thread.start()
        threads[2].join()
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        ThreadPoolExecutor(1).submit(lambda: (time.sleep(0.2), print("pooled")))
        atexit.register(print, "second"); atexit.register(lambda: 1 / 0); atexit.register(print, "first")
        class Last:
            def __del__(self): print("collected")
        last = Last()
        """)
    assert VERDICT in added


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_that_a_script_starts(same):
    same("""
        import multiprocessing, os, signal, subprocess, sys, time
        class Mine: pass
        def tell(queue): queue.put((Mine(), __name__, sys.argv))
        if __name__ == "__main__":
            for method in ("fork", "spawn"):
                context = multiprocessing.get_context(method)
                queue = context.Queue()
                process = context.Process(target=tell, args=(queue,))
                process.start()
                print(type(queue.get()[0]), process.join(), process.exitcode)
            process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
            process.start(); process.terminate(); process.join()
            print(process.exitcode)
            told = "import signal; print(signal.getsignal(signal.SIGTERM))"
            print(subprocess.run([sys.executable, "-c", told], capture_output=True).stdout, flush=True)
            child = os.fork()
            if not child: raise SystemExit(3)
            print(os.waitpid(child, 0)[1])
        """)


def test_signals_of_asyncio(same):
    added = same("""
        import asyncio, os, signal
        async def main():
            done = asyncio.Event()
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, done.set)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(done.wait(), 9)
            print(loop.remove_signal_handler(signal.SIGTERM), signal.getsignal(signal.SIGTERM), flush=True)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(9)
        asyncio.run(main())
        """)
    assert VERDICT in added


def test_nothing_of_the_script_can_swallow_a_signal(same):
    added = same("""
        import os, signal, time
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(9)
        except BaseException:
            print("caught", flush=True)
        finally:
            print("finally", flush=True)
        """)
    assert VERDICT in added


@pytest.mark.parametrize(
    ("streams", "printed"),
    [
        ("sys.stdout.close()", True),
        ("sys.stderr.close()", True),
        ("os.close(1)", True),
        ("os.close(2)", False),
        ("os.close(2); f = open('data', 'w'); f.write('mine'); f.close(); print(open('data').read())", False),
        ("os.close(2); f = open('data', 'w'); f.write('mine')", False),
        ("sys.stdout = sys.stderr = None", True),
        ("del sys.stdout, sys.stderr", True),
        ("sys.stdout, sys.stderr = 5, object()", True),
        ("sys.stdout = type('', (), dict.fromkeys(('write', 'flush'), lambda *_: 0))(); print(1)", True),
        ("signal.signal(signal.SIGPIPE, signal.SIG_DFL); r, w = os.pipe(); os.dup2(w, 2); os.close(r)", False),
    ],
)
def test_streams_that_a_script_closes_or_replaces(streams, printed, same, tmp_path):
    added = same(f"import os, signal, sys\nprint('working')\nprint('out of it', file=sys.stderr)\n{streams}\n")
    assert (VERDICT in added) == printed
    assert not (tmp_path / "data").exists() or (tmp_path / "data").read_text() == "mine"


def test_a_stream_without_flush(tmp_path, unstuck_in, python_in):
    """Python finds out at its very end, after the verdict, and says so in its exit status."""
    write(tmp_path, "import sys; sys.stdout = type('', (), {'write': lambda self, text: 0})()")
    plain, watched = python_in(tmp_path, "script.py"), unstuck_in(tmp_path, "run", "--out", "out", "script.py")
    assert watched.status == plain.status == 120
    assert VERDICT in watched.err
    assert alike(watched.err).endswith(alike(plain.err))


@pytest.mark.parametrize("target", ["folder", "archive.zip", "compiled.pyc", "links/link.py"])
def test_what_python_runs_beside_scripts(target, same, tmp_path):
    import py_compile

    text = (
        "import sys\nif __spec__: import sibling\nprint(sys.argv, sys.path[0], list(globals()), __file__, __package__)"
    )
    write(tmp_path, text, "folder/__main__.py")
    write(tmp_path, "", "folder/sibling.py")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", text)
        archive.writestr("sibling.py", "")
    py_compile.compile(str(write(tmp_path, text, "folder/plain.py")), cfile=str(tmp_path / "compiled.pyc"))
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "link.py").symlink_to("../folder/plain.py")
    same("", "word", target=(target,))


@pytest.mark.parametrize("module", ["package", "package.part", "package.crash", "broken.part", "package.twice"])
def test_modules(module, same, tmp_path):
    text = "import sys\nfrom . import sibling\nprint(sys.argv, sys.orig_argv[1:], __file__, __spec__, sys.path[0])"
    write(tmp_path, "import sys; print(sys.argv); from . import twice", "package/__init__.py")
    write(tmp_path, "", "package/sibling.py")
    write(tmp_path, "", "package/twice.py")
    write(tmp_path, text, "package/__main__.py")
    write(tmp_path, text, "package/part.py")
    write(tmp_path, "def f(): 1 / 0\nf()", "package/crash.py")
    write(tmp_path, "1 / 0", "broken/__init__.py")
    assert VERDICT in same("", "word", target=("-m", module))


def start(folder: Path, *words: str, **options) -> subprocess.Popen[str]:
    write(folder, TRAIN) if not (folder / "script.py").exists() else None
    command = [sys.executable, "-m", "unstuck", "run", "--out", "out", *words, "script.py"]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, cwd=folder, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, **piped)


def test_a_training_that_is_terminated_leaves_its_verdict(tmp_path):
    """The signal comes twice, as ``timeout`` sends it."""
    with start(tmp_path, "--json", "verdict.json") as running:
        assert running.stdout.readline() == "on\n"
        running.send_signal(signal.SIGTERM)
        running.send_signal(signal.SIGTERM)
        _, printed = running.communicate(timeout=60)
    assert running.returncode == -signal.SIGTERM
    assert "interrupted" in printed
    assert json.loads((tmp_path / "verdict.json").read_text())["schema"] == 2


def test_a_second_interrupt_leaves_at_once(tmp_path):
    """First while the script cleans up, which takes it for ever; then no verdict keeps it any longer."""
    write(
        tmp_path,
        """
        import time
        try:
            print("on", flush=True)
            time.sleep(60)
        finally:
            print("cleaning", flush=True)
            time.sleep(60)
        """,
    )
    with start(tmp_path) as running:
        for line in ("on\n", "cleaning\n"):
            assert running.stdout.readline() == line
            running.send_signal(signal.SIGINT)
        _, printed = running.communicate(timeout=60)
    assert running.returncode == -signal.SIGINT
    assert printed.count("KeyboardInterrupt") == 2
    assert "unstuck report" in printed.splitlines()[-1]
    assert VERDICT not in printed


def test_a_terminal_shows_the_verdict_in_colour_and_its_interrupt_ends_the_script(tmp_path):
    import pty

    write(tmp_path, TRAIN)
    child, terminal = pty.fork()
    if not child:
        os.chdir(tmp_path)
        os.environ.update(TERM="xterm", OMP_NUM_THREADS="1")
        os.execv(sys.executable, [sys.executable, "-m", "unstuck", "run", "--out", "out", "script.py"])
    shown = b""
    deadline = time.monotonic() + 90
    with contextlib.suppress(OSError):  # a terminal whose other side has gone
        while time.monotonic() < deadline and (part := os.read(terminal, 4096)):
            if b"on\r\n" not in shown and b"on\r\n" in shown + part:
                os.write(terminal, b"\x03")
            shown += part
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGINT
    assert b"KeyboardInterrupt" in shown
    assert b"\x1b[1;33m" in shown.split(b"KeyboardInterrupt")[1]


@pytest.mark.parametrize(
    "redirection", ["| head -1", "| true", ">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full"]
)
@pytest.mark.slow
def test_streams_that_are_closed_from_outside(redirection, tmp_path):
    write(tmp_path, "import sys\nfor i in range(99999): print(i)\nopen('said', 'w').write(repr(sys.stderr))")
    ended = []
    for words in ("", "-m unstuck run --out out"):
        line = f"{sys.executable} {words} script.py {redirection}; echo ${{PIPESTATUS[0]}}"
        shown = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)
        ended.append((shown.stdout, (tmp_path / "said").read_text() if (tmp_path / "said").exists() else ""))
        (tmp_path / "said").unlink(missing_ok=True)
    assert ended[0] == ended[1]
    assert (tmp_path / "out" / "run.sqlite").exists()


@pytest.mark.slow
def test_what_a_batch_system_does(tmp_path):
    """``timeout`` ends it by SIGTERM, ``nohup`` has a signal ignored; options of Python are Python's own."""
    write(
        tmp_path,
        "import signal, sys, time\nprint(signal.getsignal(signal.SIGHUP), sys.flags, sys.orig_argv[1:], flush=True)",
    )
    for line in ("nohup {python} script.py", "{python} -X dev -O {unstuck} script.py"):
        shown = [
            subprocess.run(
                ["bash", "-c", line.format(python=f"{sys.executable}", unstuck=words)
                 if "{unstuck}" in line else line.format(python=f"{sys.executable} {words}")],
                cwd=tmp_path, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
            ).stdout
            for words in ("", "-m unstuck run")
        ]  # fmt: skip
        assert shown[0] == shown[1]
    write(tmp_path, TRAIN)
    command = ["timeout", "30", sys.executable, "-m", "unstuck", "run", "script.py"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert shown.returncode == 124
    assert "interrupted" in shown.stderr
