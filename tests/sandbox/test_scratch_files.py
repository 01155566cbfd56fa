"""What a process writes whose writes are redirected, tried in processes of their own."""

from __future__ import annotations

import pytest

pytest.importorskip("posix")

BEFORE = {"old.txt": "old", "sub/kept.txt": "kept"}


def test_what_is_written_is_read_back_and_the_users_files_stay(work):
    said = work.run(
        """
        with open("old.txt", "a") as opened:
            opened.write("er")
        print(open("old.txt").read(), opened.name)
        with open("old.txt", "r+") as opened:
            opened.write("O")
        print(Path("old.txt").read_text(), os.path.getsize("old.txt"), posix.stat(work / "old.txt").st_size)
        Path("new.txt").write_text("new")
        os.close(os.open("sub/kept.txt", os.O_WRONLY | os.O_TRUNC))
        print(repr(Path("sub/kept.txt").read_text()), os.path.exists("new.txt"))
        Path("runs/result.txt").write_text("42")
        try:
            open("new.txt", "x")
        except FileExistsError as error:
            print(error.filename)
        """
    )
    assert said == ["older old.txt", "Older 5 3", "'' True", "new.txt"]
    assert work.files == {**BEFORE, "runs/result.txt": "42"}


def test_listings_join_what_was_written_and_what_was_there(work):
    said = work.run(
        """
        import glob
        os.makedirs("sub/deep/er")
        Path("sub/deep/new.txt").touch()
        print(sorted(os.listdir(".")), sorted(os.listdir("sub")), os.listdir(b"sub/deep/er"))
        print(sorted(glob.glob("**/*.txt", recursive=True)))
        print(sorted(str(path) for path in Path(".").rglob("*.txt")))
        print(sorted((entry.name, entry.is_dir(), entry.is_file(), entry.path) for entry in os.scandir("sub")))
        print([sorted(names) for _, _, names in os.walk("sub")])
        """
    )
    found = "['old.txt', 'sub/deep/new.txt', 'sub/kept.txt']"
    assert said == [
        "['old.txt', 'runs', 'sub'] ['deep', 'kept.txt'] []",
        found,
        found,
        "[('deep', True, False, 'sub/deep'), ('kept.txt', False, True, 'sub/kept.txt')]",
        "[['kept.txt'], ['new.txt'], []]",
    ]
    assert work.files == BEFORE


def test_what_is_removed_or_renamed_is_hidden(work):
    said = work.run(
        """
        import shutil
        shutil.copytree("sub", "copy")
        shutil.move("copy", "moved")
        shutil.rmtree("sub")
        print(os.path.exists("sub/kept.txt"), os.path.isdir("sub"), os.listdir("moved"))
        os.mkdir("sub")
        print(os.listdir("sub"))
        os.rename("old.txt", "sub/older.txt")
        print(sorted(os.listdir(".")), Path("sub/older.txt").read_text())
        os.replace("sub", "again")
        print(os.listdir("again"), Path("old.txt").exists())
        for wrong in (lambda: os.unlink("old.txt"), lambda: os.rmdir("again"), lambda: os.unlink("again")):
            try:
                wrong()
            except OSError as error:
                print(type(error).__name__, error.filename)
        """
    )
    assert said == [
        "False False ['kept.txt']",
        "[]",
        "['moved', 'runs', 'sub'] old",
        "['older.txt'] False",
        "FileNotFoundError old.txt",
        "OSError again",
        "IsADirectoryError again",
    ]
    assert work.files == BEFORE


def test_links_lead_within_the_view(work):
    (work.folder / "data").symlink_to("sub")
    said = work.run(
        """
        Path("data/new.txt").write_text("by a link")
        os.symlink(work / "old.txt", "latest")
        with open("latest", "a") as opened:
            opened.write("er")
        print(Path("sub/new.txt").read_text(), Path("old.txt").read_text(), os.readlink("latest") == f"{work}/old.txt")
        os.unlink("data")
        print(os.path.lexists("data"), os.path.exists("sub"))
        """
    )
    assert said == ["by a link older True", "False True"]
    assert work.files == BEFORE
    assert (work.folder / "data").is_symlink()


def test_temporary_files_and_the_working_directory(work):
    said = work.run(
        """
        with tempfile.TemporaryDirectory(dir=".") as folder:
            os.chdir(folder)
            Path("here.txt").write_text("here")
            print(os.path.isfile(os.path.join(os.getcwd(), "here.txt")), Path.cwd() == work / Path(folder).name)
            os.chdir("..")
            print(Path.cwd() == work, Path("old.txt").read_text())
        with tempfile.NamedTemporaryFile(dir=".") as named, tempfile.TemporaryFile(dir=".") as unnamed:
            print(os.path.exists(named.name), unnamed.write(b"1"))
        print(os.path.exists(named.name), os.path.exists(folder))
        """
    )
    assert said == ["True True", "True old", "True 1", "False False"]
    assert work.files == BEFORE


def test_elsewhere_writing_is_refused_with_the_reason(work, tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text("untouched")
    said = work.run(
        f"""
        outside = {str(outside)!r}
        refused(lambda: open(outside, "a"))
        refused(lambda: os.unlink(outside))
        refused(lambda: os.replace("old.txt", outside))
        refused(lambda: os.mkdir(outside + ".d"))
        refused(lambda: os.chmod(outside, 0o600))
        print(Path(outside).read_text(), os.access(outside, os.W_OK))
        Path("/dev/null").write_text("x")
        """
    )
    reason = "refused: a trial may write only below its working directory, its script, the home and temporary folders"
    assert said == [reason] * 5 + ["untouched False"]
    assert outside.read_text() == "untouched"


def test_workers_that_are_forked_share_the_view(work):
    said = work.run(
        """
        import multiprocessing
        def change(name):
            Path(name).unlink()
            Path("made.txt").write_text("made")
            return os.getpid()
        with multiprocessing.get_context("fork").Pool(1) as pool:
            print(pool.map(change, ["old.txt"]) != [os.getpid()])
        print(os.path.exists("old.txt"), Path("made.txt").read_text())
        """
    )
    assert said == ["True", "False made"]
    assert work.files == BEFORE
