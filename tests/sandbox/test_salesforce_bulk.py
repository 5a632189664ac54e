"""Bulk 2.0 through simple-salesforce: upserts by key, row errors, queries in pages."""

from __future__ import annotations

from pathlib import Path

from tests.sandbox.test_salesforce_server import serving


def test_bulk_upsert_reports_rows_and_query_pages(tmp_path: Path) -> None:
    """Good rows are created, bad ones listed with their error, and a query job reads them."""
    with serving(tmp_path) as site:
        site.org.add_field(
            "Lead", {"name": "Key__c", "type": "Text", "externalId": True, "unique": True}
        )
        rows = [
            {"Key__c": str(number), "LastName": "Doe", "Company": "Acme", "Email": email}
            for number, email in enumerate(["a@b.example", "bad", "#N/A"])
        ]
        client = site.client()
        done = client.bulk2.Lead.upsert(records=rows, external_id_field="Key__c")
        assert [one["numberRecordsFailed"] for one in done] == [1]
        assert len(list(site.org.rows("Lead"))) == 2
        failed = client.bulk2.Lead.get_failed_records(done[0]["job_id"])
        assert "INVALID_EMAIL_ADDRESS:Email: invalid email address: bad:Email --" in failed
        pages = list(client.bulk2.Lead.query("SELECT Id, Key__c FROM Lead", max_records=1))
        assert len(pages) == 2
