"""Every cause has a family and a meaning, and is one word with hyphens."""

from __future__ import annotations

import re

from unstuck.record import CAUSES


def test_causes_are_slugs_with_a_meaning():
    for slug, cause in CAUSES.items():
        assert slug == cause.slug
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
        assert cause.family
        assert len(cause.meaning) > 10
