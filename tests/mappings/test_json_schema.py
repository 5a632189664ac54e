"""The mapping's JSON Schema is true: it and the loader agree on generated documents."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mappings.errors import ConfigurationError
from mappings.fieldmap import NAMED_KINDS, Direction, OutcomeFact, Overwrite, TooLong, ValueType
from mappings.json_schema import mapping_schema
from mappings.loader import TOP_KEYS, load_mapping
from mappings.object_loader import ATTRIBUTES, OBJECT_KEYS
from mappings.rule_loader import RULE_KEYS
from mappings.schema_names import ATTRIBUTE_WORDS, EVENT_WORDS, OUTCOME_WORDS
from mappings.steps import TRANSFORMS
from tests.mappings.contracts import CONTRACT
from tests.mappings.minimal import MAPPING

SCHEMA = mapping_schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
SHARED = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

WRITTEN = YAML(typ="safe", pure=True).load(MAPPING) | {"go_live": "2026-03-02T08:00:00Z"}
_PLAIN = CONTRACT.replace("[2026-12-24]", '["2026-12-24"]')  # JSON has no dates
WITH_CONTRACT = WRITTEN | YAML(typ="safe", pure=True).load(_PLAIN)
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 7, -1, 2.5, "", "no such word", [], {}, [[]], [None], {"a": {}}, ["trim", 1]]
)


def loads(document: Any, directory: Path) -> bool:
    """Whether the loader takes the document. JSON is YAML, too."""
    path = directory / "mapping.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        load_mapping(path)
    except ConfigurationError:
        return False
    return True


FITTING = {
    "number": 12,
    "currency": "9.50",
    "boolean": "true",
    "date": "2026-01-31",
    "datetime": "2026-01-31T08:00:00Z",
    "email": "a@b.example",
}
"""A default that is of the rule's type, where not every text is."""


