"""English text, character by character: the help topics of Python's standard library."""

from __future__ import annotations

import hashlib
from importlib import import_module

import numpy as np

from unstuck.data.source import Source
from unstuck.errors import DataError

__all__ = ["KNOWN", "SYMBOLS", "characters"]

SYMBOLS = ("\n", *map(chr, range(32, 127)))
"""Every character that a model knows: a line's end and printable ASCII, the same for every release of Python."""

LENGTH = 64  #: characters of an example

KNOWN = {"3.11.7": "32a4426300e137378c42bf4754fe4214e03bb5f820fe236b821bf10cf7162ab4"}
"""SHA-256 of the text by release of Python. The text is the documentation's, and so changes with each release; that of
the text which was read stands in the run whether or not the release is listed here."""

PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\t": " "})


def characters() -> Source:
    """About 465,000 characters in examples of 64; the target at each place is the character that follows.

    Examples follow each other as in the text, and so do the parts: the last is for testing, so that no sentence is
    in two. Quotation marks and dashes are made ASCII; what else is no printable ASCII becomes a question mark.

    Source: The Python Language Reference, as ``pydoc_data.topics`` of the standard library.

    Raises:
        DataError: This Python was installed without the topics.
    """
    text = _text()
    ids = np.zeros(128, dtype=np.int64)
    ids[[ord(symbol) for symbol in SYMBOLS]] = np.arange(len(SYMBOLS))
    codes = ids[np.frombuffer(text.encode("ascii"), dtype=np.uint8)]
    count = (len(codes) - 1) // LENGTH
    return Source(
        name="characters",
        task="classification",
        inputs=codes[: count * LENGTH].reshape(count, LENGTH),
        targets=codes[1 : count * LENGTH + 1].reshape(count, LENGTH),
        labels=SYMBOLS,
        ordered=True,
        fingerprint=hashlib.sha256(text.encode("ascii")).hexdigest(),
    )


def _text() -> str:
    try:
        topics: dict[str, str] = import_module("pydoc_data.topics").topics
    except (ImportError, AttributeError) as error:
        raise DataError(
            f"characters: the text is Python's pydoc_data.topics, which this Python lacks ({error}); install the full "
            "standard library"
        ) from error
    joined = "\n".join(topics[name] for name in sorted(topics)).translate(PLAIN)
    plain = joined.encode("ascii", "replace").decode("ascii")
    known = frozenset(SYMBOLS)
    return "".join(symbol if symbol in known else "?" for symbol in plain)
