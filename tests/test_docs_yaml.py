"""Every YAML example in the documentation is one that Leadloop reads."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from sync.mapping_cases import CASE_KEYS
from sync.schema_files import schema_of
from tests.house import ROOT

BLOCK = re.compile(r"^```ya?ml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
EXAMPLES = [
    pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, text in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
]


def _part(which: str) -> dict[str, Any]:
    """The schema of an excerpt: any of the top keys, none of which must be there."""
    return schema_of(which) | {"required": [], "then": True}


def is_read(document: Any) -> bool:
    """Whether it is a file of cases, or an excerpt of config.yaml or of a mapping."""
    if isinstance(document, dict) and "cases" in document:
        return all(set(case) <= set(CASE_KEYS) for case in document["cases"])
    return any(
        jsonschema.Draft7Validator(_part(which)).is_valid(document)
        for which in ("config", "mapping")
    )


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_one_that_is_read(text: str) -> None:
    """It has keys and values of the format, whole or as an excerpt of its top keys."""
    assert is_read(YAML(typ="safe", pure=True).load(text))


def test_there_are_examples_and_a_wrong_one_is_seen() -> None:
    """The search finds examples, and a slip in one would be noticed."""
    assert len(EXAMPLES) >= 2
    assert not is_read({"guard": {"create": {"share": 0.1}}})
    assert not is_read({"objects": {"people": {"kind": "persons"}}})
    assert not is_read({"cases": [{"nam": "x"}]})
