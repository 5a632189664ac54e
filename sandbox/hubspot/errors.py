"""Errors in the vendor's own words.

One exception carries everything an error body shows (FACTS section 2, Errors): status, message,
category, sub-category, error list, context. The HTTP edge turns it into a reply; batch calls turn
it into an entry of their `errors` list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class HubSpotError(Exception):
    """A refusal as HubSpot words it; `status` is the HTTP status it travels under."""

    def __init__(
        self,
        status: int,
        category: str | None,
        message: str,
        *,
        sub_category: str | None = None,
        errors: list[dict[str, Any]] | None = None,
        context: dict[str, Any] | None = None,
        links: dict[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.category = category
        self.message = message
        self.sub_category = sub_category
        self.errors = errors
        self.context = context
        self.links = links
        self.extra = dict(extra or {})
        """Further keys of the body, as the older APIs have them."""

    def body(self, correlation_id: str) -> dict[str, Any]:
        """The JSON body of a whole-call failure; optional keys appear only when set."""
        body: dict[str, Any] = {
            "status": "error",
            "message": self.message,
            "correlationId": correlation_id,
        }
        optional = {
            "category": self.category,
            "subCategory": self.sub_category,
            "errors": self.errors,
            "context": self.context,
            "links": self.links,
        }
        body.update({key: value for key, value in optional.items() if value})
        return {**body, **self.extra}

    def item(self, context: dict[str, list[str]] | None = None) -> dict[str, Any]:
        """The entry of a batch's `errors` list; `context` adds to the error's own."""
        merged = {**(self.context or {}), **(context or {})}
        item: dict[str, Any] = {
            "status": "error",
            "category": self.category,
            "message": self.message,
            "context": merged,
            "links": {},
        }
        if self.sub_category:
            item["subCategory"] = self.sub_category
        if self.errors:
            item["errors"] = self.errors
        return item


def validation(message: str, *, sub_category: str | None = None) -> HubSpotError:
    """A 400 VALIDATION_ERROR with a plain message."""
    return HubSpotError(400, "VALIDATION_ERROR", message, sub_category=sub_category)


def malformed(message: str, *, line: int = 1, column: int = 1) -> HubSpotError:
    """A 400 for JSON that cannot be read: a place and no category, as public reports show it."""
    place = f"line {line}, column {column}"
    return HubSpotError(400, None, f"Invalid input JSON on {place}: {message}")


def object_in(body: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object inside a body, {} when absent; 400 when it is something else."""
    found = body.get(key) or {}
    if not isinstance(found, dict):
        raise validation(f"Invalid input JSON: {key} must be an object.")
    return found


def objects_in(body: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of objects inside a body, [] when absent; 400 when it is something else."""
    found = body.get(key) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise validation(f"Invalid input JSON: {key} must be a list of objects.")
    return found


def integer_in(body: Mapping[str, Any], key: str, default: int) -> int:
    """An integer inside a body; 400 when it is something else."""
    try:
        return int(body.get(key, default))
    except (TypeError, ValueError):
        raise validation(f"Invalid input JSON: {key} must be an integer.") from None


def not_found(message: str = "resource not found") -> HubSpotError:
    """A 404 OBJECT_NOT_FOUND."""
    return HubSpotError(404, "OBJECT_NOT_FOUND", message)


def conflict(message: str) -> HubSpotError:
    """A 409 CONFLICT, as for a second contact with one e-mail."""
    return HubSpotError(409, "CONFLICT", message)


def invalid_properties(problems: list[tuple[str, str, str]]) -> HubSpotError:
    """A 400 for property values that were refused.

    `problems` are (property name, code, sentence). The message embeds a JSON list [R in FACTS
    section 2]; the same facts stand once more in `errors`, as newer replies show them [D].
    """
    listed = [
        {
            "isValid": False,
            "message": sentence,
            "error": code,
            "name": name,
            "localizedErrorMessage": sentence,
        }
        for name, code, sentence in problems
    ]
    errors = [
        {"message": sentence, "code": code, "context": {"propertyName": [name]}}
        for name, code, sentence in problems
    ]
    return HubSpotError(
        400,
        "VALIDATION_ERROR",
        f"Property values were not valid: {json.dumps(listed)}",
        errors=errors,
    )
