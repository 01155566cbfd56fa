from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time

import pytest

from unstuck.sweep.journal import Journal, JournalGoneError

FORK = multiprocessing.get_context("fork")

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def operations(journal, start=0):
    return [log["n"] for log in journal.read_logs(start)]


def test_what_was_appended_is_read_from_any_number_on(tmp_path):
    journal = Journal(tmp_path / "deep" / "journal")
    journal.append_logs([{"n": 0}, {"n": 1}])
    journal.append_logs([{"n": 2}])
    assert operations(journal) == [0, 1, 2]
    assert operations(journal, 2) == [2]
    other = Journal(journal.file)
    other.append_logs([{"n": 3}])
    assert operations(journal, 3) == operations(other, 3) == [3]


def test_a_line_that_was_cut_off_is_removed_and_the_rest_goes_on(tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.append_logs([{"n": 0}])
    with journal.file.open("ab") as file:
        file.write(b'{"n": 1')
    assert operations(journal) == [0]
    journal.append_logs([{"n": 2}])
    assert operations(journal) == operations(Journal(journal.file)) == [0, 2]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_journal_that_is_removed_or_replaced_is_noticed(tmp_path, replaced):
    journal = Journal(tmp_path / "journal")
    journal.append_logs([{"n": 0}])
    if replaced:
        other = tmp_path / "other"
        other.write_text('{"n": 7}\n')
        other.replace(journal.file)
    else:
        journal.file.unlink()
    for action in (lambda: journal.append_logs([{"n": 1}]), lambda: list(journal.read_logs(0))):
        with pytest.raises(JournalGoneError):
            action()
    assert journal.file.exists() == replaced


def append(file, name, times):
    journal = Journal(file)
    for number in range(times):
        journal.append_logs([{"n": f"{name}-{number}", "padding": "x" * 5000}] * 2)


def hold(file):
    import fcntl

    with file.open("ab") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        time.sleep(60)


def test_processes_do_not_tear_each_others_lines(tmp_path):
    file = tmp_path / "journal"
    others = [FORK.Process(target=append, args=(file, name, 40)) for name in "abc"]
    for other in others:
        other.start()
    for other in others:
        other.join()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == 240
    assert all(first == second for first, second in zip(lines[::2], lines[1::2], strict=True))


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path):
    journal = Journal(tmp_path / "journal")
    holder = FORK.Process(target=hold, args=(journal.file,))
    holder.start()
    time.sleep(0.3)
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    begin = time.monotonic()
    journal.append_logs([{"n": 0}])
    assert time.monotonic() - begin < 5
