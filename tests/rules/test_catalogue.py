import re

import pytest

from unstuck.rules import BY_CODE, RULES, Rule
from unstuck.rules import catalogue as module
from unstuck.rules.explain import page

FAMILIES = "DMIGOLRNTS"


def test_codes_are_unique_and_every_rule_is_found_by_its_code() -> None:
    assert len(BY_CODE) == len(RULES)
    assert all(BY_CODE[rule.code] is rule for rule in RULES)


def test_rules_stand_in_the_order_in_which_causes_act() -> None:
    order = [FAMILIES.index(rule.code[0]) for rule in RULES]
    assert order == sorted(order)


def test_each_code_belongs_to_a_topic_of_the_table() -> None:
    topics = set(re.findall(r"\b([DMIGOLRNTS][1-9])\b", module.__doc__ or ""))
    assert {rule.code[:2] for rule in RULES} <= topics


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_each_rule_has_its_page(rule: Rule) -> None:
    assert page(rule).code == rule.code
