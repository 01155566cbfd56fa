"""The table of signals is complete and names each once."""

from unstuck.record import signals
from unstuck.record.signals import BY_KEY, Signal


def test_each_signal_stands_once_and_says_what_its_absence_means():
    listed = [value for value in vars(signals).values() if isinstance(value, Signal)]
    assert len(BY_KEY) == len(listed)
    assert all(signal.unit and signal.missing for signal in listed)
