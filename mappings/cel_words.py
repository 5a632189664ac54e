"""What people write in conditions that CEL does not know, and how CEL says it.

Habits of spreadsheets, of SQL and of other languages; each is recognised in the condition's text,
quoted parts left aside, and only after CEL itself has refused it.
"""

from __future__ import annotations

import re

FUNCTIONS = 'contains("x"), startsWith("x"), endsWith("x"), matches("regular expression"), size()'

_HABITS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile("[\u201c\u201d\u2018\u2019\u00ab\u00bb\u201e]"),
        'Write straight quotes: `"Germany"`; those of a word processor are other characters.',
    ),
    (re.compile(r"<>"), "Write `!=` for `<>`."),
    (
        re.compile(r"(?i)\bis\s+(not\s+)?(null|none|nil|blank|empty)\b"),
        'Write `email != ""` where it is not blank, `email == ""` where it is.',
    ),
    (re.compile(r"[{}]{2}"), "Write the field's name alone, without braces."),
    (
        re.compile(r"\b\d+\s*(?:d|h|m|s|days?|hours?)\b"),
        'Write a length of time as `duration("168h")`.',
    ),
    (
        re.compile(r"(?i)\bnot\s+in\b"),
        'Write `!(country in ["AT", "DE"])` for `not in`.',
    ),
    (re.compile(r"(?i)\bis\s+not\b"), "Write `!=` for `is not`."),
    (re.compile(r"(?i)\bis\b"), "Write `==` for `is`."),
    (re.compile(r"(?i)\bnull\b|\bnone\b|\bnil\b"), 'A blank is `""`: write `city == ""`.'),
    (
        re.compile(r"(?i)\blike\b"),
        'Write `email.contains("x")`, startsWith, endsWith for LIKE.',
    ),
    (re.compile(r"\bin\s*\("), 'Write the list in square brackets: `country in ["AT", "DE"]`.'),
    (re.compile(r"\bin\s*\""), 'Write the list in square brackets: `country in ["AT", "DE"]`.'),
    (re.compile(r"(?<!&)&(?!&)"), "Write `&&` for `&`."),
    (re.compile(r"(?<!\|)\|(?!\|)"), "Write `||` for `|`."),
    (re.compile(r"(?<![=!<>])=(?!=)"), "Write `==` for `=`."),
    (
        re.compile(
            r"\b(?:[Ll]ead|[Cc]ontact|[Aa]ccount|[Oo]pportunity|contacts|companies|deals)\.\w"
        ),
        "Write the field's name alone: the condition is about one record.",
    ),
)


def habit(bare: str) -> str:
    """How to write what somebody's habit made of a condition; "" where none is recognised. `bare`
    is the condition with its quoted parts blanked out."""
    opened, closed = bare.count("("), bare.count(")")
    for pattern, fix in _HABITS:
        if pattern.search(bare):
            return fix
    if opened != closed:
        missing = "a closing" if opened > closed else "an opening"
        return f"Add {missing} parenthesis: {opened} are opened, {closed} closed."
    return ""


def overload(types: str, bare: str) -> str:
    """What to do about two kinds of values that cannot be compared."""
    kinds = {part.strip() for part in types.split(",")}
    if kinds == {"string"}:
        return 'Ask of a text whether it is blank: `city == ""`.' if "!" in bare else habit(bare)
    if "null_type" in kinds:
        return 'A blank is `""`: write `city == ""`.'
    if {"double", "int"} <= kinds:
        return "Write the number with a point: `3.0`."
    if "count(" not in bare and any(kind.startswith("list(") for kind in kinds):
        return "Count them: `count(events.form_fill) >= 1`."
    if "google.protobuf.Timestamp" in kinds and kinds & {"string", "int"}:
        return 'Write `timestamp("2026-01-01T00:00:00Z")` for an instant.'
    if {"bool", "string"} <= kinds:
        return "Compare a checkbox with `true` or `false`, without quotes."
    if {"double", "string"} <= kinds:
        return "The field is a number: write it without quotes and with a point, `3.0`."
    return habit(bare)
