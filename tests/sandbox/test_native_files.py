from __future__ import annotations

import pytest

pytest.importorskip("posix")


def test_tensors_and_arrays_are_saved_and_loaded_by_path(work):
    said = work.run(
        """
        import numpy as np
        from safetensors.torch import load_file, save_file
        torch.save({"w": torch.ones(2)}, "model.pt")
        torch.save(torch.ones(2), "legacy.pt", _use_new_zipfile_serialization=False)
        print(torch.load("model.pt")["w"].tolist(), torch.load("model.pt", mmap=True)["w"].tolist())
        print(torch.load("legacy.pt").tolist(), isinstance(torch._C.PyTorchFileReader("model.pt"), reader))
        save_file({"w": torch.ones(2)}, "model.safetensors")
        print(load_file("model.safetensors")["w"].tolist())
        np.save("x.npy", np.ones(2))
        np.ones(2).tofile("x.raw")
        mapped = np.memmap("old.txt", dtype="u1", mode="r+")
        mapped[0] = ord("O")
        mapped.flush()
        print(np.load("x.npy").tolist(), np.fromfile("x.raw").tolist(), open("old.txt").read())
        """,
        before="import torch\nreader = torch._C.PyTorchFileReader",
    )
    assert said == ["[1.0, 1.0] [1.0, 1.0]", "[1.0, 1.0] True", "[1.0, 1.0]", "[1.0, 1.0] [1.0, 1.0] Old"]
    assert work.files == {"old.txt": "old", "sub/kept.txt": "kept"}


def test_workers_of_a_loader_send_tensors(work):
    said = work.run(
        """
        from torch.utils.data import DataLoader, TensorDataset
        print(sum(len(batch) for batch, in DataLoader(TensorDataset(torch.ones(8, 2)), batch_size=2, num_workers=1)))
        """,
        before="import torch",
    )
    assert said == ["8"]


def test_databases_are_changed_in_the_view(work):
    before = (
        "import sqlite3\nwith sqlite3.connect('log.db') as made:\n    made.execute('create table t (a)')\nmade.close()"
    )
    said = work.run(
        """
        from contextlib import closing
        size = posix.stat("log.db").st_size, posix.stat("log.db").st_mtime_ns
        with closing(sqlite3.connect("log.db")) as opened, opened:
            opened.execute("insert into t values (3)")
        with closing(sqlite3.connect("file:log.db?mode=ro", uri=True)) as opened:
            print(opened.execute("select a from t").fetchall())
        with closing(sqlite3.connect(":memory:")) as opened:
            print(opened.execute("select 1").fetchall())
        refused(lambda: sqlite3.connect("/outside.db"))
        print(size == (posix.stat(work / "log.db").st_size, posix.stat(work / "log.db").st_mtime_ns))
        """,
        before=before,
    )
    assert said[:2] == ["[(3,)]", "[(1,)]"]
    assert said[2].startswith("refused: a trial may write only below")
    assert said[3] == "True"


def test_a_library_that_cannot_be_led_is_refused_when_it_is_imported_later(work):
    said = work.run(
        """
        try:
            import _gdbm as database
        except ImportError:
            try:
                import _dbm as database
            except ImportError:
                database = None
        if database is None:
            print("refused: a trial may not use dbm: there is none")
        else:
            refused(lambda: database.open("log", "c"))
        """
    )
    assert said[0].startswith("refused: a trial may not use dbm")


def test_tables_of_arrow_are_written_and_read_in_the_view(work):
    pytest.importorskip("pyarrow")
    said = work.run(
        """
        import pyarrow
        import pyarrow.parquet
        table = pyarrow.table({"x": [1, 2]})
        pyarrow.parquet.write_table(table, "x.parquet")
        print(pyarrow.parquet.read_table("x.parquet")["x"].to_pylist())
        with pyarrow.OSFile("x.raw", "wb") as opened:
            opened.write(b"raw")
        with pyarrow.memory_map("x.raw") as opened:
            print(opened.read(), sorted(os.listdir(".")))
        """
    )
    assert said == ["[1, 2]", "b'raw' ['old.txt', 'runs', 'sub', 'x.parquet', 'x.raw']"]
    assert work.files == {"old.txt": "old", "sub/kept.txt": "kept"}
