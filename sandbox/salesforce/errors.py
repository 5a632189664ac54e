"""What Salesforce says when it refuses.

One exception carries the vendor's code, its message and the fields it blames; the HTTP status is
derived from the code (FACTS section 4) unless the place that raises knows better.
"""

from __future__ import annotations

from collections.abc import Sequence

_STATUS = {
    "INVALID_SESSION_ID": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "API_DISABLED_FOR_ORG": 403,
    "INSUFFICIENT_ACCESS": 403,
    "NOT_FOUND": 404,
    "ENTITY_IS_DELETED": 404,
    "METHOD_NOT_ALLOWED": 405,
    "UNSUPPORTED_API_VERSION": 410,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "UNKNOWN_EXCEPTION": 500,
    "SERVER_UNAVAILABLE": 503,
}
NOT_FOUND_MESSAGE = "The requested resource does not exist"


class SalesforceError(Exception):
    """A refusal with its vendor `code`, `message`, blamed `fields` and HTTP `status`.

    `extra` holds further keys of the error object, such as `duplicateResut`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        fields: Sequence[str] = (),
        *,
        status: int | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.fields = list(fields)
        self.status = status if status is not None else _STATUS.get(code, 400)
        self.extra = extra or {}

    def body(
        self, *, code_key: str = "errorCode", with_fields: bool | None = None
    ) -> dict[str, object]:
        """The error object: `errorCode` for single calls, `statusCode` in collections (FACTS 4).

        Single calls leave `fields` out where there is none; collections always carry it.
        """
        shown: dict[str, object] = {**self.extra, "message": self.message, code_key: self.code}
        if with_fields if with_fields is not None else bool(self.fields):
            shown["fields"] = self.fields
        return shown

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def not_found() -> SalesforceError:
    """404 as recorded for absent and deleted records."""
    return SalesforceError("NOT_FOUND", NOT_FOUND_MESSAGE)
