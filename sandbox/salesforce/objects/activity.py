"""Task, Event, EmailMessage and its relations: what people did, and with whom (the vendor's object
reference)."""

# ruff: noqa: E501 - one field a line, however many picklist values it has

from __future__ import annotations

from sandbox.salesforce.fields import ObjectType, parse_fields
from sandbox.salesforce.objects.common import AUDIT, PICKLISTS, head

_WHO_WHAT = """
WhoId  | Name ID       | reference | CUN | ref=Contact,Lead rel=Who
WhatId | Related To ID | reference | CUN | ref=Account,Campaign,Opportunity rel=What
WhoCount  | Relation Count  | int 9 | N | noperm
WhatCount | Related To Count | int 9 | N | noperm
"""

_TASK = (
    head("Activity")
    + _WHO_WHAT
    + """
Subject      | Subject  | combobox 255 | CUN | namefield pick=Call;Email;Send Letter;Send Quote;Other
ActivityDate | Due Date Only | date    | CUN |
Status       | Status   | picklist 40  | CUD | noperm default=Not~Started pick=Not Started;In Progress;Completed;Waiting on someone else;Deferred
Priority     | Priority | picklist 40  | CUD | noperm default=Normal pick=High;Normal;Low
IsHighPriority | High Priority | boolean | D | noperm
OwnerId      | Assigned To ID | reference | CUD | ref=Group,User rel=Owner noperm
Description  | Description | textarea 32000 | CUN | extra=plaintextarea
AccountId    | Account ID | reference | N | ref=Account rel=Account noperm
IsClosed     | Closed   | boolean      | D | noperm
"""
    + AUDIT
    + """
IsArchived   | Archived | boolean      | D | noperm
CallDurationInSeconds | Call Duration | int 9 | CUN |
CallType        | Call Type   | picklist 40 | CUN | pick=Internal;Inbound;Outbound
CallDisposition | Call Result | string 255  | CUN |
CallObject      | Call Object Identifier | string 255 | CUN |
ReminderDateTime | Reminder Date/Time | datetime | CUN |
IsReminderSet   | Reminder Set | boolean    | CUD |
TaskSubtype     | Task Subtype | picklist 40 | CN | restricted default=Task pick=Task;Email;ListEmail;Cadence;Call;LinkedIn
CompletedDateTime | Completed Date/Time | datetime | N | noperm
"""
)

_EVENT = (
    head("Activity")
    + _WHO_WHAT
    + """
Subject           | Subject         | combobox 255 | CUN | namefield pick=Call;Email;Meeting;Send Letter/Quote;Other
Location          | Location        | string 255 | CUN |
IsAllDayEvent     | All-Day Event   | boolean    | CUD |
ActivityDateTime  | Due Date Time   | datetime   | CUN |
ActivityDate      | Due Date Only   | date       | CUN |
DurationInMinutes | Duration        | int 9      | CUN |
StartDateTime     | Start Date Time | datetime   | CUN |
EndDateTime       | End Date Time   | datetime   | CUN |
Description       | Description     | textarea 32000 | CUN | extra=plaintextarea
AccountId         | Account ID      | reference  | N | ref=Account rel=Account noperm
OwnerId           | Assigned To ID  | reference  | CUD | ref=User rel=Owner noperm
IsPrivate         | Private         | boolean    | CUD |
ShowAs            | Show Time As    | picklist 40 | CUN | default=Busy pick=Busy;OutOfOffice;Free
"""
    + AUDIT
    + """
IsArchived       | Archived           | boolean  | D | noperm
IsReminderSet    | Reminder Set       | boolean  | CUD |
ReminderDateTime | Reminder Date/Time | datetime | CUN |
EventSubtype     | Event Subtype      | picklist 40 | CN | restricted default=Event pick=Event
"""
)

_EMAIL = (
    "Id | Email Message ID | id | D | idlookup noperm\n"
    """
ActivityId   | Activity ID    | reference      | CN  | ref=Task rel=Activity
"""
    + AUDIT
    + """
TextBody     | Text Body      | textarea 32000 | CUN | extra=plaintextarea
HtmlBody     | HTML Body      | textarea 131072 | CUN | extra=plaintextarea
Headers      | Headers        | textarea 32000 | CUN | extra=plaintextarea
Subject      | Subject        | string 3000    | CUN | namefield
FromName     | From Name      | string 1000    | CUN |
FromAddress  | From Address   | email 1000     | CUN |
ToAddress    | To Address     | string 4000    | CUN |
CcAddress    | CC Address     | string 4000    | CUN |
BccAddress   | BCC Address    | string 4000    | CUN |
Incoming     | Is Incoming    | boolean        | CUD |
HasAttachment | Has Attachment | boolean       | D   | noperm
Status       | Status         | picklist 40    | CUD | default=3 pick=0;1;2;3;4;5
MessageDate  | Message Date   | datetime       | CUN |
IsDeleted    | Deleted        | boolean        | D   | noperm
RelatedToId  | Related To ID  | reference      | CUN | ref=Account,Campaign,Opportunity rel=RelatedTo
IsTracked    | Tracked        | boolean        | D   | noperm
FirstOpenedDate | First Opened | datetime      | CUN |
LastOpenedDate  | Last Opened  | datetime      | CUN |
"""
)

_RELATION = (
    "Id | Email Message Relation ID | id | D | idlookup noperm\n"
    """
EmailMessageId | Email Message ID | reference  | C   | ref=EmailMessage rel=EmailMessage
RelationId     | Relation ID      | reference  | CUN | ref=Contact,Lead,User rel=Relation
RelationType   | Relation Type    | picklist 40 | C  | restricted pick=ToAddress;CcAddress;BccAddress;FromAddress;OtherAddress
RelationAddress | Relation Address | string 255 | CN |
RelationObjectType | Relation Object Type | string 50 | N | noperm
CreatedDate    | Created Date     | datetime   | D   | noperm
CreatedById    | Created By ID    | reference  | D   | ref=User rel=CreatedBy noperm
SystemModstamp | System Modstamp  | datetime   | D   | noperm
IsDeleted      | Deleted          | boolean    | D   | noperm
"""
)


def objects() -> tuple[ObjectType, ...]:
    """The activity objects."""
    return (
        ObjectType("Task", "Task", "Tasks", "00T", parse_fields(_TASK, PICKLISTS)),
        ObjectType("Event", "Event", "Events", "00U", parse_fields(_EVENT, PICKLISTS)),
        ObjectType(
            "EmailMessage",
            "Email Message",
            "Email Messages",
            "02s",
            parse_fields(_EMAIL, PICKLISTS),
        ),
        ObjectType(
            "EmailMessageRelation",
            "Email Message Relation",
            "Email Message Relations",
            "0CZ",
            parse_fields(_RELATION, PICKLISTS),
        ),
    )
