"""The vendors' fields Leadloop itself needs: keys, roll-ups, outcomes; and what is to be read.

The names are fixed: they are what makes a write repeatable (key fields are unique at the vendor)
and what sales and marketing see. `doctor --fix` creates those a mapping uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mappings.conditions import names_in
from mappings.contract import Contract, Fact
from mappings.fieldmap import (
    ActivityForm,
    EntityKind,
    ObjectMapping,
    OutcomeFact,
    PairMapping,
    TouchSource,
)
from mappings.ports import FieldDefinition
from mappings.records import EventKind, Side
from mappings.standard_fields import is_custom, standard_schemas
from mappings.transforms import template_names

MAP_KEY = "leadloop_id"
CRM_KEY = "Leadloop_Id__c"
EVENT_KEY = "Leadloop_Event_Id__c"
TASK = "Task"
"""Where the event key is described. Salesforce defines Task's custom fields on Activity (FACTS
section 4, Objects), which has no describe of its own."""
MEMBER = "CampaignMember"
EVENT = "Event"
"""Salesforce's meetings."""
RECIPIENT = "EmailMessageRelation"
"""Who an e-mail was from or to, with the e-mail itself read beside it: `EmailMessage` names people
in lists nobody can filter by (object reference, EmailMessage and EmailMessageRelation)."""
CALLS, MEETINGS = "calls", "meetings"
"""HubSpot's calls and meetings."""

FIRST_ENGAGEMENT = "Leadloop_First_Engagement__c"
LAST_ENGAGEMENT = "Leadloop_Last_Engagement__c"
LAST_CAMPAIGN = "Leadloop_Last_Campaign__c"

COUNTERS: dict[EventKind, tuple[str, str]] = {
    EventKind.EMAIL_SENT: ("Leadloop_Emails_Sent__c", "Leadloop e-mails sent"),
    EventKind.EMAIL_DELIVERED: ("Leadloop_Emails_Delivered__c", "Leadloop e-mails delivered"),
    EventKind.EMAIL_OPEN: ("Leadloop_Emails_Opened__c", "Leadloop e-mails opened"),
    EventKind.EMAIL_CLICK: ("Leadloop_Emails_Clicked__c", "Leadloop e-mails clicked"),
    EventKind.EMAIL_BOUNCE: ("Leadloop_Emails_Bounced__c", "Leadloop e-mails bounced"),
    EventKind.EMAIL_UNSUBSCRIBE: ("Leadloop_Unsubscribes__c", "Leadloop unsubscribes"),
    EventKind.EMAIL_SPAM_REPORT: ("Leadloop_Spam_Reports__c", "Leadloop spam reports"),
    EventKind.FORM_FILL: ("Leadloop_Form_Fills__c", "Leadloop form fills"),
    EventKind.CUSTOM: ("Leadloop_Custom_Events__c", "Leadloop custom events"),
}
"""Roll-up counter and its label by kind of event."""

OUTCOME_PROPERTIES: dict[OutcomeFact, tuple[str, str, str]] = {
    OutcomeFact.CRM_ID: ("leadloop_crm_id", "CRM record id", "text"),
    OutcomeFact.CRM_OBJECT: ("leadloop_crm_object", "CRM record type", "text"),
    OutcomeFact.LEAD_STATUS: ("leadloop_lead_status", "Sales lead status", "text"),
    OutcomeFact.OWNER_NAME: ("leadloop_owner", "Sales owner", "text"),
    OutcomeFact.OWNER_EMAIL: ("leadloop_owner_email", "Sales owner e-mail", "text"),
    OutcomeFact.OPPORTUNITY_STAGE: ("leadloop_opportunity_stage", "Opportunity stage", "text"),
    OutcomeFact.OPPORTUNITY_AMOUNT: (
        "leadloop_opportunity_amount", "Opportunity amount", "number",
    ),
    OutcomeFact.OPPORTUNITY_OUTCOME: (
        "leadloop_opportunity_outcome", "Opportunity outcome", "text",
    ),
    OutcomeFact.CLOSE_DATE: ("leadloop_close_date", "Opportunity close date", "date"),
    OutcomeFact.TOTAL_REVENUE: ("leadloop_total_revenue", "Total revenue won", "number"),
    OutcomeFact.WON_COUNT: ("leadloop_won_count", "Opportunities won", "number"),
    OutcomeFact.CUSTOMER_SINCE: ("leadloop_customer_since", "Customer since", "date"),
}  # fmt: skip
"""Property name, label and type by outcome."""

