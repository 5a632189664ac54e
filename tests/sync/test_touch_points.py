"""Further touch points: answers to campaigns, e-mails out of the CRM, calls and meetings of the
MAP, each once, for whoever did it, never a machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lifecycle.timeline import MomentKind
from lifecycle.touch import words_of
from mappings.contract import Team
from mappings.fieldmap import PairMapping, TouchSource
from mappings.loader import load_mapping
from mappings.records import Json, Record, RecordRef
from mappings.required_fields import CALLS, EVENT_KEY, MEETINGS, MEMBER, RECIPIENT
from state import participants
from state.traces import rows_of
from sync.activities import moment_of, moments_of
from sync.erasure.find import Ground, find
from sync.loop_rows import handoffs_of
from sync.subjects import Subjects, users_of
from tests.sync.agreed import ADA, GO_LIVE, HANDED, golden, hire, mapping_with
from tests.sync.world import START, World

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
REP, ROBOT = "005000000000001AAA", "005000000000007AAA"
ALL = "touches: [campaign_responses, email_messages, calls, meetings]\n"


def read(kind: str, record_id: str = "1", **fields: Json) -> Record:
    """A record as it was read."""
    related = ("EmailMessage__", "Campaign__")
    named = {
        name.replace("__", ".", 1) if name.startswith(related) else name: value
        for name, value in fields.items()
    }
    return Record(RecordRef("vendor", kind, record_id), named, "1", NOON, created_at=NOON)


def letter(**fields: Json) -> Record:
    """An e-mail a salesperson sent at ten."""
    sent: dict[str, Json] = {
        "EmailMessageId": "02s1", "RelationId": "00Q1", "RelationType": "ToAddress",
        "EmailMessage__ActivityId": "00T1", "EmailMessage__CreatedById": REP,
        "EmailMessage__Incoming": False, "EmailMessage__Status": "3",
        "EmailMessage__MessageDate": "2026-03-02T10:00:00.000+0000",
    }  # fmt: skip
    return read(RECIPIENT, **(sent | fields))


def call(**fields: Json) -> Record:
    """A call somebody logged in HubSpot."""
    made: dict[str, Json] = {
        "hs_timestamp": "2026-03-02T10:00:00Z", "hs_call_status": "COMPLETED",
        "hs_created_by_user_id": "77", "hs_object_source": "CRM_UI",
    }  # fmt: skip
    return read(CALLS, **(made | fields))


def test_an_email_counts_once_however_it_is_kept() -> None:
    """The Task Salesforce makes of an e-mail, and a second recipient's row, are the same e-mail;
    one that came in is nobody's attempt, nor is its Task."""
    task = read("Task", "00T1", IsClosed=True, TaskSubtype="Email", CreatedById=REP)
    [found] = moments_of(
        [task, letter(), replace(letter(), ref=RecordRef("vendor", RECIPIENT, "2"))]
    )
    assert (found.kind, found.actor) == (MomentKind.EMAIL_MESSAGE, REP)
    assert found.at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert moments_of([task, letter(EmailMessage__Incoming=True)]) == []
    assert [m.key for m in moments_of([task])] == ["vendor:Task:00T1"]


@pytest.mark.parametrize(
    "record",
    [
        letter(EmailMessage__Status="5"),
        letter(RelationType="FromAddress"),
        call(hs_call_status="QUEUED"),
        call(hs_timestamp="soon"),
        call(hs_timestamp=None),
        read(MEETINGS, hs_timestamp="2026-03-02T10:00:00Z", hs_meeting_outcome="CANCELED"),
        read(MEMBER, HasResponded=False),
        read(MEMBER, HasResponded=True, **{EVENT_KEY: "hubspot:1"}),
        replace(call(), deleted=True),
        read("Note", hs_timestamp="2026-03-02T10:00:00Z"),
    ],
)
def test_what_did_not_happen_is_no_moment(record: Record) -> None:
    """A draft, one's own e-mail, a call that is still queued or has no time, a meeting called off,
    no answer, an answer Leadloop wrote down itself, what was deleted, another object."""
    assert moment_of(record) is None


