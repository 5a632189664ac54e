"""Person accounts: an org that has them shows it in describe (FACTS section 4, Objects [K]).

They can be switched on, never off. Accounts then carry IsPersonAccount and the person's fields;
existing accounts are business accounts and stay so.
"""

from __future__ import annotations

from sandbox.salesforce.fields import parse_fields
from sandbox.salesforce.objects.common import PICKLISTS
from sandbox.salesforce.records import Records

_ACCOUNT = """
IsPersonAccount | Is Person Account | boolean | D | noperm
PersonContactId | Contact ID | reference | N | ref=Contact noperm
FirstName | First Name | string 40 | CUN | in=Name extra=personname noperm
LastName | Last Name | string 80 | CUN | in=Name extra=personname noperm
PersonEmail | Email | email 80 | CUN | idlookup
PersonMobilePhone | Mobile | phone 40 | CUN |
PersonTitle | Title | string 80 | CUN |
PersonHasOptedOutOfEmail | Email Opt Out | boolean | CUD |
"""
_CONTACT = "IsPersonAccount | Is Person Account | boolean | D | noperm"


def enable_person_accounts(records: Records) -> None:
    """Give Account and Contact the fields of an org with person accounts; twice is once."""
    for sobject, table in (("Account", _ACCOUNT), ("Contact", _CONTACT)):
        kind = records.kind(sobject)
        for field in parse_fields(table, PICKLISTS).values():
            if kind.find(field.name) is None:
                kind.put(field)