STAGE_FIELDS: tuple[tuple[str, str, str, str], ...] = (
    ("leadloop_lifecycle", "Leadloop_Lifecycle__c", "Lifecycle", "text"),
    ("leadloop_stage", "Leadloop_Stage__c", "Lifecycle stage", "text"),
    ("leadloop_stage_since", "Leadloop_Stage_Since__c", "In this stage since", "datetime"),
    ("leadloop_recycle_reason", "Leadloop_Recycle_Reason__c", "Back to marketing because", "text"),
    ("leadloop_recontact_date", "Leadloop_Recontact_Date__c", "Contact again on", "date"),
)
"""What a contract says of a person, on both sides: MAP property, CRM field, label, type. Sales sees
in them that somebody is in nurture, since when, and until when."""

FACT_FIELDS: dict[Fact, tuple[str, str, str, str]] = {
    Fact.MQL: ("leadloop_mql_at", "Leadloop_MQL_At__c", "Marketing-qualified at", "datetime"),
    Fact.SALES_QUALIFIED: (
        "leadloop_sales_qualified_at", "Leadloop_Sales_Qualified_At__c", "Sales-qualified at",
        "datetime",
    ),
}  # fmt: skip
"""Each team's qualification in fields of its own, so that neither overwrites the other (law 5)."""

PROJECTION = "lifecyclestage"
"""HubSpot's own stage: it shows where somebody stands, and is never asked."""

CONTRACT_TYPES: dict[str, str] = {
    name: type_
    for map_name, crm_name, _, type_ in (*STAGE_FIELDS, *FACT_FIELDS.values())
    for name in (map_name, crm_name)
}
"""The type of each of these fields, by its name on either side."""

_BY_PROPERTY = {name: (label, type_) for name, label, type_ in OUTCOME_PROPERTIES.values()}
_MONEY = {"leadloop_opportunity_amount", "leadloop_total_revenue"}
_ROLLED_UP = (ActivityForm.ROLLUP, ActivityForm.TASK, ActivityForm.CAMPAIGN_MEMBER)

_MAP_SYSTEM: dict[EntityKind, tuple[str, ...]] = {
    EntityKind.PERSON: (
        "email", "hs_additional_emails", "hs_email_optout", "recent_conversion_date",
        "createdate", "lastmodifieddate", "hs_object_id", "hs_merged_object_ids",
        "hs_calculated_merged_vids", "associatedcompanyid", "lifecyclestage", "hs_lead_status",
    ),
    EntityKind.COMPANY: ("createdate", "hs_lastmodifieddate", "hs_object_id",
                         "hs_merged_object_ids"),
    EntityKind.DEAL: ("createdate", "hs_lastmodifieddate", "hs_object_id",
                      "hs_merged_object_ids"),
}  # fmt: skip
"""HubSpot properties every object of a kind is read with (FACTS section 2)."""

_COMMON = ("Id", "IsDeleted", "CreatedDate", "LastModifiedById", "SystemModstamp")
_CRM_SYSTEM: dict[str, tuple[str, ...]] = {
    "Lead": (
        "MasterRecordId", "OwnerId", "Status", "Email", "IsConverted", "ConvertedDate",
        "ConvertedContactId", "ConvertedAccountId", "ConvertedOpportunityId", "LastActivityDate",
        "CreatedById",
    ),
    "Contact": (
        "MasterRecordId", "OwnerId", "AccountId", "Email", "LastActivityDate", "CreatedById",
    ),
    "Account": ("MasterRecordId", "OwnerId", "Name", "Website"),
    "Opportunity": (
        "OwnerId", "AccountId", "Name", "StageName", "Amount", "CloseDate", "IsClosed", "IsWon",
        "CreatedById",
    ),
}  # fmt: skip
"""Salesforce fields every object is read with (FACTS section 4)."""

_OUTCOME_READS: dict[str, tuple[str, ...]] = {
    "OpportunityContactRole": (
        "Id", "OpportunityId", "ContactId", "Role", "IsPrimary", "IsDeleted", "SystemModstamp",
    ),
    "User": ("Id", "Name", "Email", "IsActive", "SystemModstamp"),
}  # fmt: skip
"""What outcomes are folded from beside the mapped objects."""

