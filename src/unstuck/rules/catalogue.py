"""The one table of rules: a code is found here by grep, its rule in the file that the import names.

The order is that in which causes act: data, model, initialisation, gradient, optimisation, loss, generalisation,
numerics, mechanics, speed; between findings of equal weight the earlier rule is ranked first.
"""

from __future__ import annotations

from unstuck.rules.rule import Rule

__all__ = ["BY_CODE", "RULES"]

RULES: tuple[Rule, ...] = ()
"""Every rule, with its default thresholds."""

BY_CODE = {rule.code: rule for rule in RULES}
"""Every rule by its code."""
