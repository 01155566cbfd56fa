"""Facts come back from JSON as they went in, whatever they hold."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from unstuck.record import facts
from unstuck.record.plain import from_plain

EXAMPLES = [
    facts.Model(
        type="Net",
        layers=(facts.Layer(path="fc", type="Linear"),),
        parameters=(facts.Parameter(name="fc.weight", shape=(2, 3), role="weight"),),
    ),
    facts.Optimizer(type="Adam", groups=(facts.ParameterGroup(parameters=2, betas=(0.9, 0.999)),), file="t.py", line=3),
    facts.Loss(function=None, classes=facts.LossClasses(counts=(1, 2))),
    facts.Inputs(shape=(8, 3), kind_of="table", examples=8, minimum=0.0, maximum=1.0, feature_means=(0.5,) * 3),
    facts.NonFinite(step=3, what="loss", examples=(1, 2)),
    facts.End(reason="crashed", steps=3, message="ValueError: no"),
]


@pytest.mark.parametrize("fact", EXAMPLES, ids=lambda fact: fact.kind)
def test_round_trip(fact):
    assert from_plain(type(fact), json.loads(json.dumps(asdict(fact)))) == fact


def test_every_kind_is_listed():
    assert {type(example).kind for example in EXAMPLES} <= set(facts.KINDS)
