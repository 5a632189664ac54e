"""Conditional requests: If-Modified-Since and If-Unmodified-Since, to the second [D]."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from aiohttp import web


def since_header(request: web.Request, name: str) -> datetime | None:
    """The instant a header names; None where it is absent or no date of HTTP."""
    try:
        return parsedate_to_datetime(request.headers.get(name, ""))
    except ValueError:
        return None


def unchanged_since(request: web.Request, modified: datetime) -> bool:
    """Whether the caller has seen this state already: the answer is 304."""
    since = since_header(request, "If-Modified-Since")
    return since is not None and modified.replace(microsecond=0) <= since