@st.composite
def rules(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """A field rule that is right, on fields of the account's own."""
    direction = draw(st.sampled_from(Direction))
    owner = {"to_crm": "map", "to_map": "crm"}.get(
        direction.value, draw(st.sampled_from(["map", "crm", "none"]))
    )
    crm = f"Own_{number}__c"
    rule = {
        "map": f"own_property_{number}",
        "crm": draw(st.sampled_from([crm, {"Lead": crm}, {"Lead": crm, "Contact": crm}])),
        "direction": direction.value,
        "owner": owner,
    }
    plain = [name for name, step in TRANSFORMS.items() if not step.argument]
    more = {
        "overwrite": st.sampled_from([o.value for o in Overwrite]),
        "clear": st.booleans(),
        "type": st.sampled_from([t.value for t in ValueType]),
        "values": st.dictionaries(st.sampled_from("abc*"), st.sampled_from(["x", ["x", "y"], 5])),
        "transform": st.lists(st.sampled_from([*plain, "truncate(3)", "prefix(+)"])),
        "default": st.sampled_from(["text", 12, None]),
        "too_long": st.sampled_from([t.value for t in TooLong]),
        "max_length": st.integers(10, 1_000_000),
        "custom": st.booleans(),
    }
    for key in draw(st.sets(st.sampled_from(sorted(more)))):
        rule[key] = draw(more[key])
    if rule.get("default") is not None and rule.get("type") in FITTING:
        rule["default"] = FITTING[rule["type"]]
        if len(str(rule["default"])) > rule.get("max_length", len(str(rule["default"]))):
            del rule["max_length"]
    if direction is Direction.TO_MAP:  # read backwards alone: each CRM value is said once
        rule["values"] = dict(list(rule.get("values", {}).items())[:1])
    return rule


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A mapping file that is right."""
    entry = {
        "kind": "person",
        "map": "contacts",
        "crm": ["Contact", "Lead"],
        "create_map": draw(st.booleans()),
        "identity": draw(
            st.dictionaries(
                st.sampled_from(ATTRIBUTES),
                st.sampled_from(
                    [
                        {"map": "my_own_one", "crm": "Mine__c"},
                        {"map": ["my_own_one"], "crm": {"Lead": ["Mine__c"]}},
                        {"map": "my_own_one"},
                    ]
                ),
            )
        ),
        "fields": [draw(rules(number)) for number in range(draw(st.integers(0, 4)))],
    }
    facts = draw(st.sets(st.sampled_from(OutcomeFact)))
    forms = st.sampled_from(["task", "rollup", "off"])
    return {
        "format": 1,
        "objects": {"people": entry},
        "activities": draw(st.dictionaries(st.sampled_from(NAMED_KINDS), forms)),
        "custom_events": draw(st.dictionaries(st.sampled_from(["pe1_demo", "pe1_login"]), forms)),
        "outcomes": {fact.value: f"leadloop_{fact.value}" for fact in facts},
        "consent": draw(st.sampled_from([None, [], {"crm": "HasOptedOutOfEmail"}])),
        "go_live": draw(st.sampled_from([None, "2026-03-02T08:00:00Z"])),
    }


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything within a document."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(p for key, inner in items for p in places(inner, (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A right document with one thing replaced, taken away or added."""
    document = copy.deepcopy(draw(st.sampled_from([WRITTEN, WITH_CONTRACT, draw(documents())])))
    *way, last = draw(st.sampled_from(places(document)[1:]))
    parent = document
    for key in way:
        parent = parent[key]
    act = draw(st.sampled_from(["replace", "remove", "add"]))
    if act == "replace":
        parent[last] = draw(JUNK)
    elif act == "remove":
        del parent[last]
    elif isinstance(parent, dict):
        parent["surplus"] = draw(JUNK)
    else:
        parent.append(draw(JUNK))
    return document


def _keys(*way: str) -> set[str]:
    schema: Any = SCHEMA
    for step in way:
        schema = schema[step]
    return set(schema["properties"])


def test_the_schema_has_the_loaders_keys() -> None:
    """No key is in one and not in the other, at any level."""
    entry = ("properties", "objects", "additionalProperties")
    fields: Any = SCHEMA["properties"]["objects"]["additionalProperties"]["properties"]["fields"]
    assert _keys() == set(TOP_KEYS)
    assert _keys(*entry) == set(OBJECT_KEYS)
    assert set(fields["anyOf"][0]["properties"]) == set(RULE_KEYS)


def test_the_schema_is_one() -> None:
    """It is a valid schema of its draft."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@SHARED
@given(document=documents())
def test_right_documents_are_taken_by_both(document: dict[str, Any], tmp_path: Path) -> None:
    """What is written by the rules of the format is valid and loads."""
    VALIDATOR.validate(document)
    assert loads(document, tmp_path)


def test_a_contract_is_taken_by_both(tmp_path: Path) -> None:
    """A complete contract, written by hand, is valid and loads."""
    VALIDATOR.validate(WITH_CONTRACT)
    assert loads(WITH_CONTRACT, tmp_path)


@SHARED
@given(document=damaged())
def test_what_the_schema_refuses_the_loader_refuses(document: Any, tmp_path: Path) -> None:
    """An editor never marks what Leadloop would take."""
    if not VALIDATOR.is_valid(document):
        assert not loads(document, tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("direction", "up"), ("clear", "yes"), ("transform", ["trimm"]),
     ("max_length", 0), ("surplus", 1), ("values", ["a"]), ("crm", 5)],
)  # fmt: skip
def test_common_mistakes_are_marked(key: str, value: Any) -> None:
    """The schema itself sees them: it is not merely permissive."""
    rule = {"map": "own", "crm": "Own__c", "owner": "map"} | {key: value}
    entry = {"kind": "person", "map": "contacts", "crm": ["Lead"], "fields": [rule]}
    assert not VALIDATOR.is_valid({"format": 1, "objects": {"people": entry}})


def test_an_editor_has_something_to_say_of_every_key() -> None:
    """Each key, at every depth, has a description; each name that may be used, no more and no
    fewer."""
    assert sorted(_silent(SCHEMA, "")) == []
    assert set(ATTRIBUTE_WORDS) == set(ATTRIBUTES)
    assert set(EVENT_WORDS) == set(NAMED_KINDS)
    assert set(OUTCOME_WORDS) == {fact.value for fact in OutcomeFact}


def _silent(schema: object, path: str) -> Iterator[str]:
    if isinstance(schema, dict):
        for name, one in schema.get("properties", {}).items():
            if "description" not in one:
                yield f"{path}.{name}"
        for key, one in schema.items():
            if key != "if":  # a question about keys, not their declaration
                yield from _silent(one, f"{path}/{key}")
    elif isinstance(schema, list):
        for one in schema:
            yield from _silent(one, path)
