"""The fourteen laws (README, What it promises) as claims about a town that has come to rest.

Each takes the town and fails with words that name what was broken. They look at both vendors'
content and at who did what there; Leadloop's own tables are asked only where the law is about
them (what is accounted for, explained, open).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from sqlalchemy import func, select

from mappings.records import EventKind, Operation, Record, RecordRef, Side
from mappings.required_fields import CRM_KEY, MAP_KEY
from state import events, identity, mirror, outbox, reviews
from state.ledger import LEDGER
from state.outbox import INTENTS
from state.store import Tx, table_of
from state.tables import LinkRow
from sync import recover
from sync.plan_consent import OPT_OUT_MAP
from sync.run import Report
from sync.views import ROLLUP_FIELDS
from tests.laws.town import FIELDS, OPT_OUT_CRM, Person, Town
from tests.laws.vendor import STAGE, rank

LINKS = table_of(LinkRow)
EXCUSED = {"held", "dead", "crm_deleted", "no_person", "out_of_scope"}
"""Words for events that are accounted for without having been logged."""


def law_1_no_duplicate_is_created(town: Town) -> None:
    """Nobody whom an exact address tied to a CRM record was created a second time, and no key was
    ever given to two records."""
    assert not town.salesforce.duplicates, f"created beside {town.salesforce.duplicates}"
    for vendor in (town.hubspot, town.salesforce):
        made = Counter((name, key) for name, key, _ in vendor.made)
        again = [key for key, times in made.items() if times > 1]
        assert not again, f"{vendor.system}: created more than once {again}"
    keys = Counter(
        (record.ref.object, record.fields[CRM_KEY])
        for name in ("Lead", "Contact", "Opportunity")
        for record in town.salesforce.all(name)
        if record.fields.get(CRM_KEY)
    )
    assert not [key for key, times in keys.items() if times > 1], f"a key on two records: {keys}"


def law_2_nothing_is_lost(town: Town) -> None:
    """N in is N accounted for: every event and every change has the word of what became of it,
    and every form fill of somebody in both systems is logged or excused."""
    with town.store.read() as tx:
        words = events.dispositions(tx)
        assert mirror.pending_count(tx) == 0, "changes nobody has decided about"
    told = {event.key for event in town.hubspot.told()}
    assert sum(words.values()) == len(told), f"{len(told)} events told, {words} accounted for"
    assert not {"pending", "journaled"} & set(words), f"events without an end: {words}"
    for person in _plain(town):
        for fill in person.fills:
            logged = town.world.task_of(fill)
            assert len(logged) == 1, f"{person}: {fill.key} was logged {len(logged)} times"
            assert logged[0].fields["WhoId"] == _crm(town, person).ref.id, f"{person}: at another"


def law_3_everything_lands_once(town: Town) -> None:
    """No form fill is two Tasks, no opportunity two deals, and counters say what happened."""
    for person in town.people:
        for fill in person.fills:
            assert len(town.world.task_of(fill)) <= 1, f"{person}: {fill.key} logged twice"
    deals = Counter(str(deal.fields["dealname"]) for deal in town.hubspot.all("deals"))
    twice = [name for name, times in deals.items() if times > 1]
    assert not twice, f"opportunities that are several deals: {twice}"
    for person in _plain(town):
        for kind in (EventKind.EMAIL_OPEN, EventKind.EMAIL_CLICK):
            shown = int(_crm(town, person).fields.get(ROLLUP_FIELDS[kind]) or 0)
            true = person.counts[kind]
            assert shown == true, f"{person}: {true} times {kind}, counted {shown}"


def law_5_owners_win(town: Town) -> None:
    """Who alone edited a field since the last rest finds that value on both sides; of two, the
    owner's stands. No blank of ours replaced a value, but where an undo put back what was blank.
    Edits that end where an undo left both sides are none that can be seen."""
    erased = town.hubspot.erased | town.salesforce.erased
    with town.store.read() as tx:
        stored = outbox.results(tx, erased)
    undone = {key for key, known in stored.items() if "undo" in known.intent.details}
    assert not erased.keys() - undone, f"a blank replaced a value: {erased}"
    for person in _plain(town):
        contact, crm = town.record(person, Side.MAP), _crm(town, person)
        assert contact is not None
        for name, (map_name, crm_name) in FIELDS.items():
            edits = person.edits.get(name, [])
            shown = (contact.fields.get(map_name), crm.fields.get(crm_name))
            if not edits or shown == person.undone.get(name):
                continue
            sides = {side for side, _ in edits}
            last = dict(edits)
            wanted = set(last.values()) if len(sides) == 2 else {last[edits[-1][0]]}
            assert shown[0] == shown[1], f"{person}: {name} differs: {shown} after {edits}"
            assert shown[0] in wanted, f"{person}: {name} is {shown[0]} after {edits}"


def law_6_forward_only(town: Town) -> None:
    """No write of ours takes a stage of the MAP back, and none undoes where people put somebody."""
    assert not town.hubspot.taken_back, f"stages taken back: {town.hubspot.taken_back}"
    for person in _plain(town):
        contact = town.record(person, Side.MAP)
        assert contact is not None
        shown = contact.fields[STAGE]
        assert rank(shown) >= rank(person.stage), f"{person}: {shown} after {person.stage}"


def law_7_opt_out_latches(town: Town) -> None:
    """Who opted out anywhere is opted out everywhere they are linked, and so is every other record
    of the same address, linked or not; we never opt anybody in."""
    for row in town.salesforce.history:
        assert row.fields.get(OPT_OUT_CRM) is not False, "opted somebody in in the CRM"
    for row in town.hubspot.history:
        assert row.operation is Operation.OPT_OUT or OPT_OUT_MAP not in row.fields
    for person in town.people:
        if person.out and town.linked(person):
            crm, contact = town.record(person, Side.CRM), town.record(person, Side.MAP)
            if crm is not None and crm.converted_to is None:
                assert crm.fields[OPT_OUT_CRM] is True, f"{person} still gets mail from sales"
            if contact is not None:
                assert contact.fields[OPT_OUT_MAP] == "true", f"{person} still gets mail"
    for address, records in _mailboxes(town).items():
        out = [
            r for r in records if r.fields.get(OPT_OUT_CRM) or r.fields.get(OPT_OUT_MAP) == "true"
        ]
        assert len(out) in (0, len(records)), f"{address}: some of {records} still get mail"


def _mailboxes(town: Town) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    live = [r for name in ("Lead", "Contact") for r in town.salesforce.all(name)]
    for record in (*town.hubspot.all("contacts"), *live):
        address = str(record.fields.get("email") or record.fields.get("Email") or "").lower()
        if address and record.converted_to is None:
            found.setdefault(address, []).append(record)
    return found


def law_8_the_dead_stay_dead(town: Town) -> None:
    """A record somebody deleted is not made again by us, nor is a deal."""
    alive = {str(deal.fields["dealname"]) for deal in town.hubspot.all("deals")}
    assert not alive & town.deleted_deals, f"deals that came back: {alive & town.deleted_deals}"
    for key, object_name, ids in _made_by_key(town):
        gone = [i for i in ids if town.salesforce.get(object_name, i).deleted]
        assert not gone or len(ids) == 1, f"{object_name} of {key} was made again after {gone}"


def law_9_everything_is_explained(town: Town) -> None:
    """Every row that reached a vendor was journaled before with a reason and a run; every one that
    is known to be done has its lines in the field ledger; every link says why."""
    sent = {row.key for vendor in (town.hubspot, town.salesforce) for row in vendor.history}
    with town.store.read() as tx:
        known = outbox.results(tx, sent)
        unexplained = sent - known.keys()
        assert not unexplained, f"{len(unexplained)} writes nobody journaled"
        done = {key for key, stored in known.items() if stored.status == "ok"}
        in_ledger = set(
            tx.connection.execute(select(LEDGER.c.intent_key).where(tx.mine(LEDGER))).scalars()
        )
        assert done <= in_ledger, f"{len(done - in_ledger)} writes without a ledger line"
        assert all(stored.intent.reason and stored.run_id for stored in known.values())
        bare = select(func.count()).where(tx.mine(LINKS), LINKS.c.reason == "")
        assert tx.connection.execute(bare).scalar_one() == 0, "links without a reason"


def law_12_a_used_up_allowance_is_left_alone(town: Town) -> None:
    """Once a side has said that the allowance is used up, that run writes nothing to it."""
    for vendor in (town.hubspot, town.salesforce):
        assert not vendor.after_quota, f"{vendor.system}: {vendor.after_quota} writes after it"


def law_14_ambiguity_abstains(town: Town) -> None:
    """Whoever is in review as possibly several people is linked with nobody; who shares an address
    with people of other names carries no key, nor do they, and nobody is made for them."""
    for contact, leads in town.strangers:
        assert town.hubspot.get("contacts", contact).fields[MAP_KEY] is None, "a stranger is linked"
        there = [town.salesforce.get("Lead", lead) for lead in leads]
        assert not [lead.ref for lead in there if lead.fields[CRM_KEY]], "linked with a stranger"
        same = town.salesforce.by("Lead", "Email", there[0].fields["Email"])
        assert len(same) == len(leads), "another Lead was made of a stranger"
    with town.store.read() as tx:
        asked = [
            item
            for item in reviews.items(tx, limit=1000)
            if item.kind == "match" and item.status == "open"
        ]
        subjects = [RecordRef.parse(item.subject) for item in asked]
        links = identity.links_of(tx, subjects)
        refused = _refused_creations(tx)
    for ref, link in links.items():
        assert link.entity_id in refused or link.reason == "no_counterpart", f"{ref} is linked"


def at_rest() -> list[Callable[[Town], None]]:
    """Every law that can be judged of a town at rest. The others are about a moment, and judged
    there by the machine: 4 (silence), 10 (dry runs), 11 (undo), 13 (approval)."""
    return [
        law_1_no_duplicate_is_created,
        law_2_nothing_is_lost,
        law_3_everything_lands_once,
        law_5_owners_win,
        law_6_forward_only,
        law_7_opt_out_latches,
        law_8_the_dead_stay_dead,
        law_9_everything_is_explained,
        law_12_a_used_up_allowance_is_left_alone,
        law_14_ambiguity_abstains,
    ]


def comes_to_rest(town: Town) -> None:
    """The vendors work again, the administrators have mended what they broke, the operator has
    every dead letter tried again: two runs do all there is to do (law 4), the second once the
    deletions that are held are held no more, a third writes nothing in either direction, and every
    law holds. Forgets who edited what where it has arrived."""
    town.calm()
    _ends_well(town.run(kind=recover.REPLAY))
    town.wait_for_held()
    _ends_well(town.run())
    nothing_is_open(town)
    before = town.writes()
    _ends_well(town.run())
    assert town.writes() == before, f"law 4: {town.writes() - before} writes without a cause"
    for law in at_rest():
        law(town)
    for person in town.people:
        if town.linked(person):
            person.met = True
            person.edits.clear()


def _ends_well(report: Report) -> None:
    assert report.error is None, f"law 4: a run without a fault ended with {report.error!r}"


def nothing_is_open(town: Town) -> None:
    """Nothing is under way and nothing waits: what rest means (law 2)."""
    with town.store.read() as tx:
        waiting = tx.connection.execute(
            select(INTENTS.c.operation, INTENTS.c.object, INTENTS.c.status).where(
                tx.mine(INTENTS), INTENTS.c.status.in_(outbox.UNSETTLED)
            )
        ).all()
        assert not waiting, f"writes without an outcome: {[tuple(row) for row in waiting]}"
        assert not identity.work(tx), "people who are still to be planned"


def _plain(town: Town) -> Iterator[Person]:
    """People about whom the truth is exact: untouched by merges and deletions, in both systems
    now that all is quiet."""
    for person in town.people:
        if person.plain and person.contact is not None and town.linked(person):
            yield person


def _crm(town: Town, person: Person) -> Record:
    record = town.record(person, Side.CRM)
    assert record is not None
    return record


def _made_by_key(town: Town) -> Iterator[tuple[str, str, list[str]]]:
    grouped: dict[tuple[str, str], list[str]] = {}
    for object_name, key, record_id in town.salesforce.made:
        grouped.setdefault((key, object_name), []).append(record_id)
    for (key, object_name), ids in grouped.items():
        yield key, object_name, ids


def _refused_creations(tx: Tx) -> set[str]:
    rows = tx.connection.execute(
        select(INTENTS.c.entity_id).where(
            tx.mine(INTENTS), INTENTS.c.operation == "create", INTENTS.c.status == "rejected"
        )
    )
    return set(rows.scalars())