@pytest.mark.parametrize(
    ("record", "actor"),
    [
        (call(), "vendor:77"),
        (call(hs_object_source="INTEGRATION"), None),
        (call(hs_created_by_user_id=None), None),
        (read(MEETINGS, hs_meeting_start_time="2026-03-02T09:00:00Z", hs_created_by_user_id="77"),
         "vendor:77"),
    ],
)  # fmt: skip
def test_what_a_program_logged_in_hubspot_is_nobodys_doing(
    record: Record, actor: str | None
) -> None:
    """A call is the doing of the user who logged it, and of nobody where a program did."""
    moment = moment_of(record)
    assert moment is not None
    assert moment.actor == actor


@pytest.mark.parametrize(
    ("day", "at"),
    [
        ("2026-03-05", datetime(2026, 3, 5, tzinfo=UTC)),
        ("2026-03-02", NOON),
        ("2026-03-09", NOON + timedelta(days=6)),
        (None, NOON + timedelta(days=6)),
    ],
)
def test_an_answer_lies_within_its_membership(day: str | None, at: datetime) -> None:
    """Only the day of an answer is told: it is not earlier than the membership was made, nor later
    than it was saved."""
    member = read(MEMBER, HasResponded=True, FirstRespondedDate=day, Campaign__Name="Fair")
    moment = moment_of(replace(member, modified_at=NOON + timedelta(days=6)))
    assert moment is not None
    assert (moment.at, moment.source, moment.kind) == (at, "Fair", MomentKind.CAMPAIGN_RESPONSE)


def contract(folder: Path, more: str = ALL) -> PairMapping:
    """Handoffs that the first attempt by a human accepts, and the further touch points."""
    text = HANDED.format(go_live=GO_LIVE.isoformat())
    text = text.replace('          accept: crm.Status == "Working - Contacted"\n', "")
    return mapping_with(folder, text.replace("format: 1\n", f"format: 1\n{more}", 1))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Ada, on both sides and live, has just been handed over."""
    mapping = contract(tmp_path / "mapping")
    reporting = f'reporting: {{zone: Europe/Berlin, integrations: ["{ROBOT[:15]}"]}}'
    rules = tmp_path / "mapping" / "b.yaml"
    rules.write_text(rules.read_text().replace("reporting: {zone: Europe/Berlin}", reporting))
    mapping = load_mapping(tmp_path / "mapping")
    made = World.build(tmp_path, mapping=mapping)
    hire(made)
    made.contact("Ada", "Byron", company="Byron Ltd")
    made.lead("Ada", "Byron", OwnerId="005ROBOT")
    made.first()
    for _ in range(2):
        made.fills(ADA)
    made.run()
    yield made
    made.close()


def lead_id(world: World) -> str:
    """Ada's Lead."""
    return world.salesforce.by("Lead", "Email", ADA)[0].ref.id


def contact_id(world: World) -> str:
    """Ada's HubSpot contact."""
    return world.hubspot.by("contacts", "email", ADA)[0].ref.id


def attempts(world: World) -> tuple[str, int]:
    """How Ada's handoff stands, and how many attempts sales made, after a run."""
    world.run()
    with world.store.read() as tx:
        [handoff] = handoffs_of(tx, [golden(world)])[golden(world)]
    return handoff.status.value, len(handoff.attempts)


def talked(world: World, by: str, **fields: Json) -> None:
    """A finished call in Salesforce that a user logged."""
    done: dict[str, Json] = {
        "WhoId": lead_id(world), "IsClosed": True, "TaskSubtype": "Call", "CreatedById": by,
    }  # fmt: skip
    world.salesforce.put("Task", done | fields, by=by)


def test_a_machines_touch_is_not_sales(world: World) -> None:
    """What a user does whom `reporting.integrations` names, by 15 characters, accepts no handoff
    and is no attempt; a colleague's call is both."""
    talked(world, ROBOT)
    assert attempts(world) == ("open", 0)
    talked(world, REP)
    assert attempts(world) == ("accepted", 1)


