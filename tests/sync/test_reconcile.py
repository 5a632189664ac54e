"""What may have reached a vendor is looked up there, and told from what did not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mappings.errors import OutcomeUnknownError
from mappings.records import EventKind, Record
from state import identity, ledger, outbox
from tests.sync.world import Vendor, World


class Doubles(Vendor):
    """A vendor whose numbers come back as doubles, as Salesforce's do: 2 is 2.0."""

    def _store(self, record: Record) -> Record:
        fields = {n: float(v) if type(v) is int else v for n, v in record.fields.items()}
        return super()._store(replace(record, fields=fields))


def test_a_number_that_comes_back_as_a_double_has_arrived(tmp_path: Path) -> None:
    """Law 9: a write of numbers whose reply was lost is found, and has its lines in the ledger:
    dropped as not arrived it would be a write nobody can explain or undo."""
    world = World.build(tmp_path, vendor=Doubles)
    ann = world.contact("Ann", "Lee")
    lead = world.lead("Ann", "Lee")
    world.first()
    assert world.settled()
    world.happens(EventKind.EMAIL_OPEN, "ann.lee@example-lee.com")
    write = world.salesforce.write

    def lost(rows: list[object]) -> list[object]:
        world.salesforce.write = write  # type: ignore[method-assign]
        write(rows)  # type: ignore[arg-type]
        raise OutcomeUnknownError("the reply was lost", system="salesforce")

    world.salesforce.write = lost  # type: ignore[method-assign,assignment]
    world.run()
    written = [row for row in world.salesforce.history if "Leadloop_Emails_Opened__c" in row.fields]
    assert world.salesforce.get("Lead", lead).fields["Leadloop_Emails_Opened__c"] == 1.0
    report = world.run()
    assert report.counts["reconciled"] == {"found": 1}
    with world.store.read() as tx:
        assert "dropped" not in outbox.count_by_status(tx)
        link = identity.links_of(tx, [world.ref(ann)])[world.ref(ann)]
        lines = ledger.of_entities(tx, [link.entity_id])
    told = [line for line in lines if line.intent_key == written[-1].key]
    assert {line.field for line in told} == set(written[-1].fields)
    assert world.settled()
    world.close()
