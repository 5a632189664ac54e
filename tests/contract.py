"""The contract every connector keeps: one suite, inherited by each.

A connector's test module subclasses `ConnectorContract` and gives it a fixture `bench`: the
connector, and hands that act at the vendor behind the connector's back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from connectors.base import VendorConnector
from mappings.errors import RateLimitedError
from mappings.ports import FieldDefinition, Page
from mappings.records import (
    Json,
    Operation,
    Outcome,
    OutcomeStatus,
    Record,
    Write,
)
from tests.landed import LandedRows


class Puller:
    """One stream, pulled again and again as a run would: rows and cursor land together."""

    def __init__(self, connector: VendorConnector, stream: str) -> None:
        self.connector = connector
        self.stream = stream
        self.landed = LandedRows()
        self.cursor: Mapping[str, Json] | None = None

    def pages(self) -> Iterator[Page]:
        """Pull, landing page after page; stop asking to break off in the middle."""
        for page in self.connector.changes(self.stream, self.cursor, landed=self.landed):
            self.landed.land(self.stream, page)
            self.cursor = page.cursor
            yield page

    def pull(self) -> list[Record]:
        """Pull to the end; the records that came."""
        pages = list(self.pages())
        assert pages[-1].last
        assert not any(page.last for page in pages[:-1])
        return [record for page in pages for record in page.records]

    def live(self) -> set[str]:
        """Ids of the landed records that are not deleted."""
        rows = self.landed.records.get(self.stream, {}).values()
        return {r.ref.id for r in rows if not r.deleted}

    def row(self, record_id: str) -> Record:
        """A landed record."""
        return self.landed.records[self.stream][record_id]


class Bench(ABC):
    """A connector, its vendor, and what the suite must know of both."""

    connector: VendorConnector
    object_name: str
    archive_stream: str
    key_field: str
    text_field: str
    keeps_history: bool = True
    """Whether the vendor keeps the history of `text_field` from the creation on."""
    write_batch: int

    @abstractmethod
    def fields(self, number: int) -> dict[str, Json]:
        """Fields of a made-up person, in the vendor's names."""

    @abstractmethod
    def spoilt(self, number: int) -> dict[str, Json]:
        """The same with a value the vendor refuses."""

    @abstractmethod
    def put(self, number: int) -> str:
        """Somebody else creates that person."""

    @abstractmethod
    def flood(self, count: int, start: int) -> None:
        """An import: so many people, all with one modified time."""

    @abstractmethod
    def edit(self, record_id: str, text: str) -> None:
        """Somebody else sets `text_field`."""

    @abstractmethod
    def remove(self, record_id: str) -> None:
        """Somebody else deletes the record."""

    @abstractmethod
    def merge(self, winner: str, loser: str) -> str:
        """Somebody else merges; the id the person has now."""

    @abstractmethod
    def live(self) -> set[str]:
        """Ids of all live records at the vendor."""

    @abstractmethod
    def read(self, record_id: str) -> Mapping[str, Json]:
        """The record's fields at the vendor."""

    @abstractmethod
    def calls(self) -> int:
        """Calls the vendor saw since the last asking."""

    @abstractmethod
    def lose_reply(self, *, applied: bool) -> None:
        """The next write is applied or not, and its reply lost either way."""

    @abstractmethod
    def storm(self, calls: int) -> None:
        """The next calls are asked to pause."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Time passes at the vendor."""

    @property
    @abstractmethod
    def slept(self) -> float:
        """Seconds the connector has waited."""

    def create(self, number: int, *, key: str | None = None, spoilt: bool = False) -> Write:
        """A row that creates that person."""
        external = (self.key_field, key or str(uuid4()))
        fields = self.spoilt(number) if spoilt else self.fields(number)
        return Write(
            key=f"row-{number}",
            operation=Operation.CREATE,
            object=self.object_name,
            fields=fields,
            external_id=external,
        )

    def update(self, record_id: str, text: str, key: str | None = None) -> Write:
        """A row that sets `text_field`."""
        return Write(
            key=key or f"update-{record_id}",
            operation=Operation.UPDATE,
            object=self.object_name,
            fields={self.text_field: text},
            id=record_id,
        )

    def key_definition(self) -> FieldDefinition:
        """The key field, as doctor wants it."""
        return FieldDefinition(
            object=self.object_name,
            name=self.key_field,
            label="Leadloop Id",
            type="text",
            length=36,
            unique=True,
            description="The key Leadloop finds this record by.",
        )

    def puller(self) -> Puller:
        """A fresh inbox on the main stream."""
        return Puller(self.connector, self.object_name)


