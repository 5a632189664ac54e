"""Planning consent: who opted out anywhere is opted out everywhere (law 7). Pure.

Consent goes by person and by address. Every record of an opted-out person is opted out, and so is
every other record with one of their addresses, whether it belongs to somebody else, to nobody, or
waits in review: it is the same mailbox. Nothing here ever opts anybody in.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.fieldmap import ValueType
from mappings.ports import Lane
from mappings.records import Json, Operation, Record, Side
from mappings.values import canonical
from state.outbox import Intent
from sync.bonds import BondPlan
from sync.intents import Draft, FieldChange, make
from sync.views import EntityView, Rules

OPT_OUT_MAP = "hs_email_optout"
"""The MAP's read-only property that says a contact takes no mail at all (FACTS section 2)."""


def opted_out(record: Record) -> bool:
    """Whether a MAP contact takes no mail at all."""
    return canonical(record.fields.get(OPT_OUT_MAP), ValueType.BOOLEAN) is True


def opt_outs(view: EntityView, rules: Rules) -> Iterator[Intent]:
    """The most restrictive state for every record of the person, and for their neighbours'."""
    if not view.opted_out:
        return
    for record in (*view.crm_records, *view.map_records):
        yield from _of(record, view.entity_id, rules)
    for neighbour in view.neighbours:
        yield from _of(neighbour.record, neighbour.owner, rules)


def opt_out_of_new_address(view: EntityView, bond: BondPlan) -> Iterator[Intent]:
    """Somebody opted out in the CRM is about to get the address they are mailed at: the address
    is opted out first, so that there is no moment in which it takes mail."""
    record, email = view.map_record, bond.writes[Side.MAP].get("email")
    if view.opted_out and record is not None and email and not record.fields.get("email"):
        yield _on_map(record, view.entity_id, email)


def _of(record: Record, owner: str, rules: Rules) -> Iterator[Intent]:
    """What opts this record out, where it is not."""
    if record.ref.system == rules.map_system:
        email = record.fields.get("email")
        if email and not opted_out(record):
            yield _on_map(record, owner, email)
        return
    for consent in rules.mapping.consent:
        flag = consent.crm.get(record.ref.object) if consent.subscription is None else None
        if flag and flag in record.fields and record.fields[flag] is not True:
            change = FieldChange(flag, record.fields[flag], True, "consent")
            yield _opt_out(record, owner, Side.CRM, {flag: True}, change)


def _on_map(record: Record, owner: str, email: Json) -> Intent:
    fields = {"email": email, "subscription": None}
    change = FieldChange(OPT_OUT_MAP, False, True, "consent")
    return _opt_out(record, owner, Side.MAP, fields, change)


def _opt_out(
    record: Record, owner: str, side: Side, fields: dict[str, Json], change: FieldChange
) -> Intent:
    return make(
        Draft(
            entity_id=owner,
            side=side,
            system=record.ref.system,
            operation=Operation.OPT_OUT,
            object=record.ref.object,
            fields=fields,
            lane=Lane.CONSENT,
            reason="opted_out",
            target=record,
            changes=[change],
        )
    )
