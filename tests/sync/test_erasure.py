"""Erasure: nothing is kept about an erased person, and nobody brings them back (law 8)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from mappings.errors import ConfigurationError, StateError, UnavailableError
from mappings.records import EventKind, Malformed, Outcome
from state import quarantine, tombstones
from state.database import sqlite_module
from state.tables import METADATA
from state.traces import IMPERSONAL, PLACES, rows_of
from sync.crash import Crash, watched
from sync.erasure.act import Erased, erase, finish, preview, screen_of
from sync.erasure.files import ErasureFiles
from sync.erasure.later import allow_again, catch_up, missing
from sync.erasure.screen import ErasureScreen
from sync.pair import Pair
from tests.sync.commands import Workspace
from tests.sync.world import World

ADDRESS = "grete.ohlsen@example-ohlsen.com"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Grete, who is to be erased, and Ivo, who is not; both linked, with Tasks and a deal role."""
    made = World.build(tmp_path)
    grete = made.contact("Grete", "Ohlsen", phone="+49 30 901820", jobtitle="Head of Oddities")
    made.contact("Ivo", "Brandt", phone="+49 30 901820")
    made.crm_contact("Grete", "Ohlsen", Title="Head of Curiosities")
    made.crm_contact("Ivo", "Brandt")
    assert grete
    made.first()
    made.fills(ADDRESS, "Whitepaper")
    made.fills("ivo.brandt@example-brandt.com")
    made.run()
    yield made
    made.close()


def whole_state(world: World) -> str:
    """Every row of every table as text."""
    with world.store.read() as tx:
        rows = [
            [str(value) for value in row]
            for table in METADATA.sorted_tables
            for row in tx.connection.execute(select(table))
        ]
    return json.dumps(rows).lower()


def files_hold(folder: Path, *texts: str) -> list[str]:
    """Which of these texts stand in any file of the folder, byte by byte."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes().lower()
            found += [f"{path.name}: {t}" for t in texts if t.lower().encode() in data]
    return found


def test_every_table_is_either_personal_or_said_why_not() -> None:
    """A new table cannot be forgotten: it stands among the places or the impersonal ones."""
    places = {place.table.name for place in PLACES}
    assert places | set(IMPERSONAL) == set(METADATA.tables)
    assert not places & set(IMPERSONAL)


def test_nothing_is_kept_and_others_lose_nothing(world: World, tmp_path: Path) -> None:
    """State and files hold no name, address, number or id of hers; Ivo has all he had."""
    before = whole_state(world)
    assert ADDRESS in before
    assert "ohlsen" in before
    found = erase(world.store, [ADDRESS])
    assert found.people == 1
    assert found.removed["entities"] == 1
    after = whole_state(world)
    for text in (ADDRESS, "ohlsen", "grete", "oddities", "curiosities"):
        assert text not in after
    assert after.count("brandt") == before.count("brandt")
    assert files_hold(tmp_path, ADDRESS, "ohlsen", "oddities") == []


def test_she_is_offered_again_and_never_taken(world: World) -> None:
    """Edits on both sides, a new contact with her address in another spelling, a Lead with her
    number and name, a form, an unreadable row: nothing lands, nothing is written, and it is said.
    """
    erase(world.store, [ADDRESS])
    written = world.writes()
    [contact] = world.hubspot.by("contacts", "email", ADDRESS)
    world.hubspot.edit("contacts", contact.ref.id, {"jobtitle": "Back again"})
    [crm] = world.salesforce.by("Contact", "Email", ADDRESS)
    world.salesforce.edit("Contact", crm.ref.id, {"Title": "Back again"})
    world.contact("Grete", "Ohlsen", email="Grete.Ohlsen+fair@example-ohlsen.com")
    world.lead("Grete", "Ohlsen", Email="other@example-other.com", Phone="+49 30 901820")
    world.fills(ADDRESS)
    world.happens(EventKind.EMAIL_OPEN, ADDRESS)
    with world.store.begin() as tx:
        row = Malformed("hubspot", "contacts", "", "bad_field", f'{{"email": "{ADDRESS}"}}')
        assert quarantine.set_aside(tx, "run", [row]) == 0
    report = world.run()
    assert world.writes() == written
    assert report.counts["erased_kept_out"]["records"] >= 4
    assert report.counts["erased_kept_out"]["events"] >= 2
    assert "ohlsen" not in whole_state(world)
    assert world.settled()


def test_a_colleague_at_the_same_number_is_not_kept_out(world: World) -> None:
    """A switchboard's number alone is nobody's: Ivo, who has hers, goes on as before."""
    erase(world.store, [ADDRESS])
    [ivo] = world.hubspot.by("contacts", "firstname", "Ivo")
    world.hubspot.edit("contacts", ivo.ref.id, {"jobtitle": "Director"})
    world.run()
    assert world.counterpart(ivo.ref.id).fields["Title"] == "Director"


def test_somebody_nobody_knows_is_kept_out_from_then_on(world: World) -> None:
    """An address that is not in the state yet gets its tombstone; an id nobody has is told."""
    found = erase(world.store, ["new.comer@example-new.com", "hubspot:contacts:999999"])
    assert (found.people, found.unknown) == (1, [1])
    world.contact("New", "Comer", email="new.comer@example-new.com")
    world.run()
    assert "new.comer" not in whole_state(world)


def test_another_persons_shared_address_does_not_take_them_along(world: World) -> None:
    """Grete has an assistant's address as her second one: the assistant stays, address and all."""
    boss = world.contact("Paula", "Quist", hs_additional_emails="ivo.brandt@example-brandt.com")
    world.run()
    erase(world.store, [f"hubspot:contacts:{boss}"])
    assert "quist" not in whole_state(world)
    [ivo] = world.hubspot.by("contacts", "firstname", "Ivo")
    world.hubspot.edit("contacts", ivo.ref.id, {"jobtitle": "Director"})
    world.run()
    assert world.counterpart(ivo.ref.id).fields["Title"] == "Director"