def by_key(outcomes: Sequence[Outcome]) -> dict[str, Outcome]:
    """Outcomes by row key; every key once."""
    found = {outcome.key: outcome for outcome in outcomes}
    assert len(found) == len(outcomes)
    return found


FLOOD = 650
"""More rows of one timestamp than fit three pages of HubSpot's search. The vendor's cap of 10,000
is crossed in `test_floods.py`, once, since it takes long."""


class ConnectorContract:
    """What every connector does. Fixture: `bench`."""

    def test_everything_is_pulled_once_on_a_first_pull(self, bench: Bench) -> None:
        """A pull without a cursor brings every live record with its fields."""
        ids = {bench.put(number) for number in range(7)}
        puller = bench.puller()
        records = puller.pull()
        assert ids <= puller.live() == bench.live()
        assert len(records) == len({r.ref.id for r in records})
        first = next(r for r in records if r.ref.id in ids)
        assert first.fields[bench.text_field]
        assert first.modified_at.tzinfo is not None

    def test_a_quiet_pull_costs_one_call(self, bench: Bench) -> None:
        """However many rows lie within the overlap, nothing changed is found out in one call."""
        bench.flood(FLOOD, start=0)
        puller = bench.puller()
        puller.pull()
        bench.wait(90)
        puller.pull()
        bench.calls()
        assert puller.pull() == []
        assert bench.calls() == 1

    def test_a_change_comes_with_the_next_pull(self, bench: Bench) -> None:
        """What somebody edits or creates between two pulls is in the second, and only that."""
        ids = [bench.put(number) for number in range(5)]
        puller = bench.puller()
        puller.pull()
        bench.wait(2)
        puller.pull()
        bench.edit(ids[2], "Edited")
        new = bench.put(50)
        assert {r.ref.id for r in puller.pull()} == {ids[2], new}
        assert puller.row(ids[2]).fields[bench.text_field] == "Edited"

    def test_two_edits_in_quick_succession_are_both_seen(self, bench: Bench) -> None:
        """An edit right after a pull is not hidden by the one before, however coarse the stamp."""
        record_id = bench.put(1)
        puller = bench.puller()
        puller.pull()
        for text in ("One", "Two", "Three"):
            bench.edit(record_id, text)
            puller.pull()
            assert puller.row(record_id).fields[bench.text_field] == text

    def test_a_flood_of_one_timestamp_is_pulled_whole(self, bench: Bench) -> None:
        """Many more rows than a page, all with one modified time, are each pulled."""
        bench.put(0)
        puller = bench.puller()
        puller.pull()
        bench.flood(FLOOD, start=1000)
        puller.pull()
        assert puller.live() == bench.live()
        assert len(puller.live()) == FLOOD + 1

    def test_edits_during_a_pull_are_not_missed(self, bench: Bench) -> None:
        """Records edited while pages are read show their last state after the next pull."""
        bench.flood(FLOOD, start=0)
        puller = bench.puller()
        puller.pull()
        bench.flood(FLOOD, start=5000)
        ids = sorted(bench.live())
        edited = {}
        for number, _ in enumerate(puller.pages()):
            for record_id in (ids[0], ids[-1], ids[number * 7 % len(ids)]):
                edited[record_id] = f"During {number}"
                bench.edit(record_id, edited[record_id])
            if number == 0:
                new = bench.put(99_000)
        bench.wait(1)
        puller.pull()
        assert puller.live() == bench.live()
        assert new in puller.live()
        for record_id, text in edited.items():
            assert puller.row(record_id).fields[bench.text_field] == text

    def test_a_pull_broken_off_is_taken_up_where_it_was(self, bench: Bench) -> None:
        """A pull that ends in the middle goes on from its cursor and omits nothing."""
        bench.flood(FLOOD, start=0)
        puller = bench.puller()
        for _ in puller.pages():
            break
        puller.pull()
        bench.flood(FLOOD, start=5000)
        for _ in puller.pages():
            break
        puller.pull()
        assert puller.live() == bench.live()

    def test_everything_there_is_can_be_counted(self, bench: Bench) -> None:
        """The census gives exactly the live records, stamped, and goes on behind a page."""
        bench.flood(FLOOD, start=0)
        gone = bench.put(7000)
        pull = bench.puller()
        pull.pull()
        bench.remove(gone)
        pages = list(bench.connector.census(bench.object_name, None))
        assert [page.last for page in pages] == [*(len(pages) - 1) * [False], True]
        stamps = {r.ref.id: r.modified_at for page in pages for r in page.records}
        assert stamps.keys() == bench.live()
        assert stamps == {name: pull.row(name).modified_at for name in stamps}
        rest = bench.connector.census(bench.object_name, pages[0].cursor) if pages[1:] else ()
        again = [r.ref.id for page in rest for r in page.records]
        assert again == [r.ref.id for page in pages[1:] for r in page.records]

    def test_a_deleted_record_is_seen(self, bench: Bench) -> None:
        """A deletion arrives as a deleted record, in the stream that is there for it."""
        record_id = bench.put(1)
        puller = Puller(bench.connector, bench.archive_stream)
        puller.pull()
        bench.remove(record_id)
        puller.pull()
        assert puller.row(record_id).deleted
        assert bench.connector.fetch(bench.object_name, [record_id]) == []

    def test_a_merge_is_followed(self, bench: Bench) -> None:
        """After a merge the loser names its winner, in the stream and when it is fetched."""
        winner, loser = bench.put(1), bench.put(2)
        puller = bench.puller()
        puller.pull()
        now = bench.merge(winner, loser)
        puller.pull()
        assert puller.row(loser).merged_into == now
        fetched = {r.ref.id: r for r in bench.connector.fetch(bench.object_name, [loser])}
        assert fetched[loser].merged_into == now
        assert not fetched[now].deleted

    def test_the_history_of_a_field_tells_its_values(self, bench: Bench) -> None:
        """Where the vendor keeps a field's history it tells what it was given, when and by what,
        newest first; of what it does not keep, and of records that are not there, nothing."""
        edited, untouched = bench.put(1), bench.put(2)
        bench.wait(60)
        bench.edit(edited, "Lovelace")
        (done,) = bench.connector.write([bench.update(edited, "Byron")])
        assert done.status is OutcomeStatus.OK
        found = bench.connector.versions(
            bench.object_name,
            {edited: [bench.text_field], untouched: [bench.text_field], "999999": ["nothing"]},
        )
        assert set(found) <= {(edited, bench.text_field), (untouched, bench.text_field)}
        if bench.keeps_history:
            first = found[(untouched, bench.text_field)][0]
            ours, theirs, *_ = found[(edited, bench.text_field)]
            assert theirs.at - first.at >= timedelta(seconds=59)
            assert (ours.value, theirs.value) == ("Byron", "Lovelace")
            assert ours.by != theirs.by

    def test_a_create_by_key_is_idempotent(self, bench: Bench) -> None:
        """Sending a create again updates the record it made: there is never a second one."""
        rows = [bench.create(number) for number in range(3)]
        first = by_key(bench.connector.write(rows))
        again = by_key(bench.connector.write(rows))
        assert all(o.status is OutcomeStatus.OK for o in (*first.values(), *again.values()))
        assert all(o.created for o in first.values())
        assert not any(o.created for o in again.values())
        assert {k: o.id for k, o in first.items()} == {k: o.id for k, o in again.items()}
        assert len(bench.live()) == 3

    def test_one_outcome_per_row_beyond_a_batch(self, bench: Bench) -> None:
        """More rows than a batch holds take as few calls as that needs, each with its outcome."""
        rows = [bench.create(number) for number in range(bench.write_batch + 5)]
        bench.calls()
        outcomes = by_key(bench.connector.write(rows))
        assert bench.calls() == 2
        assert set(outcomes) == {row.key for row in rows}
        assert {o.id for o in outcomes.values()} == bench.live()
        for row in rows[:: bench.write_batch // 2]:
            record = bench.read(str(outcomes[row.key].id))
            assert record[bench.text_field] == row.fields[bench.text_field]

    def test_a_bad_row_never_fails_the_others(self, bench: Bench) -> None:
        """The vendor's refusal of one row is that row's outcome, with a code and a remedy."""
        rows = [bench.create(number, spoilt=number == 4) for number in range(9)]
        outcomes = by_key(bench.connector.write(rows))
        refused = outcomes.pop("row-4")
        assert refused.status is OutcomeStatus.REJECTED
        assert refused.error is not None
        assert refused.error.code != "internal"
        assert refused.error.remedy
        assert all(o.status is OutcomeStatus.OK for o in outcomes.values())
        assert len(bench.live()) == 8

    def test_an_error_holds_no_personal_data(self, bench: Bench) -> None:
        """The text of an error repeats no value of the row."""
        row = bench.create(4, spoilt=True)
        (outcome,) = bench.connector.write([row])
        assert outcome.error is not None
        shown = f"{outcome.error} {outcome.error.as_dict()}"
        assert not [v for v in row.fields.values() if len(str(v)) > 3 and str(v) in shown]

    def test_a_delete_may_be_sent_twice(self, bench: Bench) -> None:
        """A deleted row is gone, deleting it again is fine, and the others stay."""
        gone, kept = bench.put(1), bench.put(2)
        row = Write("delete", Operation.DELETE, bench.object_name, {}, id=gone)
        for _ in range(2):
            (outcome,) = bench.connector.write([row])
            assert (outcome.status, outcome.key) == (OutcomeStatus.OK, "delete")
        assert bench.live() == {kept}
        assert bench.connector.fetch(bench.object_name, [gone]) == []

    def test_erasing_deletes_for_good_and_may_be_sent_twice(self, bench: Bench) -> None:
        """Erased records cannot be read any more; erasing them again, or one that never was, is no
        error; others stay."""
        gone, stays = bench.put(1), bench.put(2)
        for _ in range(2):
            (outcome,) = bench.connector.erase(bench.object_name, [gone])
            assert outcome.status is OutcomeStatus.OK
        assert bench.live() == {stays}
        assert [r for r in bench.connector.fetch(bench.object_name, [gone]) if not r.deleted] == []
        assert bench.connector.erase(bench.object_name, []) == []

    def test_updates_reach_the_record_in_order(self, bench: Bench) -> None:
        """Two updates of one record in one write are both outcomes, and the later one stays."""
        record_id = bench.put(1)
        rows = [bench.update(record_id, "First", "a"), bench.update(record_id, "Second", "b")]
        outcomes = by_key(bench.connector.write(rows))
        assert {o.status for o in outcomes.values()} == {OutcomeStatus.OK}
        assert bench.read(record_id)[bench.text_field] == "Second"

    def test_an_update_of_a_deleted_record_is_refused(self, bench: Bench) -> None:
        """A row for a record that is gone is rejected; the dead are not brought back."""
        kept, gone = bench.put(1), bench.put(2)
        bench.remove(gone)
        outcomes = by_key(
            bench.connector.write([bench.update(gone, "Late"), bench.update(kept, "Fine")])
        )
        assert outcomes[f"update-{gone}"].status is OutcomeStatus.REJECTED
        assert outcomes[f"update-{kept}"].status is OutcomeStatus.OK
        assert gone not in bench.live()

    @pytest.mark.parametrize("applied", [True, False])
    def test_a_lost_reply_is_unknown_and_found_by_its_key(
        self, bench: Bench, applied: bool
    ) -> None:
        """A write whose reply is lost is never sent again; its key tells what became of it."""
        rows = [bench.create(number) for number in range(3)]
        bench.lose_reply(applied=applied)
        bench.calls()
        outcomes = by_key(bench.connector.write(rows))
        assert bench.calls() == 1
        assert {o.status for o in outcomes.values()} == {OutcomeStatus.UNKNOWN}
        keys = [row.external_id[1] for row in rows if row.external_id]
        found = bench.connector.find(bench.object_name, bench.key_field, keys)
        assert len(found) == (3 if applied else 0)
        settled = by_key(bench.connector.write(rows))
        assert {o.status for o in settled.values()} == {OutcomeStatus.OK}
        assert len(bench.live()) == 3

    def test_a_short_storm_is_waited_out(self, bench: Bench) -> None:
        """Asked to pause, reads and writes wait and go on, within five seconds."""
        bench.storm(2)
        (outcome,) = bench.connector.write([bench.create(1)])
        assert outcome.status is OutcomeStatus.OK
        bench.storm(2)
        bench.puller().pull()
        assert 0 < bench.slept <= 10

    def test_a_long_storm_goes_back_to_the_scheduler(self, bench: Bench) -> None:
        """A storm that lasts raises RateLimitedError before five seconds are waited, and nothing
        was applied.
        """
        bench.storm(50)
        with pytest.raises(RateLimitedError) as raised:
            bench.connector.write([bench.create(1)])
        assert raised.value.retry_after >= 1
        assert bench.slept <= 5
        assert bench.live() == set()

    def test_the_schema_is_described(self, bench: Bench) -> None:
        """Describe names the key field as the unique external id it is."""
        fields = bench.connector.describe(bench.object_name).fields
        key = fields[bench.key_field]
        assert key.external_id
        assert key.unique
        assert key.createable
        assert key.type == "text"
        assert fields[bench.text_field].updateable

    def test_an_object_that_is_not_there_is_described_as_such(self, bench: Bench) -> None:
        """An object the account does not have, or does not show, has no field and is no error."""
        nobody = bench.connector.describe("Nobody__c")
        assert not nobody.is_there
        assert bench.connector.describe(bench.object_name).is_there

    def test_ensuring_a_field_is_idempotent(self, bench: Bench) -> None:
        """A field is created once; asking again says that it is there."""
        wanted = FieldDefinition(
            object=bench.object_name,
            name=f"{bench.key_field[:8]}_extra{'__c' if bench.key_field.endswith('__c') else ''}",
            label="Leadloop extra",
            type="number",
        )
        (first,) = bench.connector.ensure_fields([wanted])
        (again,) = bench.connector.ensure_fields([wanted])
        assert (first.status, first.created) == (OutcomeStatus.OK, True)
        assert (again.status, again.created) == (OutcomeStatus.OK, False)
        assert first.key == again.key == f"{wanted.object}.{wanted.name}"
        assert wanted.name in bench.connector.describe(bench.object_name).fields

    def test_the_account_is_named(self, bench: Bench) -> None:
        """Check says whose account it is, the same every time."""
        first, again = bench.connector.check(), bench.connector.check()
        assert first.account_id
        assert (first.account_id, first.user_id) == (again.account_id, again.user_id)

    def test_writing_nothing_is_nothing(self, bench: Bench) -> None:
        """An empty write has no outcome and costs no call."""
        bench.calls()
        assert bench.connector.write([]) == []
        assert bench.calls() == 0
