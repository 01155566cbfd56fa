from __future__ import annotations

import pytest

pytest.importorskip("posix")

PROGRAM = "refused: a trial may not start another program here"


def test_programs_are_refused_with_the_reason(work):
    said = work.run(
        """
        import multiprocessing, subprocess
        refused(lambda: subprocess.run(["touch", "made"]))
        refused(lambda: os.system("touch made"))
        refused(lambda: os.popen("touch made"))
        refused(lambda: os.execvp("touch", ["touch", "made"]))
        refused(lambda: os.posix_spawn("/bin/touch", ["touch", "made"], {}))
        refused(lambda: os.spawnlp(os.P_WAIT, "touch", "touch", "made"))
        refused(lambda: multiprocessing.get_context("spawn").Process(target=print).start())
        """
    )
    assert len(said) == 7
    assert all(line.startswith(PROGRAM) for line in said)


def test_shared_memory_may_start_its_tracker(work):
    said = work.run(
        """
        from multiprocessing.shared_memory import SharedMemory
        memory = SharedMemory(create=True, size=8)
        print(memory.size >= 8)
        memory.close()
        memory.unlink()
        """
    )
    assert said == ["True"]


def test_what_comes_past_the_functions_is_refused(work):
    said = work.run(
        """
        import io
        folder, number = posix.open(work, os.O_RDONLY), posix.open(work / "old.txt", os.O_RDONLY)
        refused(lambda: io.FileIO(work / "old.txt", "w"))
        refused(lambda: posix.unlink(work / "old.txt"))
        refused(lambda: posix.rename(work / "old.txt", work / "older.txt"))
        refused(lambda: posix.unlink("old.txt", dir_fd=folder))
        refused(lambda: os.open("old.txt", os.O_WRONLY, dir_fd=folder))
        refused(lambda: os.chmod(number, 0o600))
        print(io.FileIO(work / "old.txt").read(), os.read(os.open("old.txt", os.O_RDONLY, dir_fd=folder), 3))
        """
    )
    way = "refused: a trial may write only below its working directory, its script, the home and temporary folders"
    number = "refused: a trial may not write by the number of an open file or folder, which cannot be redirected"
    assert said == [f"{way}, and there only in ways that can be redirected"] * 3 + [number] * 3 + ["b'old' b'old'"]
    assert work.files == {"old.txt": "old", "sub/kept.txt": "kept"}
