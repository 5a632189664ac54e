"""What happened to each CRM record by whose hand, as the world did it: the truth of sales.

A line is written by whoever did it, in the same breath as the act, and never read off the CRM: so
that what a report says of who was contacted when, and whose job it was, can be held against it.
Salesforce keeps whole seconds, and so does a diary.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sandbox.clock import iso


class What(StrEnum):
    """What happened, and what the line's `id` and `value` are then."""

    CREATED = "created"
    """The record came to be; the record, and its owner."""
    OWNER = "owner"
    """Somebody else owns it; the record, and the new owner."""
    STATUS = "status"
    """A Lead stands elsewhere; the record, and its status."""
    EDITED = "edited"
    """Somebody changed something else of it; the record."""
    CALL = "call"
    """Somebody called; the Task."""
    LETTER = "letter"
    """Somebody wrote to them; the EmailMessage, and its subject."""
    REPLY = "reply"
    """They wrote; the EmailMessage, and its subject."""
    ANSWERED = "answered"
    """They answered to a campaign; the CampaignMember, and the campaign's name."""
    CONVERTED = "converted"
    """The Lead became a Contact; the Contact, and the Lead it was."""
    DEAL_OPENED = "deal_opened"
    """An Opportunity with the Contact in it; the Opportunity, and its owner."""
    DEAL_MOVED = "deal_moved"
    """It goes on, or ends; the Opportunity, and its stage."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `by` is the user who did it."""

    at: datetime
    what: What
    by: str
    id: str
    value: str | None = None

    def told(self) -> dict[str, Any]:
        """As the truth tells it."""
        return {
            "at": iso(self.at.replace(microsecond=0)),
            "what": self.what.value,
            "by": self.by,
            "id": self.id,
            "value": self.value,
        }
