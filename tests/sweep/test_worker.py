from __future__ import annotations

import os
import subprocess
import sys

from unstuck.sweep.worker import BEAT, Watch, Worker


def test_a_worker_of_this_machine_is_dead_when_its_process_is():
    code = "from unstuck.sweep.worker import Worker; print(Worker().name, flush=True); input()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdin is not None
    name = other.stdout.readline().strip()
    watch = Watch()
    assert not watch.dead(name, {}, 0)
    other.kill()
    other.wait()
    other.stdout.close()
    other.stdin.close()
    assert watch.dead(name, {}, 0)


def test_another_process_of_the_same_number_is_another_worker():
    host, number, born, drawn = Worker().name.split("|")
    assert Watch().dead(f"{host}|{number}|{int(born) - 1}|{drawn}", {}, 0)
    assert int(number) == os.getpid()


def test_a_worker_elsewhere_is_dead_when_its_count_stands_still():
    name = "elsewhere|1|1|ab"
    watch = Watch(silent=-1.0)
    assert watch.dead(name, {f"{BEAT}{name}": 1}, 0)
    assert not watch.dead(name, {f"{BEAT}{name}": 2}, 0)
    assert not Watch(silent=60).dead(name, {f"{BEAT}{name}": 1}, 0)


def test_one_that_never_said_who_it_was_is_watched_by_its_trial():
    watch = Watch(silent=-1.0)
    assert watch.dead("", {}, 3)
    assert not Watch(silent=60).dead("", {}, 3)


def test_signs_of_life_count():
    worker = Worker()
    assert [worker.beat()[1] for _ in range(2)] == [1, 2]
    assert worker.beat()[0] == f"{BEAT}{worker.name}"
    assert worker.name != Worker().name
