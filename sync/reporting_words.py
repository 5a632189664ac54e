"""The words a report is asked for by; light, so that the command line can name them."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a report is about; `monthly` is all of it but scoring."""

    FUNNEL = "funnel"
    HANDOFFS = "handoffs"
    ATTRIBUTION = "attribution"
    SLA = "sla"
    SCORING = "scoring"
    MONTHLY = "monthly"


class Audience(StrEnum):
    """Whose report it is: what the other team alone answers for is left out."""

    MARKETING = "marketing"
    SALES = "sales"
    BOTH = "both"


class By(StrEnum):
    """What people are grouped by."""

    SOURCE = "source"
    SEGMENT = "segment"
    PERSONA = "persona"
    OWNER = "owner"
    PERIOD = "period"
