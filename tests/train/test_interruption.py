import os
import signal
import threading

import pytest

from unstuck.train.interruption import Interruption


def press(_: int = 0) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_waits_for_the_next_item() -> None:
    seen: list[int] = []

    def run(interruption: Interruption) -> None:
        for number in interruption.between(range(5)):
            if number == 1:
                press()
            seen.append(number)  # what was begun is finished

    with Interruption() as interruption, pytest.raises(KeyboardInterrupt):
        run(interruption)
    assert seen == [0, 1]


def test_ctrl_c_in_the_last_item_is_not_lost() -> None:
    with Interruption() as interruption, pytest.raises(KeyboardInterrupt):
        list(map(press, interruption.between([1])))


def test_a_second_ctrl_c_is_not_held_back() -> None:
    with Interruption() as interruption:
        press()
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            press()


def test_the_handler_before_it_comes_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interruption():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_another_thread_is_left_alone() -> None:
    seen: list[int] = []

    def work() -> None:
        with Interruption() as interruption:
            seen.extend(interruption.between([1, 2]))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [1, 2]
