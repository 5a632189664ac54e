"""How two JSON bodies differ in shape: keys that are missing or extra, and types that are not
the same. Lists are compared entry by entry; paths name no index, so that a difference of every
entry is one difference.
"""

from __future__ import annotations

from collections.abc import Iterator


def differences(theirs: object, ours: object) -> set[str]:
    """What is different, as `path: what`; empty where the shapes are equal."""
    return set(_walk(theirs, ours, ""))


def _walk(theirs: object, ours: object, path: str) -> Iterator[str]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in theirs.keys() | ours.keys():
            inner = f"{path}.{key}".lstrip(".")
            if key not in ours:
                yield f"{inner}: missing"
            elif key not in theirs:
                yield f"{inner}: extra"
            else:
                yield from _walk(theirs[key], ours[key], inner)
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            yield f"{path}[]: {len(theirs)} entries against {len(ours)}"
        for one, other in zip(theirs, ours, strict=False):
            yield from _walk(one, other, f"{path}[]")
    elif kind(theirs) != kind(ours):
        yield f"{path}: {kind(theirs)} against {kind(ours)}"


def kind(value: object) -> str:
    """The JSON type of a value; whole and broken numbers are told apart."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return {float: "number", str: "string", dict: "object", list: "array"}[type(value)]
