"""A small checker of JSON Schema: the keywords that our own schema uses, and an error for any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
    "boolean": (bool,),
}
KNOWN = {
    *("$schema", "$defs", "$ref", "title", "description", "type", "enum", "const", "anyOf", "items", "prefixItems"),
    *("minItems", "maxItems", "properties", "required", "additionalProperties"),
}


def violations(value: Any, schema: dict[str, Any], root: dict[str, Any], path: str = "$") -> Iterator[str]:
    """How a value breaks a schema, each with the path to it."""
    assert schema.keys() <= KNOWN, f"the checker does not know {schema.keys() - KNOWN}"
    if "$ref" in schema:
        yield from violations(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, path)
        return
    if "anyOf" in schema and all(any(violations(value, part, root, path)) for part in schema["anyOf"]):
        yield f"{path}: none of {len(schema['anyOf'])} forms"
    if "const" in schema and value != schema["const"]:
        yield f"{path}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not in {schema['enum']}"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(_is(value, name) for name in types):
        yield f"{path}: {value!r:.60} is not {types}"
        return
    if isinstance(value, dict):
        yield from _object(value, schema, root, path)
    if isinstance(value, list):
        yield from _array(value, schema, root, path)


def _is(value: Any, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _object(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[str]:
    own, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
    yield from (f"{path}: {key} is missing" for key in schema.get("required", []) if key not in value)
    for key, entry in value.items():
        if key in own:
            yield from violations(entry, own[key], root, f"{path}.{key}")
        elif rest is False:
            yield f"{path}: {key} is not known"
        elif isinstance(rest, dict):
            yield from violations(entry, rest, root, f"{path}.{key}")


def _array(value: list[Any], schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{path}: {len(value)} items"
    first = schema.get("prefixItems", [])
    for position, entry in enumerate(value):
        part = first[position] if position < len(first) else schema.get("items")
        if isinstance(part, dict):
            yield from violations(entry, part, root, f"{path}[{position}]")
