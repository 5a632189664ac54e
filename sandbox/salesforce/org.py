"""The org: one Salesforce as the world, the admin endpoint and the HTTP handlers know it.

Everything a person could do in the user interface is a method here; every method raises
SalesforceError in the vendor's terms. Fields come and go in the vendor's names and forms; reads
give dicts that are the caller's own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime

from sandbox.clock import VirtualClock
from sandbox.faults import Faults
from sandbox.salesforce import custom_fields
from sandbox.salesforce.convert import Conversion, convert
from sandbox.salesforce.cursors import Cursors
from sandbox.salesforce.fields import Row, Value
from sandbox.salesforce.merge import merge
from sandbox.salesforce.reading import getter
from sandbox.salesforce.records import Caller, Records
from sandbox.salesforce.seeding import seed
from sandbox.salesforce.sessions import Sessions
from sandbox.salesforce.soql.execute import execute
from sandbox.salesforce.usage import Usage

API_VERSIONS = tuple(range(31, 69))
RETIRED_VERSIONS = range(7, 31)
"""Retired with Summer '22 and Summer '25 [D: help.salesforce.com, article 000354473]."""
"""Versions answered, newest v68 (FACTS section 0); recordings were made at v42."""


class SalesforceOrg:
    """One org with its users, records, sessions and allowance.

    `client_id` and `client_secret` are those of the connected app whose API calls act as the
    integration user. `seed` fixes everything random (short query pages, which rows a fault hits).
    """

    def __init__(
        self,
        clock: VirtualClock,
        faults: Faults,
        *,
        client_id: str,
        client_secret: str,
        seed: int = 1,
    ) -> None:
        self.clock = clock
        self.faults = faults
        self.random = random.Random(seed)
        self.records = Records(clock, faults)
        self.usage = Usage(clock)
        self.cursors = Cursors(self.random)
        self._seed()
        self.sessions = Sessions(
            client_id, client_secret, self.integration_user_id, self.records.tables["User"]
        )
        self.lead_field_mapping: dict[str, tuple[str, str]] = {}
        """Custom Lead fields carried over at conversion: field -> (object, field). Others are
        dropped, as in life (FACTS section 4)."""
        self.bulk_polls = 0
        """How often a bulk job that is done still says InProgress when it is looked at."""
        self.bulk_query_failures = 0
        """How many query jobs from now on fail."""
        self.can_customize = True
        """Whether the API user may create fields (Customize Application)."""

    def _seed(self) -> None:
        seeds = seed(self.records)
        self.organization_id = seeds.organization_id
        self.admin_user_id = seeds.admin_user_id
        self.integration_user_id = seeds.integration_user_id
        self._profile_id = seeds.standard_profile_id

    # ------------------------------------------------------------------ records

    def create(
        self,
        sobject: str,
        fields: Mapping[str, object],
        *,
        user_id: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """Create a record as `user_id` (default: the administrator); returns its id."""
        return self.records.create(sobject, fields, self._caller(user_id, at))

    def update(
        self,
        sobject: str,
        record_id: str,
        fields: Mapping[str, object],
        *,
        user_id: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Change fields of a record."""
        self.records.update(sobject, record_id, fields, self._caller(user_id, at))

    def delete(
        self,
        sobject: str,
        record_id: str,
        *,
        user_id: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Put a record into the recycle bin, with what hangs on it."""
        self.records.delete(sobject, record_id, self._caller(user_id, at))

    def get(self, sobject: str, record_id: str) -> dict[str, object]:
        """Every field of a live record by name; NOT_FOUND for absent and deleted ones."""
        return self._shown(sobject, self.records.live(sobject, record_id))

    def rows(self, sobject: str, *, include_deleted: bool = False) -> Iterator[dict[str, object]]:
        """Every record of an object, all fields; deleted ones only when asked for."""
        for row in list(self.records.table(sobject).rows.values()):
            if include_deleted or not row.get("IsDeleted"):
                yield self._shown(sobject, row)

    def query(self, soql: str, *, all_rows: bool = False) -> list[dict[str, object]]:
        """The records of a SOQL query as the API would show them, unpaged."""
        return execute(self.records, soql, all_rows=all_rows).shown()

    def _shown(self, sobject: str, row: Row) -> dict[str, object]:
        kind = self.records.kind(sobject)
        return {field.name: getter(field)(row) for field in kind.fields.values()}

    def _caller(self, user_id: str | None, at: datetime | None) -> Caller:
        return Caller(user_id or self.admin_user_id, at=at)

    # ------------------------------------------------------------------ what people do

    def convert_lead(
        self,
        lead_id: str,
        *,
        account_id: str | None = None,
        contact_id: str | None = None,
        opportunity_name: str | None = None,
        converted_status: str = "Closed - Converted",
        user_id: str | None = None,
        at: datetime | None = None,
    ) -> dict[str, str | None]:
        """Convert a lead; returns `{"leadId", "accountId", "contactId", "opportunityId"}`.

        Without `account_id` or `contact_id` they are made from the lead; without
        `opportunity_name` there is no opportunity.
        """
        wish = Conversion(
            lead_id=lead_id,
            status=converted_status,
            account_id=account_id,
            contact_id=contact_id,
            opportunity_name=opportunity_name,
            with_opportunity=opportunity_name is not None,
        )
        return convert(self.records, wish, self._caller(user_id, at), self.lead_field_mapping)

    def merge(
        self,
        sobject: str,
        master_id: str,
        loser_ids: list[str],
        *,
        fields: Mapping[str, object] | None = None,
        user_id: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Merge up to two records into a master, which `fields` may change."""
        caller = self._caller(user_id, at)
        merge(self.records, sobject, master_id, loser_ids, fields=fields or {}, caller=caller)

    def create_user(self, first: str, last: str, email: str, *, active: bool = True) -> str:
        """A sales user with the standard profile; returns the id."""
        fields: dict[str, object] = {
            "FirstName": first,
            "LastName": last,
            "Email": email,
            "Username": email,
            "Alias": (first[:1] + last[:4]).lower(),
            "ProfileId": self._profile_id,
            "IsActive": active,
        }
        return self.create("User", fields)

    # ------------------------------------------------------------------ schema

    def add_field(
        self, sobject: str, definition: Mapping[str, object], *, visible: bool = True
    ) -> None:
        """Add a custom field: `{"name", "type", "label"?, "length"?, "precision"?, "scale"?,
        "externalId"?, "unique"?, "required"?, "picklist"?, "restricted"?}` with `type` as describe
        or the Metadata API names it. `visible` grants it to everybody, as the setup wizard does.
        """
        custom_fields.add(self.records, sobject, definition, guarded=not visible)

    def remove_field(self, sobject: str, name: str) -> None:
        """Remove a field and its values."""
        custom_fields.remove(self.records, sobject, name)

    def retype_field(self, sobject: str, definition: Mapping[str, object]) -> None:
        """Give a field another type; values that do not fit are lost, as in life."""
        custom_fields.retype(self.records, sobject, definition)

    def values(self, sobject: str, record_id: str, *names: str) -> tuple[Value, ...]:
        """Some stored values of a record, deleted or not (None where unset)."""
        row = self.records.table(sobject).rows[record_id]
        return tuple(row.get(name) for name in names)