def test_both_vendors_delete_them_where_that_is_asked(world: World) -> None:
    """With the vendors in it, her records and the Tasks we made are deleted, Ivo's are not."""
    found = erase(
        world.store, [ADDRESS], connect=lambda: contextlib.nullcontext(world.pair), at_vendors=True
    )
    assert found.error is None
    assert found.deleted == {"contacts": 1, "Contact": 1, "Task": 1}
    assert world.hubspot.by("contacts", "firstname", "Grete") == []
    assert world.salesforce.by("Contact", "FirstName", "Grete") == []
    assert len(world.salesforce.all("Task")) == 1
    assert world.hubspot.by("contacts", "firstname", "Ivo")
    assert found.waiting == 0


class Down:
    """A connector that cannot be reached until it is told."""

    def __init__(self, inner: object) -> None:
        self.inner = inner
        self.down = True

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def erase(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Unavailable while it is down."""
        if self.down:
            raise UnavailableError("nothing listens at the address", system="hubspot")
        answered: list[Outcome] = self.inner.erase(object_name, ids)  # type: ignore[attr-defined]
        return answered


def test_a_vendor_that_is_down_is_asked_again_by_the_next_run(world: World) -> None:
    """The state is emptied all the same; the deletion waits, is counted, and comes later."""
    down = Down(world.hubspot)
    pair = replace(world.pair, map_side=down)  # type: ignore[arg-type]
    found = erase(
        world.store, [ADDRESS], connect=lambda: contextlib.nullcontext(pair), at_vendors=True
    )
    assert found.error is not None
    assert (found.waiting, found.deleted["Contact"]) == (1, 1)
    assert ADDRESS not in whole_state(world)
    down.down = False
    report = world.run()
    assert report.counts["erasures_waiting"] == 0
    assert world.hubspot.by("contacts", "firstname", "Grete") == []


@pytest.mark.parametrize(
    "point", ["after_tombstones", "after_listed", "after_removed", "after_vendors"]
)
def test_killed_half_way_it_is_finished_by_the_next_run(
    world: World, tmp_path: Path, point: str
) -> None:
    """From the first tombstone on nothing lands; the rest is done by whoever comes next, up to the
    last byte."""

    def kill(name: str) -> None:
        if name == point:
            raise Crash

    def connect() -> contextlib.AbstractContextManager[Pair]:
        return contextlib.nullcontext(world.pair)

    with watched(kill), pytest.raises(Crash):
        erase(world.store, [ADDRESS], connect=connect, at_vendors=True)
    world.fills(ADDRESS)
    world.run()
    assert world.hubspot.by("contacts", "firstname", "Grete") == []
    assert "ohlsen" not in whole_state(world)
    assert files_hold(tmp_path, ADDRESS, "ohlsen") == []
    files = screen_of(world.store).files
    assert len(list(files.entries())) == 1
    with world.store.read() as tx:
        assert tombstones.open_erasures(tx) == []


def test_files_that_cannot_be_rewritten_yet_hold_up_nobody(world: World, tmp_path: Path) -> None:
    """Somebody reads an older view all the while: her rows are gone, the erasure says why it is not
    done, runs go on, and one of them rewrites the files once that is over."""
    file = world.store.file
    if file is None:
        pytest.skip("PostgreSQL's files are its own")
    event.listen(world.store.engine, "checkout", _never_wait)
    reader = sqlite_module().connect(file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM runs").fetchall()
    found = erase(world.store, [ADDRESS])
    assert found.error is not None
    assert found.error.code == "state.held"
    assert "ohlsen" not in whole_state(world)
    assert world.run().status == "ok"
    reader.close()
    world.run()
    assert files_hold(tmp_path, ADDRESS, "ohlsen") == []
    with world.store.read() as tx:
        assert tombstones.open_erasures(tx) == []


def _never_wait(connection: Any, *_: Any) -> None:
    connection.execute("PRAGMA busy_timeout=0")


def test_a_restored_backup_forgets_her_first(tmp_path: Path) -> None:
    """A state from before the erasure, with the list beside it, loses her when it is opened."""
    world = World.build(tmp_path)
    world.contact("Grete", "Ohlsen")
    world.crm_contact("Grete", "Ohlsen")
    world.first()
    world.fills(ADDRESS)
    world.run()
    with world.store.scratch() as older:
        erase(world.store, [ADDRESS])
        screen = screen_of(world.store)
        restored = replace(older, screen=ErasureScreen(screen.ground, screen.files))
        assert len(missing(restored)) == 1
        assert catch_up(restored) == 1
        assert missing(restored) == []
        with restored.read() as tx:
            text = str(
                [
                    list(row)
                    for t in METADATA.sorted_tables
                    for row in tx.connection.execute(select(t))
                ]
            )
        assert "ohlsen" not in text.lower()
    world.close()


def test_newer_consent_lifts_it_and_older_does_not(world: World) -> None:
    """Only evidence newer than the erasure allows them back; the list keeps both."""
    erase(world.store, [ADDRESS])
    now = world.store.clock()
    with pytest.raises(ConfigurationError, match="not newer"):
        allow_again(world.store, ADDRESS, evidence="old form", at=now - timedelta(days=3))
    with pytest.raises(ConfigurationError, match="nobody was erased"):
        allow_again(world.store, "ivo@example.org", evidence="fair", at=now)
    for nobody in ("51", "Lead:00Q1", "info@example-ohlsen.com"):
        with pytest.raises(ConfigurationError, match="nobody was erased"):
            allow_again(world.store, nobody, evidence="fair", at=now)
    assert allow_again(world.store, ADDRESS, evidence="signed up again", at=now + timedelta(days=1))
    [contact] = world.hubspot.by("contacts", "email", ADDRESS)
    world.hubspot.edit("contacts", contact.ref.id, {"jobtitle": "Back again"})
    world.run()
    assert ADDRESS in whole_state(world)
    assert missing(world.store) == []


def test_without_its_key_the_state_is_not_opened(world: World, tmp_path: Path) -> None:
    """A lost key is an error with the remedy, never a state that forgets whom it had erased."""
    erase(world.store, [ADDRESS])
    screen = screen_of(world.store)
    elsewhere = ErasureFiles(tmp_path / "elsewhere")
    with pytest.raises(StateError) as lost:
        ErasureScreen(screen.ground, elsewhere, screen.digests)
    assert lost.value.code == "erasure.key_missing"
    elsewhere.make_seal()
    elsewhere.list_path.write_text(screen.files.list_path.read_text())
    other = replace(world.store, screen=ErasureScreen(screen.ground, elsewhere, ()))
    with pytest.raises(StateError) as wrong:
        missing(other)
    assert wrong.value.code == "erasure.key_wrong"


def test_a_list_that_cannot_be_written_stops_it_before_anything_goes(world: World) -> None:
    """Where the list is damaged nothing is erased, and file and line are named."""
    files = screen_of(world.store).files
    files.folder.mkdir(exist_ok=True)
    files.list_path.write_text("{broken\n{}\n")
    with pytest.raises(StateError) as error:
        erase(world.store, [ADDRESS])
    assert error.value.code == "erasure.unreadable"
    assert "erasures.jsonl:1:1" in error.value.message
    assert ADDRESS in whole_state(world)


def test_a_line_torn_by_a_power_cut_is_no_line(world: World) -> None:
    """What was being written when the power went is cut off, and the list goes on."""
    erase(world.store, [ADDRESS])
    files = screen_of(world.store).files
    with files.list_path.open("a") as file:
        file.write('{"id": "torn')
    erase(world.store, ["ivo.brandt@example-brandt.com"])
    assert len(list(files.entries())) == 2


def test_files_are_for_their_owner_alone_and_name_nobody(world: World) -> None:
    """Key and list are at mode 0600; the list holds hashes only."""
    erase(world.store, [ADDRESS])
    files = screen_of(world.store).files
    for path in (files.key_path, files.list_path):
        assert path.stat().st_mode & 0o777 == 0o600
    assert "ohlsen" not in files.list_path.read_text().lower()


def test_export_gives_out_what_erasing_would_remove(world: World) -> None:
    """The rows of an export are hers alone, and come from every kind of table that has her."""
    [somebody] = preview(world.store, [ADDRESS])
    assert somebody is not None
    with world.store.read() as tx:
        rows = list(rows_of(tx, somebody.traces))
    tables = {table for table, _ in rows}
    assert {"records", "links", "events", "field_ledger", "intents", "entities"} <= tables
    assert "brandt" not in str([row for table, row in rows if table != "decisions"]).lower()


def test_a_thousand_erased_people_are_offered_again(tmp_path: Path) -> None:
    """By edits and forms on both sides: nothing is linked, written or stored of any of them. Every
    tenth was known before."""
    world = World.build(tmp_path)
    people = [(f"Given{n}", f"Family{n}") for n in range(1000)]
    ids = [world.contact(first, last) for first, last in people[::10]]
    world.first()
    emails = [f"{first}.{last}@example-{last}.com".lower() for first, last in people]
    found = erase(world.store, emails)
    assert found.people == 1000
    written = world.writes()
    for record_id in ids:
        world.hubspot.edit("contacts", record_id, {"jobtitle": "Here again"})
    for first, last in people:
        world.lead(first, last)
        world.fills(f"{first}.{last}@example-{last}.com".lower())
    report = world.run()
    assert world.writes() == written
    assert report.counts["erased_kept_out"]["records"] >= 1100
    assert report.counts["erased_kept_out"]["events"] == 1000
    state = whole_state(world)
    assert [e for e in emails if e in state] == []
    world.close()
    assert files_hold(tmp_path, "@example-family") == []


def test_finishing_when_nothing_is_open_does_nothing(world: World) -> None:
    """A run without an open erasure changes nothing and calls nobody."""
    assert finish(world.store, None) == Erased()


def test_the_commands_say_what_they_did_and_ask_first(workspace: Workspace) -> None:
    """Without a word nothing is erased; evidence without its option is a mistake; whoever is not
    known is kept out all the same, and nothing is kept of them to export."""
    address = "nobody.known@example.com"
    assert workspace.here("erase", address, "--no-input").code == 2
    assert workspace.here("erase", address, "--yes", "--evidence", "fair").code == 2
    assert workspace.here("erase", "--from", "/nowhere/list").code == 2
    [seen] = workspace.here("erase", address, "--dry-run", "--json").data["pairs"]
    assert (seen["people"], seen["records"]) == (1, 0)
    [done] = workspace.here("erase", address, "--yes", "--json").data["pairs"]
    assert (done["people"], done["error"], done["exit_code"]) == (1, None, 0)
    assert workspace.here("export", address).code == 2
