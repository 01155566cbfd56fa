"""The Triton engine."""

from typing import Any


def available() -> bool:
    return False


def require() -> None: ...
def accepts(row: Any) -> bool:
    return False


class TritonStep: ...
