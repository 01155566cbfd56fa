"""The JSON Schema of the verdict, made from its dataclasses; ``verdict.schema.json`` beside this file is its output."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, cast

from pydantic import TypeAdapter

from unstuck.record.verdict import KINDS, SCHEMA, Verdict

__all__ = ["FILE", "made_schema", "shipped_schema"]

FILE = "verdict.schema.json"

DESCRIPTION = (
    "What unstuck says of a run: unstuck run --json, unstuck report --json. A number that is not finite is null. "
    "docs/verdict.md says what each kind of verdict means."
)


def made_schema() -> dict[str, Any]:
    """The schema that the dataclasses give: every key is always there, and no other."""
    schema = TypeAdapter(Verdict).json_schema(mode="serialization")
    verdict = cast("dict[str, Any]", schema["properties"])
    learnt = schema["$defs"]["Learnt"]["properties"]
    learnt["name"] = {"title": "Name", "type": "string"}
    verdict.pop("kind")
    schema["properties"] = {
        "schema": {"const": SCHEMA},
        "verdict": {"enum": list(KINDS), "title": "Verdict", "type": "string"},
        **verdict,
    }
    for entry in (schema, *schema["$defs"].values()):
        if "properties" in entry:
            entry["required"] = list(entry["properties"])
            entry["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_plainly(schema),
        "title": "Verdict",
        "description": DESCRIPTION,
    }


def shipped_schema() -> dict[str, Any]:
    """The schema as the package ships it."""
    return json.loads((files("unstuck.record") / FILE).read_text(encoding="utf-8"))


def _plainly(value: Any) -> Any:
    """Without defaults and docstrings, which stand in the code; a number may be null, for JSON has no NaN."""
    if isinstance(value, list):
        return [_plainly(entry) for entry in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    own = {key: _plainly(entry) for key, entry in cast("dict[str, Any]", value).items() if key != "default"}
    if own.get("type") == "number":
        own["type"] = ["number", "null"]
    if isinstance(own.get("description"), str):
        own["description"] = own["description"].partition("\n")[0]
    return own


if __name__ == "__main__":
    print(json.dumps(made_schema(), indent=2))
