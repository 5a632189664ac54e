"""Planning consent: who opted out anywhere is opted out everywhere (law 7). Pure.

Consent goes by person and by address. Every record of an opted-out person is opted out, and so is
every other record with one of their addresses, whether it belongs to somebody else, to nobody, or
waits in review: it is the same mailbox. It goes no further than it was meant: a refusal of all mail
is one scope, each subscription type with a CRM flag of its own another (BEHAVIOURS, Consent).
Nothing here ever opts anybody in.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.fieldmap import ConsentRule, EntityKind, PairMapping, ValueType
from mappings.ports import Lane
from mappings.records import Json, Operation, Record, Side
from mappings.required_fields import opt_out_property
from mappings.values import canonical
from state.outbox import Intent
from sync.bonds import BondPlan
from sync.intents import Draft, FieldChange, make
from sync.views import EntityView, Rules, Scope

OPT_OUT_MAP = opt_out_property(None)
"""The MAP's property that says a contact takes no mail at all."""


def opted_out(record: Record, scope: Scope = None) -> bool:
    """Whether a MAP contact takes no mail at all, or none of that subscription type."""
    return canonical(record.fields.get(opt_out_property(scope)), ValueType.BOOLEAN) is True


def refusals(mapping: PairMapping, record: Record) -> frozenset[Scope]:
    """What a record of either side says that its person refuses."""
    found = {r.subscription for r in mapping.consent if _says(record, _flag_of(r, record))}
    return frozenset(found | ({None} if opted_out(record) else set()))


def missing(
    mapping: PairMapping, record: Record, refused: frozenset[Scope]
) -> Iterator[tuple[Scope, str]]:
    """What the record does not say of these refusals, though it could: (scope, the flag)."""
    silent = refused - refusals(mapping, record)
    people = mapping.of_kind(EntityKind.PERSON)
    if people is not None and record.ref.object == people.map_object:
        for scope in sorted(silent, key=str):
            flag = opt_out_property(scope)
            if record.fields.get("email") and (scope is None or flag in record.fields):
                yield scope, flag
        return
    for rule in mapping.consent:
        flag = rule.crm.get(record.ref.object, "")
        if rule.subscription in silent and flag in record.fields:
            yield rule.subscription, flag


def opt_outs(view: EntityView, rules: Rules) -> Iterator[Intent]:
    """The most restrictive state for every record of the person, and for their neighbours'."""
    if not view.refused:
        return
    for record in (*view.crm_records, *view.map_records):
        yield from _of(record, view, view.entity_id, rules)
    for neighbour in view.neighbours:
        yield from _of(neighbour.record, view, neighbour.owner, rules)


def opt_out_of_new_address(view: EntityView, bond: BondPlan) -> Iterator[Intent]:
    """Somebody opted out in the CRM is about to get the address they are mailed at: the address
    is opted out first, so that there is no moment in which it takes mail."""
    record, email = view.map_record, bond.writes[Side.MAP].get("email")
    if record is not None and email and not record.fields.get("email"):
        for scope in sorted(view.refused, key=str):
            yield _on_map(record, view.entity_id, email, scope)


def _says(record: Record, flag: str) -> bool:
    return canonical(record.fields.get(flag), ValueType.BOOLEAN) is True


def _flag_of(rule: ConsentRule, record: Record) -> str:
    return rule.crm.get(record.ref.object) or opt_out_property(rule.subscription)


def _of(record: Record, view: EntityView, owner: str, rules: Rules) -> Iterator[Intent]:
    """What opts this record out, where it is not."""
    for scope, flag in missing(rules.mapping, record, view.refused):
        if record.ref.system == rules.map_system:
            yield _on_map(record, owner, record.fields["email"], scope)
        else:
            change = FieldChange(flag, record.fields[flag], True, "consent")
            yield _opt_out(record, owner, Side.CRM, {flag: True}, change)


def _on_map(record: Record, owner: str, email: Json, scope: Scope) -> Intent:
    fields = {"email": email, "subscription": scope}
    change = FieldChange(opt_out_property(scope), False, True, "consent")
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