def test_a_letter_is_sales_attempt_and_a_reply_is_none(world: World) -> None:
    """An e-mail a salesperson sent is the first touch; what comes back is not counted, though both
    are Tasks as well."""
    sent = {n: v for n, v in letter().fields.items() if n != "RelationId"}
    for number, incoming in enumerate((True, False)):
        task = world.salesforce.put(
            "Task",
            {"WhoId": lead_id(world), "IsClosed": True, "TaskSubtype": "Email", "CreatedById": REP},
        )
        world.salesforce.put(
            RECIPIENT,
            {
                **sent, "RelationId": lead_id(world), "EmailMessageId": f"02s{number}",
                "EmailMessage.ActivityId": task, "EmailMessage.Incoming": incoming,
                "EmailMessage.MessageDate": world.time.now().isoformat(),
            },
        )  # fmt: skip
        assert attempts(world) == (("open", 0) if incoming else ("accepted", 1))


def test_a_call_in_hubspot_is_sales_attempt_for_everybody_in_it(world: World) -> None:
    """A call two people took part in counts for both; called off afterwards, or deleted, for
    neither."""
    world.contact("Ivo", "Lem", company="Lem Ltd")
    world.run()
    other = world.hubspot.by("contacts", "email", "ivo.lem@example-lem.com")[0].ref.id
    own = {**call().fields, "hs_timestamp": world.time.now().isoformat()}
    ids = world.hubspot.put(CALLS, own, associations={"contacts": (contact_id(world), other)})
    assert attempts(world) == ("accepted", 1)
    with world.store.read() as tx:
        assert set(participants.of(tx, "hubspot", [contact_id(world), other])) == {
            contact_id(world), other,
        }  # fmt: skip
    world.hubspot.remove(CALLS, ids)
    assert attempts(world)[1] == 0
    with world.store.read() as tx:
        assert participants.of(tx, "hubspot", [contact_id(world), other]) == {}


def test_an_answer_to_a_campaign_is_marketings_touch(world: World) -> None:
    """It stands among the person's touches, what reports and attribution count, by the campaign's
    name."""
    answer = {"LeadId": lead_id(world), "HasResponded": True, "Campaign.Name": "Trade fair"}
    world.salesforce.put(MEMBER, answer)
    world.run()
    with world.store.read() as tx:
        subjects = Subjects(tx, world.pair.mapping, users_of(tx), "salesforce")
        person = subjects.named([golden(world)])[golden(world)]
    assert [(one.team, words_of(one)) for one in person.touches][-1] == (
        Team.MARKETING, "campaign_response: Trade fair",
    )  # fmt: skip


def test_touch_points_write_nothing_and_go_with_the_person(world: World) -> None:
    """A record of either kind sets off no write, and is among what an erasure takes; the next
    reading brings nothing of it back."""
    own = {**call().fields, "hs_timestamp": START.isoformat()}
    world.hubspot.put(CALLS, own, associations={"contacts": (contact_id(world),)})
    world.salesforce.put(MEMBER, {"LeadId": lead_id(world), "HasResponded": False})
    world.run()
    assert world.settled()
    with world.store.read() as tx:
        somebody = find(Ground(world.pair.mapping, "hubspot", None), tx, ADA)
        assert somebody is not None
        tables = {(table, row.get("object")) for table, row in rows_of(tx, somebody.traces)}
    assert {("participants", CALLS), ("records", CALLS), ("records", MEMBER)} <= tables


def test_only_what_is_named_is_read(tmp_path: Path) -> None:
    """Without `touches` no such stream is asked for; a contract that counts answers to campaigns
    needs them and says so by that."""
    plain = contract(tmp_path / "plain", "")
    assert plain.read_touches == frozenset()
    counting = HANDED.format(go_live=GO_LIVE.isoformat()).replace(
        "entry: count(events.form_fill) >= 1", "entry: count(events.campaign_response) >= 1"
    )
    assert mapping_with(tmp_path / "counting", counting).read_touches == {
        TouchSource.CAMPAIGN_RESPONSES
    }
    with pytest.raises(Exception, match="call"):
        contract(tmp_path / "wrong", "touches: [phone_calls]\n")