ACTIVITY_READS: dict[str, tuple[str, ...]] = {
    TASK: (
        *_COMMON, "CreatedById", "WhoId", "WhatId", "OwnerId", "Subject", "Status", "IsClosed",
        "ActivityDate", "TaskSubtype", "CompletedDateTime", EVENT_KEY,
    ),
    EVENT: (
        *_COMMON, "CreatedById", "WhoId", "WhatId", "OwnerId", "Subject", "StartDateTime",
        "ActivityDate",
    ),
}  # fmt: skip
"""What people in sales did, as far as it is looked at: no text beyond the subject is read."""

TOUCH_READS: dict[TouchSource, tuple[Side, str, tuple[str, ...]]] = {
    TouchSource.CAMPAIGN_RESPONSES: (
        Side.CRM, MEMBER,
        (*_COMMON, "CampaignId", "LeadId", "ContactId", "HasResponded", "FirstRespondedDate",
         "Campaign.Name"),
    ),
    TouchSource.EMAIL_MESSAGES: (
        Side.CRM, RECIPIENT,
        ("Id", "IsDeleted", "CreatedDate", "SystemModstamp", "EmailMessageId", "RelationId",
         "RelationType", "EmailMessage.ActivityId", "EmailMessage.CreatedById",
         "EmailMessage.Incoming", "EmailMessage.MessageDate", "EmailMessage.Status",
         "EmailMessage.Subject"),
    ),
    TouchSource.CALLS: (
        Side.MAP, CALLS,
        ("hs_timestamp", "hs_call_title", "hs_call_status", "hs_created_by_user_id",
         "hs_object_source"),
    ),
    TouchSource.MEETINGS: (
        Side.MAP, MEETINGS,
        ("hs_timestamp", "hs_meeting_title", "hs_meeting_start_time", "hs_meeting_outcome",
         "hs_created_by_user_id", "hs_object_source"),
    ),
}  # fmt: skip
"""Where further touch points are read: side, object, fields. No address, note or text is."""
CRM_TOUCHES = (*ACTIVITY_READS, MEMBER, RECIPIENT)
"""The CRM's objects among them, in the order they are read."""
TOUCHING = frozenset({*ACTIVITY_READS, *(name for _, name, _ in TOUCH_READS.values())})
"""Objects whose records say that people were in touch. Without them everything else goes on."""


def required_fields(mapping: PairMapping) -> dict[Side, tuple[FieldDefinition, ...]]:
    """The definitions of Leadloop's own fields that this mapping uses, by side."""
    return {Side.MAP: tuple(_map_fields(mapping)), Side.CRM: tuple(_crm_fields(mapping))}


def own_fields(side: Side) -> frozenset[str]:
    """Every field name that is Leadloop's to write: no mapping rule may write them."""
    contract = {names[side is Side.CRM] for names in (*STAGE_FIELDS, *FACT_FIELDS.values())}
    if side is Side.MAP:
        outcomes = {name for name, _, _ in OUTCOME_PROPERTIES.values()}
        return frozenset({MAP_KEY} | outcomes | contract)
    counters = {name for name, _ in COUNTERS.values()}
    stamps = {FIRST_ENGAGEMENT, LAST_ENGAGEMENT, LAST_CAMPAIGN}
    return frozenset({CRM_KEY, EVENT_KEY} | counters | stamps | contract)


def rolled_up(mapping: PairMapping) -> tuple[EventKind, ...]:
    """The kinds of event that have a counter on the person in the CRM.

    Form fills and custom events keep their counter when they become Tasks, because those before
    `go_live` are only rolled up (law 13).
    """
    return tuple(
        kind
        for kind in COUNTERS
        if mapping.activities.get(kind) is ActivityForm.ROLLUP
        or (kind is EventKind.FORM_FILL and mapping.activities.get(kind) in _ROLLED_UP)
        or (kind is EventKind.CUSTOM and mapping.pulled_events)
    )


_ACTIVITY_WRITES: dict[str, tuple[str, ...]] = {
    TASK: ("WhoId", "Subject", "Description", "Status", "ActivityDate"),
    MEMBER: ("CampaignId", "LeadId", "ContactId", "Status"),
}
ACTIVITY_ANCHORS = frozenset({"WhoId", "CampaignId", "LeadId", "ContactId", EVENT_KEY})
"""Fields without which an activity would be nobody's, or could not be found again."""


