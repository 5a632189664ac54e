"""Salesforce's ids as people and vendors write them: 15 characters or 18 for the same record.

Fifteen tell upper from lower case; three more say which letters were upper case, so that the id
survives tools that lose the difference (FACTS section 4, Objects). Everything kept is 18 long, and
whatever is typed, or written by somebody else, is made so where it comes in.
"""

from __future__ import annotations

import re

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT = re.compile(r"[A-Za-z0-9]{15}")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


def id18(record_id: str) -> str:
    """The 18-character form of an id of 15; anything else as it is."""
    if not _SHORT.fullmatch(record_id):
        return record_id
    suffix = ""
    for start in (0, 5, 10):
        part = record_id[start : start + 5]
        bits = sum(1 << place for place, letter in enumerate(part) if "A" <= letter <= "Z")
        suffix += _LETTERS[bits]
    return record_id + suffix


def is_id(text: str) -> bool:
    """Whether a text has the form of a Salesforce id."""
    return _ID.fullmatch(text) is not None


def spelled_out(text: str) -> str:
    """A typed reference (`id`, `object:id`, `system:object:id`) with its id in the form kept."""
    head, colon, record_id = text.rpartition(":")
    return f"{head}{colon}{id18(record_id)}"
