"""Facts come back from JSON as they went in, whatever they hold."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from unstuck.record import facts
from unstuck.record.plain import from_json, from_plain

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


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (facts.End, {"reason": "completed"}, "steps is missing"),
        (facts.End, {"reason": "tired", "steps": 3}, "reason: 'tired' is none of 'completed'"),
        (facts.End, {"reason": "completed", "steps": "3"}, "steps: '3' is no int"),
        (facts.End, {"reason": "completed", "steps": 3.5}, "steps: 3.5 is no int"),
        (facts.End, {"reason": "completed", "steps": True}, "steps: True is no int"),
        (facts.End, {"reason": "completed", "steps": 1 << 70}, "steps: a whole number is out of range"),
        (facts.End, [], "a list is no End"),
        (facts.Model, {"type": "Net", "layers": [{"path": 3, "type": "x"}]}, "layers: path: 3 is no str"),
        (facts.Model, {"type": "Net", "parameters": [{"name": "w", "shape": [[1]]}]}, "shape: a list is no int"),
        (facts.Loss, {"function": 5}, "function: 5 is no str"),
        (facts.Optimizer, {"type": "Adam", "groups": [{"parameters": 2, "betas": [None]}]}, "None is no float"),
    ],
)
def test_what_is_no_such_fact_is_refused(kind, values, said):
    with pytest.raises(ValueError, match=said):
        from_plain(kind, values)


def test_floats_may_be_whole_and_fields_may_be_unknown_or_left_out():
    group = {"parameters": 2, "learning_rate": 1, "from_the_future": [{}]}
    made = from_plain(facts.Optimizer, {"type": "SGD", "groups": [group]})
    assert made.groups == (facts.ParameterGroup(parameters=2, learning_rate=1.0),)


@pytest.mark.parametrize("text", [None, b"{}", "", "{", "[" * 100_000, '{"a":' * 100_000, "3", "9" * 10_000])
def test_what_is_no_json_of_a_fact_is_refused(text):
    with pytest.raises(ValueError, match=r"the fact 'end'"):
        from_json(facts.End, text)


def test_every_kind_is_listed():
    assert {type(example).kind for example in EXAMPLES} <= set(facts.KINDS)
