"""What a row's answer means: done, refused, or worth sending again."""

from __future__ import annotations

import pytest

from connectors.salesforce_write import outcome_of
from mappings.records import Operation, OutcomeStatus, Write


@pytest.mark.parametrize(
    ("object_name", "code", "status"),
    [
        ("Lead", "DUPLICATE_VALUE", OutcomeStatus.RETRY),
        ("Lead", "UNABLE_TO_LOCK_ROW", OutcomeStatus.RETRY),
        ("Lead", "STRING_TOO_LONG", OutcomeStatus.REJECTED),
        ("CampaignMember", "DUPLICATE_VALUE", OutcomeStatus.REJECTED),
    ],
)
def test_only_what_can_change_is_sent_again(
    object_name: str, code: str, status: OutcomeStatus
) -> None:
    """A lost race for one key goes again; somebody who is a member already does not."""
    row = Write("k", Operation.CREATE, object_name, {}, external_id=("Leadloop_Id__c", "u1"))
    answer = {"success": False, "errors": [{"statusCode": code, "fields": []}]}
    assert outcome_of(row, answer).status is status