def activity_writes(mapping: PairMapping) -> dict[str, tuple[str, ...]]:
    """The CRM objects that activities become, with the fields they are written with."""
    forms = {*mapping.activities.values(), *mapping.custom_events.values()}
    wanted = {
        TASK: ActivityForm.TASK in forms or mapping.contract.has_handoffs(),
        MEMBER: ActivityForm.CAMPAIGN_MEMBER in forms,
    }
    return {name: fields for name, fields in _ACTIVITY_WRITES.items() if wanted[name]}


def opt_out_property(subscription: str | None) -> str:
    """The MAP's read-only property that says a contact takes no mail of that type, or, for None,
    none at all (FACTS section 2, Consent)."""
    return "hs_email_optout" if subscription is None else f"hs_email_optout_{subscription}"


def fields_to_read(mapping: PairMapping) -> dict[Side, dict[str, tuple[str, ...]]]:
    """The field names to ask each vendor for, by object, in a stable order.

    Mapped, identity, condition and consent fields, Leadloop's own, and what merges, conversions
    and outcomes are recognised by. Leadloop's own fields may not exist before `doctor --fix`.
    """
    reads: dict[Side, dict[str, dict[str, None]]] = {Side.MAP: {}, Side.CRM: {}}

    def want(side: Side, object_name: str, names: Iterable[str]) -> None:
        reads[side].setdefault(object_name, {}).update(dict.fromkeys(names))

    for entry in mapping.objects:
        want(Side.MAP, entry.map_object, _map_reads(entry))
        for object_name in entry.crm_objects:
            want(Side.CRM, object_name, _crm_reads(entry, object_name))
    for side, definitions in required_fields(mapping).items():
        for definition in definitions:
            if definition.object in reads[side]:
                want(side, definition.object, [definition.name])
    for object_name, name in ((o, f) for rule in mapping.consent for o, f in rule.crm.items()):
        want(Side.CRM, object_name, [name])
    people = mapping.of_kind(EntityKind.PERSON)
    if people is not None:
        want(Side.MAP, people.map_object, [rule.map for rule in mapping.outcomes])
        want(Side.MAP, people.map_object, mapping.contract.reporting.traits)
        want(Side.MAP, people.map_object, contract_reads(mapping, Side.MAP, people.map_object))
        for object_name in people.crm_objects:
            want(Side.CRM, object_name, contract_reads(mapping, Side.CRM, object_name))
        want(
            Side.MAP,
            people.map_object,
            [opt_out_property(c.subscription) for c in mapping.consent if c.subscription],
        )
    for side, object_name, own in _read_beside(mapping):
        want(side, object_name, own)
    return {
        side: {name: tuple(fields) for name, fields in objects.items()}
        for side, objects in reads.items()
    }


def _read_beside(mapping: PairMapping) -> Iterator[tuple[Side, str, tuple[str, ...]]]:
    """Objects that are read to understand others: side, name, fields."""
    crm = dict(ACTIVITY_READS) if mapping.of_kind(EntityKind.PERSON) is not None else {}
    if mapping.outcomes or mapping.contract:
        crm |= {"Opportunity": (*_COMMON, *_CRM_SYSTEM["Opportunity"]), **_OUTCOME_READS}
    yield from ((Side.CRM, name, fields) for name, fields in crm.items())
    for source in sorted(mapping.read_touches):
        side, name, fields = TOUCH_READS[source]
        ours = (EVENT_KEY,) if name == MEMBER and MEMBER in activity_writes(mapping) else ()
        yield side, name, (*fields, *ours)


def rule_reads(entry: ObjectMapping, side: Side, object_name: str) -> list[str]:
    """What the rules and the condition of an object mapping read of one object, in their order."""
    names: list[str] = []
    for rule in entry.fields:
        own = rule.map if side is Side.MAP else rule.crm.get(object_name)
        names += [own] if own is not None else []
        if own is not None and side is rule.source:
            names += [*template_names(rule.template), *names_in(rule.when)]
    if side is Side.MAP:
        for text in (entry.include, *(rule.when for rule in entry.create_when)):
            names += names_in(text)
    return names


def contract_reads(mapping: PairMapping, side: Side, object_name: str) -> list[str]:
    """What a contract reads of people on one side: what its conditions name, what it writes."""
    contract = mapping.contract
    own = [d.name for d in _contract_fields(contract, side, object_name)]
    return [*_named(contract, side, object_name), *own]


