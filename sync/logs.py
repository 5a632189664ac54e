"""Logging: events on stderr, readable on a terminal, JSON lines elsewhere.

Events are fixed dotted names with bound keys from an allow-list; whatever else is bound is left
out and named, so that no personal data reaches a log by accident. Vendors' and libraries' own log
lines do not pass: their texts hold values.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

ALLOWED = frozenset(
    (
        "event level timestamp logger"
        " run_id pair system object stream code kind status reason field count counts total rows"
        " seconds attempt until retry_in stage signal version config_hash mapping_hash people"
        " found sent_again planned_anew created linked review written message remedy exit_code"
        " dropped_keys command_id"
    ).split()
)
"""Keys that may be logged. None of them can hold a name, an address or a vendor's text."""

LONGEST = 200
"""Characters of a value; nothing that belongs in a log is longer."""


def allow_listed(
    logger: Any,  # noqa: ARG001 - structlog's signature
    method: str,  # noqa: ARG001 - structlog's signature
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Drop keys that are not on the allow-list, and say which."""
    dropped = sorted(key for key in event if key not in ALLOWED)
    for key in dropped:
        del event[key]
    if dropped:
        event["dropped_keys"] = dropped
    for key, value in event.items():
        if isinstance(value, str) and len(value) > LONGEST:
            event[key] = value[:LONGEST] + "..."
    return event


def configure(
    level: str = "info", *, stream: TextIO | None = None, terminal: bool | None = None
) -> None:
    """Send our events of this level and above to `stream` (stderr), and nobody else's.

    `terminal` overrides whether the stream is taken for a terminal.
    """
    target = stream if stream is not None else sys.stderr
    is_terminal = target.isatty() if terminal is None else terminal
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            allow_listed,
            _renderer(is_terminal=is_terminal),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    # Libraries log vendors' texts and record values: without a handler of its own, the standard
    # library would print their warnings to stderr.
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())


def _renderer(*, is_terminal: bool) -> Callable[..., Any]:
    if not is_terminal:
        return structlog.processors.JSONRenderer(default=str)
    return structlog.dev.ConsoleRenderer(
        colors=not os.environ.get("NO_COLOR"), pad_event_to=0, pad_level=False
    )
