"""What two mappings say otherwise, rule by rule. Pure.

Compares documents of `mappings.render.mapping_data`, so that comments, order, file names and
defaults left out are no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mappings.fieldmap import rule_key


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is said otherwise: where, and both wordings; None where there is none.

    `where` reads like `people: jobtitle>Lead.Title: overwrite`.
    """

    where: str
    before: Any
    after: Any

    def as_dict(self) -> dict[str, Any]:
        """The difference as JSON-able data."""
        return {"where": self.where, "before": self.before, "after": self.after}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Everything two documents say otherwise, in the order of the later one, then what is gone."""
    return list(_mappings("", _keyed(before), _keyed(after)))


def _keyed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its rules by the fields they are about. Several about the same ones are
    told apart by their condition."""
    objects = {
        name: {**entry, "fields": _rules(entry.get("fields", []))}
        for name, entry in document.get("objects", {}).items()
    }
    return {**document, "objects": objects}


def _rules(rules: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for rule in rules:
        key = rule_key(rule["map"], rule["crm"])
        while key in found:
            key += f" when {rule.get('when', 'nothing else holds')}"
        found[key] = rule
    return found


def _mappings(
    where: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Difference]:
    for key in [*after, *(key for key in before if key not in after)]:
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        inner = f"{where}{key}: " if key not in {"objects", "fields"} else where
        if isinstance(old, Mapping) and isinstance(new, Mapping) and key != "crm":
            yield from _mappings(inner, old, new)
        else:
            yield Difference(inner.removesuffix(": "), old, new)
