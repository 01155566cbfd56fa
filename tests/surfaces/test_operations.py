from __future__ import annotations

import re

from unstuck.surfaces.operations import DERIVATIVES, PATTERNS, SPELLINGS, VOCABULARY


def test_every_operation_is_written_in_known_words_and_has_derivatives():
    assert set(PATTERNS) == set(DERIVATIVES)
    assert set(SPELLINGS.values()) <= set(PATTERNS)
    for pattern in PATTERNS.values():
        assert set(re.findall(r"[a-z]\w*", pattern)) <= set(VOCABULARY)
