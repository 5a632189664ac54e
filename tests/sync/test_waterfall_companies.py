"""Company decisions are by rule: they show the levels reached, not weights."""

from __future__ import annotations

from sync.waterfall import candidate_as_json


def test_a_companys_evidence_is_shown_by_level() -> None:
    """A candidate without prior and weights is shown with what was compared."""
    shown = candidate_as_json(
        {"key": "salesforce:Account:001A", "domain": "exact", "name": "similar", "phone": "none"}
    )
    assert shown == {
        "record": "salesforce:Account:001A",
        "waterfall": [],
        "levels": {"domain": "exact", "name": "similar", "phone": "none"},
    }