def _named(contract: Contract, side: Side, object_name: str) -> list[str]:
    """Fields a contract's conditions name, without those the object certainly lacks: a CRM field
    may be the Lead's or the Contact's.
    """
    known = standard_schemas(side).get(object_name)
    names = [name.partition(".")[2] for name in contract.names if name.startswith(f"{side}.")]
    return [
        name
        for name in names
        if side is Side.MAP or is_custom(side, name) or known is None or name in known.fields
    ]


def _map_reads(entry: ObjectMapping) -> list[str]:
    names = rule_reads(entry, Side.MAP, entry.map_object)
    names += [name for rule in entry.identity for name in rule.map]
    return [*names, *_MAP_SYSTEM[entry.kind]]


def _crm_reads(entry: ObjectMapping, object_name: str) -> list[str]:
    names = rule_reads(entry, Side.CRM, object_name)
    names += [name for rule in entry.identity for name in rule.crm.get(object_name, ())]
    return [*names, *_COMMON, *_CRM_SYSTEM.get(object_name, ())]


def _key(object_name: str, name: str, *, length: int = 36, label: str) -> FieldDefinition:
    return FieldDefinition(
        object=object_name,
        name=name,
        label=label,
        type="text",
        length=length,
        unique=True,
        description="Written by Leadloop: joins this record to its counterpart. Do not edit.",
    )


def _map_fields(mapping: PairMapping) -> list[FieldDefinition]:
    found = [_key(e.map_object, MAP_KEY, label="Leadloop id") for e in mapping.objects]
    people = mapping.of_kind(EntityKind.PERSON)
    if people is None:
        return _distinct(found)
    found += _contract_fields(mapping.contract, Side.MAP, people.map_object)
    for rule in mapping.outcomes:
        if rule.map not in _BY_PROPERTY:
            continue  # the account's own property: it must exist, doctor does not create it
        label, type_ = _BY_PROPERTY[rule.map]
        found.append(
            FieldDefinition(
                object=people.map_object,
                name=rule.map,
                label=label,
                type=type_,
                scale=2 if rule.map in _MONEY else 0,
                description="Written by Leadloop: what the CRM knows about this person.",
            )
        )
    return _distinct(found)


def _crm_fields(mapping: PairMapping) -> list[FieldDefinition]:
    found = [
        _key(name, CRM_KEY, label="Leadloop Id")
        for entry in mapping.objects
        for name in entry.crm_objects
    ]
    found.extend(
        _key(object_name, EVENT_KEY, length=64, label="Leadloop Event Id")
        for object_name in activity_writes(mapping)
    )
    people = mapping.of_kind(EntityKind.PERSON)
    for object_name in people.crm_objects if people is not None else ():
        found += _contract_fields(mapping.contract, Side.CRM, object_name)
    kinds = rolled_up(mapping)
    if people is None or not kinds:
        return _distinct(found)
    for object_name in people.crm_objects:
        found += [
            _rollup(object_name, FIRST_ENGAGEMENT, "Leadloop first engagement", "datetime"),
            _rollup(object_name, LAST_ENGAGEMENT, "Leadloop last engagement", "datetime"),
        ]
        found += [_rollup(object_name, *COUNTERS[kind], "number") for kind in kinds]
        found.append(_rollup(object_name, LAST_CAMPAIGN, "Leadloop last campaign", "text"))
    return _distinct(found)


def _contract_fields(contract: Contract, side: Side, object_name: str) -> list[FieldDefinition]:
    """Where a person's stage and the facts the contract establishes are shown; none without one."""
    if not contract:
        return []
    facts = [FACT_FIELDS[fact] for fact in sorted(contract.facts())]
    return [
        FieldDefinition(
            object=object_name,
            name=names[side is Side.CRM],
            label=f"Leadloop {names[2].lower()}" if side is Side.CRM else names[2],
            type=names[3],
            description="Written by Leadloop from the lifecycle contract. Do not edit.",
        )
        for names in (*STAGE_FIELDS, *facts)
    ]


def _rollup(object_name: str, name: str, label: str, type_: str) -> FieldDefinition:
    return FieldDefinition(
        object=object_name,
        name=name,
        label=label,
        type=type_,
        description="Written by Leadloop from marketing events. Do not edit.",
    )


def _distinct(definitions: list[FieldDefinition]) -> list[FieldDefinition]:
    return list({(d.object, d.name): d for d in definitions}.values())
