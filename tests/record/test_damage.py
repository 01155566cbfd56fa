"""Whatever happens to a run's file, it is judged or refused with one error: no traceback, no hang."""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from unstuck.cli.verdict import show
from unstuck.errors import DamagedRunError, RunError
from unstuck.record import Index, Run, RunWriter, facts, kept, signals
from unstuck.record import run as run_module
from unstuck.record.schema import FILE_NAME
from unstuck.record.signals import BY_KEY

SECONDS = 5.0
"""A file that small is judged in a tenth of that."""

LAYERS = ("0", "1", "2")
SHAPES = {"0.weight": (16, 8), "0.bias": (16,), "2.weight": (2, 16), "2.bias": (2,)}
HEADS = ("0#0", "0#1")
SIZES = {
    Index.RUN: (),
    Index.GROUP: (1,),
    Index.PARAMETER: (len(SHAPES),),
    Index.LAYER: (len(LAYERS),),
    Index.HEAD: (len(HEADS),),
    Index.EXPERT: (len(HEADS),),
}

STATED = (
    facts.Environment(unstuck="0.1.0", python="3.11"),
    facts.Model(
        type="Net",
        layers=tuple(facts.Layer(path=path, type="Linear") for path in LAYERS),
        parameters=tuple(facts.Parameter(name=name, shape=shape) for name, shape in SHAPES.items()),
    ),
    facts.Optimizer(type="SGD", groups=(facts.ParameterGroup(parameters=4, learning_rate=0.1),), file="t.py", line=3),
    facts.Loss(
        function="cross_entropy",
        output=facts.LossOutput(shape=(32, 2)),
        target=facts.LossTarget(shape=(32,), type="class"),
        classes=facts.LossClasses(number=2, counts=(900, 1100), recalls=(0.9, 0.8), recall_examples=(30.0, 20.0)),
    ),
    facts.Graph(step=0, reached=tuple(SHAPES), operations=("LogSoftmax", "Addmm", "Relu", "Addmm")),
    facts.Wiring(connections=(facts.Connection(parameter="2.weight", operations=("Relu",)),)),
    facts.Inputs(shape=(32, 8), kind_of="table", examples=1920, minimum=0.0, maximum=9.0, feature_means=(0.5,) * 8),
    facts.InitialLoss(value=0.7, expected=0.69, tolerance=0.2, formula="ln C, C = 2", examples=32),
    facts.Modes(step=0, phase="training", dropouts_training=1),
    facts.Schedule(type="StepLR", per="epoch", steps=3, updates=60),
    facts.Event(step=3, what="the optimizer skipped a step"),
    facts.NonFinite(step=50, what="loss", examples=(1, 2)),
    facts.Passes(updates=50, forward=50, backward=50),
    facts.Cost(seconds=0.1, training_seconds=1.0, sampled_steps=60, steps=60),
    facts.End(reason="completed", steps=60),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A run of two trainings that holds some of everything."""
    folder = tmp_path_factory.mktemp("whole")
    rng = np.random.default_rng(0)
    with RunWriter(folder) as writer:
        for stream in (0, 1):
            writer.name(Index.PARAMETER, SHAPES, stream=stream)
            writer.name(Index.LAYER, LAYERS, stream=stream)
            writer.name(Index.HEAD, HEADS, stream=stream)
            writer.name(Index.EXPERT, HEADS, stream=stream)
            writer.name(Index.GROUP, ["0"], stream=stream)
            for signal in BY_KEY.values():
                shape = (*SIZES[signal.index], *((signal.bins,) if signal.bins > 1 else ()))
                for step in range(60):
                    writer.add(signal, step, rng.uniform(0.1, 1.0, shape), stream=stream)
            for fact in STATED:
                writer.state(fact, stream=stream)
            for step in (0, 60):
                writer.array("filters", step, rng.normal(size=(16, 8)), stream=stream)
    return folder


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A huge blob need not be as large as in earnest, which would take the disk a while."""
    monkeypatch.setattr(run_module, "MOST_BYTES", 1_000_000)
    monkeypatch.setattr(kept, "MOST_TEXT", 1_000_000)


def bits(rng: random.Random, file: Path) -> None:
    content = bytearray(file.read_bytes())
    for _ in range(rng.choice((1, 5, 50))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def cut(rng: random.Random, file: Path) -> None:
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.truncate(rng.choice((0, 50, 512, rng.randrange(size), size - 4096, size - 1)))


def pages(rng: random.Random, file: Path) -> None:
    content = bytearray(file.read_bytes())
    for _ in range(rng.choice((1, 3))):
        at, other = (4096 * rng.randrange(len(content) // 4096) for _ in range(2))
        new = rng.choice((bytes(4096), rng.randbytes(4096), bytes(content[other : other + 4096])))
        content[at : at + 4096] = new
    file.write_bytes(content)


def stretched(rng: random.Random, file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(rng.choice((1 << 20, 1 << 33)))


def mixed(rng: random.Random, file: Path) -> None:
    """The first part of one file and the last of another, as of a copy that was made meanwhile."""
    content, place = file.read_bytes(), rng.randrange(file.stat().st_size)
    file.write_bytes(content[:place] + bytes(content[: len(content) - place]))


def statements(rng: random.Random, file: Path, choices: list[tuple[str, tuple[object, ...]]]) -> None:
    statement, values = rng.choice(choices)
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement, values)


def tables(rng: random.Random, file: Path) -> None:
    table = rng.choice(("meta", "names", "samples", "facts", "arrays"))
    endless = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT x AS stream FROM r"
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        renamed = rng.random() < 0.5
        connection.execute(f"ALTER TABLE {table} RENAME TO other" if renamed else f"DROP TABLE {table}")
        if rng.random() < 0.3:
            connection.execute(f"CREATE VIEW {table} AS {endless}")


def header(rng: random.Random, file: Path) -> None:
    statements(
        rng,
        file,
        [
            ("UPDATE meta SET value = ? WHERE key = 'schema'", (value,))
            for value in ("", "abc", "-1", "9" * 5000, b"\xff", "2", 1.5)
        ]
        + [("DELETE FROM meta", ())],
    )


def texts(rng: random.Random, file: Path) -> None:
    """Facts that are no facts."""
    bad = ("", "{", "[]", "null", "3", '"x"', "[" * 200_000, '{"a":' * 100_000, "\x00", "{} {}", b"\xff\xfe", b"{}", 7)
    statements(rng, file, [("UPDATE facts SET value = ? WHERE id % ? = 0", (text, rng.randint(1, 9))) for text in bad])


def fields(rng: random.Random, file: Path) -> None:
    """Facts with a field of another type, without one, or with a value that none has."""
    bad = (None, "x", -1, 10**30, 1e308, True, [], {}, [[1]], [None], {"a": 1}, "9" * 100, [1e9] * 3, float("nan"))
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        rows = connection.execute("SELECT id, value FROM facts").fetchall()
        for number, text in rng.sample(rows, 3):
            values = json.loads(text)
            name = rng.choice(list(values))
            if rng.random() < 0.3:
                del values[name]
            else:
                values[name] = rng.choice(bad)
            connection.execute("UPDATE facts SET value = ? WHERE id = ?", (json.dumps(values), number))


def blobs(rng: random.Random, file: Path) -> None:
    bad = (b"", b"123", bytes(12), bytes(4 * 999), "text", 5, 1.5, rng.randbytes(8), rng.randbytes(16))
    place = (rng.choice(list(BY_KEY)), rng.randint(1, 20))
    query = "UPDATE samples SET data = ? WHERE signal = ? AND position % ? = 0"
    statements(rng, file, [(query, (value, *place)) for value in bad])


def huge(rng: random.Random, file: Path) -> None:
    statements(
        rng,
        file,
        [
            ("UPDATE samples SET data = zeroblob(2000000) WHERE signal = 'loss' AND position = 5 AND stream = 0", ()),
            ("UPDATE arrays SET data = zeroblob(2000000), shape = '[500000]' WHERE stream = 0 AND step = 0", ()),
            ("UPDATE facts SET value = CAST(zeroblob(2000000) AS TEXT) WHERE id = 3", ()),
        ],
    )


def steps(rng: random.Random, file: Path) -> None:
    bad = (-1, 0, 1 << 40, (1 << 62) + 5, "text", b"blob", 1.5, -(1 << 60))
    place = (rng.choice(("loss", "accuracy", "update_ratio", rng.choice(list(BY_KEY)))), rng.randrange(60))
    query = "UPDATE samples SET step = ? WHERE signal = ? AND position = ?"
    statements(rng, file, [(query, (value, *place)) for value in bad])


def keys(rng: random.Random, file: Path) -> None:
    bad = ("text", b"blob", 1.5, -3, 1 << 60, 7)
    table = rng.choice(("samples", "facts"))
    column = rng.choice(("stream", "signal" if table == "samples" else "kind"))
    order = "position" if table == "samples" else "id"
    statements(
        rng,
        file,
        [(f"UPDATE OR REPLACE {table} SET {column} = ? WHERE {order} % 30 = ?", (v, rng.randrange(30))) for v in bad],
    )


def names(rng: random.Random, file: Path) -> None:
    statements(
        rng,
        file,
        [
            ("DELETE FROM names", ()),
            ("DELETE FROM names WHERE position = ?", (rng.randrange(3),)),
            ("UPDATE names SET name = ?", (b"\xff\xff",)),
            ("UPDATE names SET name = ?", (5,)),
            ("UPDATE OR REPLACE names SET position = 'first'", ()),
            ("UPDATE OR REPLACE names SET kind = 'other'", ()),
            ("UPDATE names SET name = ?", ("\x1b[31m\x00" + "x" * 100_000,)),
        ],
    )


def shapes(rng: random.Random, file: Path) -> None:
    bad = ("", "x", "[-1]", "[-1, 8]", "[1e3]", "[999999999, 999999999]", "[16, 8, 0]", "[[16], 8]", "{}", "[128, 1.0]")
    more = ("[" * 100_000, "[1" + ", 1" * 200 + "]", "[128, true]", b"\xff", "[2, 2, 2, 2, 2, 2, 2]", "[0]", "null")
    statements(rng, file, [("UPDATE arrays SET shape = ?", (value,)) for value in (*bad, *more)])


def values(rng: random.Random, file: Path) -> None:
    """Numbers that are read, however absurd they are."""
    kinds = ([float("nan")], [1e308, -1e308], [0.0], [float("inf")], [5e-324])
    numbers = np.tile(rng.choice(kinds), 1000)
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        for key in rng.sample(list(BY_KEY), 10):
            single = BY_KEY[key].index is Index.RUN
            query = "SELECT stream, position, length(data) FROM samples WHERE signal = ?"
            rows = connection.execute(query, (key,)).fetchall()
            with np.errstate(over="ignore"):
                data = numbers.astype(np.float64 if single else np.float32).tobytes()
            connection.executemany(
                "UPDATE samples SET data = ? WHERE stream = ? AND position = ? AND signal = ?",
                [(data[:size], stream, position, key) for stream, position, size in rows],
            )


DAMAGES: tuple[Callable[[random.Random, Path], None], ...] = (
    bits, cut, pages, stretched, mixed, tables, header, texts, fields, blobs, huge, steps, keys, names, shapes, values,
)  # fmt: skip


def outcome(whole: Path, folder: Path, seed: int) -> str:
    """Damage a copy of a run, judge it, and say how that ended."""
    rng = random.Random(seed)
    damage = DAMAGES[seed % len(DAMAGES)]
    folder.mkdir()
    file = folder / FILE_NAME
    shutil.copy(whole / FILE_NAME, file)
    damage(rng, file)
    start = time.perf_counter()
    try:
        console = Console(file=io.StringIO(), width=80)
        page = folder / "page.html" if seed % 3 == 0 else None
        show(folder, console=console, html=page, json_file=folder / "verdict.json", strict=False)
        ended, said = "judged", ""
    except RunError as error:
        ended, said = type(error).__name__, str(error)
    seconds = time.perf_counter() - start
    if said:
        assert str(file) in said
        assert "\n" not in said
        assert len(said) < 1_000
    else:
        assert json.loads((folder / "verdict.json").read_text())["schema"] == 2
    assert seconds < SECONDS, f"{damage.__name__}, seed {seed}: {seconds:.1f} s"
    shutil.rmtree(folder)
    return f"{damage.__name__} {ended}"


def assert_each_has_one_end(whole: Path, folder: Path, seeds: range) -> None:
    ended = {seed: outcome(whole, folder / str(seed), seed) for seed in seeds}
    for damage in DAMAGES:
        if damage not in (values, stretched, bits, pages, keys, fields):
            assert any(e.startswith(f"{damage.__name__} ") and "judged" not in e for e in ended.values()), damage
    assert sum("Damaged" in end for end in ended.values()) > len(ended) / 4


def test_a_whole_run_is_judged(whole, tmp_path):
    console = Console(file=io.StringIO(), width=80)
    assert show(whole, console=console, html=None, json_file=None, strict=False) == 0


def test_damaged_runs_are_judged_or_refused(whole, tmp_path):
    assert_each_has_one_end(whole, tmp_path, range(4 * len(DAMAGES)))


@pytest.mark.slow
def test_many_damaged_runs_are_judged_or_refused(whole, tmp_path):
    assert_each_has_one_end(whole, tmp_path, range(64, 564))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE samples SET step = 3 WHERE signal = 'loss' AND position = 9", r"signal 'loss': the steps do not"),
        ("UPDATE samples SET step = 'x' WHERE signal = 'loss' AND position = 9", "a step is no whole number"),
        ("UPDATE samples SET data = x'00' WHERE signal = 'loss' AND position = 9", "a sample is not one number"),
        ("DELETE FROM samples WHERE signal = 'loss' AND position = 9", "signal 'loss': samples are missing"),
        ("DELETE FROM samples WHERE signal = 'loss' AND position = 0", "signal 'loss': samples are missing"),
        ("DELETE FROM facts WHERE id = 3", "its facts: some are missing"),
        ("DELETE FROM names WHERE position = 1", "some are missing"),
        ("DELETE FROM names WHERE kind = 'parameter'", "samples have 4 values, and 0 names of a parameter"),
        ("UPDATE facts SET value = '{' WHERE kind = 'loss'", "the fact 'loss'"),
        ("UPDATE facts SET value = replace(value, '60', '\"x\"') WHERE kind = 'end'", "'end': steps: 'x' is no int"),
        ("UPDATE facts SET value = replace(value, 'completed', 'x') WHERE kind = 'end'", "reason: 'x' is none of"),
        ("DROP TABLE arrays", "its table arrays is missing"),
    ],
)
def test_damage_is_named(whole, tmp_path, statement, said):
    shutil.copy(whole / FILE_NAME, tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute(statement)
    console = Console(file=io.StringIO(), width=80)
    with pytest.raises(DamagedRunError, match=rf"{FILE_NAME}: the run is damaged.*{said}.*copy it again"):
        show(tmp_path, console=console, html=None, json_file=None, strict=False)


def test_a_bit_that_flips_in_an_array_spoils_its_shape(whole, tmp_path):
    shutil.copy(whole / FILE_NAME, tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE arrays SET shape = '[16, 9]'")
    with Run.open(tmp_path) as run, pytest.raises(DamagedRunError, match="one of 512 bytes has the shape 16x9"):
        run.arrays("filters")


def test_what_a_newer_release_may_add_is_no_damage(whole, tmp_path):
    shutil.copy(whole / FILE_NAME, tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("INSERT INTO facts (stream, kind, value) VALUES (0, 'fashion', '{')")
        connection.execute("INSERT INTO samples VALUES (0, 'temperature', 0, 0, 'warm')")
        connection.execute("CREATE TABLE clouds (x)")
    console = Console(file=io.StringIO(), width=80)
    assert show(tmp_path, console=console, html=None, json_file=None, strict=False) == 0
    with Run.open(tmp_path) as run:
        assert len(run.series(signals.LOSS)) == 60
