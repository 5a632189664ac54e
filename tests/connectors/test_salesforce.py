"""What Salesforce does besides the contract: logins, SOQL, conversions, rules, locks, drift."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import DuplicateFoundError, load
from connectors.salesforce_soql import in_conditions, literal, name, select
from mappings.errors import (
    AuthenticationError,
    ConfigurationError,
    InvariantError,
    LeadloopError,
    QuotaExhaustedError,
    UnavailableError,
)
from mappings.ports import FieldDefinition
from mappings.record_ids import id18
from mappings.records import Operation, OutcomeStatus, RecordRef, Write
from tests.connectors.test_salesforce_contract import SalesforceBench
from tests.connectors.vendors import Vendors, running
from tests.contract import by_key

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """A sandbox of the test's own."""
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def bench(vendors: Vendors) -> Iterator[SalesforceBench]:
    """A fresh org."""
    made = SalesforceBench(vendors)
    yield made
    made.connector.close()


@given(st.text())
def test_a_literal_never_changes_the_shape_of_a_query(text: str) -> None:
    """Whatever a value holds, its literal has no quote or line break that is not escaped."""
    inner = literal(text)[1:-1]
    plain = inner.replace("\\\\", "").replace("\\'", "").replace('\\"', "")
    assert "'" not in plain
    assert "\n" not in inner
    assert "\r" not in inner
    assert not plain.endswith("\\")


def test_names_are_checked() -> None:
    """A name that is no Salesforce name is never put into a query."""
    assert name("Owner.Leadloop_Id__c") == "Owner.Leadloop_Id__c"
    for wrong in ("Id FROM Lead", "a'b", "", "1st", "x;"):
        with pytest.raises(InvariantError):
            select([wrong], "Lead")


def test_ids_become_eighteen_letters() -> None:
    """The suffix says which letters of the fifteen are capitals (recorded id)."""
    assert id18("0014S000007Nxml") == "0014S000007NxmlQAC"
    assert id18("0014S000007NxmlQAC") == "0014S000007NxmlQAC"


def test_long_lists_are_split_and_nothing_is_dropped() -> None:
    """Conditions stay within their room and hold every value once."""
    values = [f"va'lue {number}" for number in range(400)]
    parts = list(in_conditions("Email", [*values, values[0]], room=1500))
    assert len(parts) > 1
    for value in values:
        assert sum(literal(value) in part.split("(")[1][:-1].split(",") for part in parts) == 1


def test_many_ids_are_fetched(bench: SalesforceBench) -> None:
    """More ids than one URI holds are fetched in several calls, none refused as too long."""
    bench.flood(1300, start=0)
    ids = sorted(bench.live())
    bench.calls()
    found = bench.connector.fetch("Lead", [i[:15] for i in ids])
    assert {r.ref.id for r in found} == set(ids)
    assert bench.calls() < 15  # three conditions, of pages of 200


def test_hostile_values_are_found_and_written_unchanged(bench: SalesforceBench) -> None:
    """Quotes, backslashes, percent signs and other alphabets are values like others."""
    texts = [
        "O'Brien",
        'say "x"',
        "back\\slash",
        "100%_",
        "🦆 \u05d3\u05d5\u05d3",
        "') OR Id != ('",
        "a&b=c+d",
    ]
    rows = []
    for number, text in enumerate(texts):
        row = bench.create(number)
        fields = {**row.fields, "LastName": text}
        rows.append(Write(row.key, row.operation, row.object, fields, None, row.external_id))
    outcomes = by_key(bench.connector.write(rows))
    for number, text in enumerate(texts):
        record_id = str(outcomes[f"row-{number}"].id)
        assert bench.read(record_id)["LastName"] == text
        found = bench.connector.find("Lead", "LastName", [text])
        assert [r.ref.id for r in found] == [record_id]


def test_a_converted_lead_names_what_it_became(bench: SalesforceBench) -> None:
    """A conversion arrives with its Contact, Account and Opportunity."""
    lead = bench.put(1)
    puller = bench.puller()
    puller.pull()
    bench.wait(2)
    made = bench.vendors.do(lambda: bench.org.convert_lead(lead, opportunity_name="New deal"))
    puller.pull()
    row = puller.row(lead)
    assert row.converted_to == RecordRef("salesforce", "Contact", str(made["contactId"]))
    assert row.associations["Account"] == (made["accountId"],)
    assert row.associations["Opportunity"] == (made["opportunityId"],)
    outcomes = bench.connector.write([bench.update(lead, "Too late")])
    assert outcomes[0].error is not None
    assert outcomes[0].error.code == "record.converted"


def test_a_session_that_expires_in_mid_run_is_renewed(bench: SalesforceBench) -> None:
    """A 401 is answered by one new login; reads and writes go on and nothing is sent twice."""
    puller = bench.puller()
    bench.vendors.arm("salesforce", "expire_session", calls=1)
    puller.pull()
    bench.vendors.arm("salesforce", "expire_session", calls=1)
    outcomes = bench.connector.write([bench.create(number) for number in range(3)])
    assert {o.status for o in outcomes} == {OutcomeStatus.OK}
    assert len(bench.live()) == 3


def test_locked_rows_are_sent_again_by_themselves(bench: SalesforceBench) -> None:
    """Rows that met a lock are repeated alone; what stays locked is RETRY."""
    ids = [bench.put(number) for number in range(6)]
    rows = [bench.update(record_id, "Through") for record_id in ids]
    bench.vendors.arm("salesforce", "lock_row", rate=1, calls=1)
    outcomes = bench.connector.write(rows)
    assert {o.status for o in outcomes} == {OutcomeStatus.OK}
    assert {bench.read(i)["LastName"] for i in ids} == {"Through"}
    bench.vendors.arm("salesforce", "lock_row", rate=1)
    stuck = bench.connector.write([bench.update(ids[0], "Stuck")])
    assert stuck[0].status is OutcomeStatus.RETRY
    assert stuck[0].error is not None
    assert stuck[0].error.code == "record.locked"


def test_the_duplicate_rule_names_its_evidence(bench: SalesforceBench) -> None:
    """A create that a duplicate rule refuses names the records found; an update goes through."""
    existing = bench.put(1)
    bench.vendors.do(lambda: bench.org.records.duplicates.switch_on("Lead"))
    row = bench.create(1)
    (outcome,) = bench.connector.write([row])
    assert outcome.status is OutcomeStatus.REJECTED
    assert isinstance(outcome.error, DuplicateFoundError)
    assert RecordRef("salesforce", "Lead", existing) in outcome.error.found
    (updated,) = bench.connector.write([bench.update(existing, "Person1")])
    assert updated.status is OutcomeStatus.OK


def test_opting_out_sets_the_flag(bench: SalesforceBench) -> None:
    """OPT_OUT sets the consent flags among its fields, by default HasOptedOutOfEmail."""
    first, second = bench.put(1), bench.put(2)
    rows = [
        Write("a", Operation.OPT_OUT, "Lead", {"email": "x", "subscription": None}, id=first),
        Write("b", Operation.OPT_OUT, "Lead", {"email": "x", "DoNotCall": True}, id=second),
    ]
    outcomes = bench.connector.write(rows)
    assert {o.status for o in outcomes} == {OutcomeStatus.OK}
    assert bench.read(first)["HasOptedOutOfEmail"] is True
    assert bench.read(second)["DoNotCall"] is True
    assert bench.read(second)["HasOptedOutOfEmail"] is False


def test_a_removed_field_parks_itself_alone(bench: SalesforceBench) -> None:
    """A field that is gone is left out of the query, and heals when it is configured anew."""
    org, vendors = bench.org, bench.vendors
    vendors.do(lambda: org.add_field("Lead", {"name": "Shoe__c", "type": "Text", "length": 9}))
    bench.connector.configure({"Lead": ("LastName", "Shoe__c")})
    record_id = bench.put(1)
    puller = bench.puller()
    puller.pull()
    assert "Shoe__c" in puller.row(record_id).fields
    vendors.do(lambda: org.remove_field("Lead", "Shoe__c"))
    bench.edit(record_id, "After")
    puller.pull()
    row = puller.row(record_id)
    assert row.fields["LastName"] == "After"
    assert "Shoe__c" not in row.fields
    create = bench.create(2)
    fields = {**create.fields, "Shoe__c": "42"}
    rows = [
        Write("bad", create.operation, "Lead", fields, None, create.external_id),
        bench.create(3),
    ]
    outcomes = by_key(bench.connector.write(rows))
    assert outcomes["bad"].error is not None
    assert outcomes["bad"].error.code == "field.unknown"
    assert outcomes["row-3"].status is OutcomeStatus.OK


def test_every_object_is_pulled(bench: SalesforceBench) -> None:
    """Each stream can be read whole, with the fields the connector adds by itself."""
    org, vendors = bench.org, bench.vendors
    account = vendors.do(lambda: org.create("Account", {"Name": "Acme"}))
    contact = vendors.do(lambda: org.create("Contact", {"LastName": "Doe", "AccountId": account}))
    deal = vendors.do(
        lambda: org.create(
            "Opportunity",
            {
                "Name": "Deal",
                "StageName": "Prospecting",
                "CloseDate": "2030-01-01",
                "AccountId": account,
            },
        )
    )
    role = vendors.do(
        lambda: org.create("OpportunityContactRole", {"OpportunityId": deal, "ContactId": contact})
    )
    vendors.do(lambda: org.create("Campaign", {"Name": "Spring"}))
    found = {}
    for spec in bench.connector.streams():
        bench_puller = bench.puller()
        bench_puller.stream = spec.name
        for record in bench_puller.pull():
            found[record.ref.id] = record
    assert found[contact].associations == {"Account": (account,)}
    assert found[deal].associations == {"Account": (account,)}
    assert found[role].associations == {"Opportunity": (deal,), "Contact": (contact,)}
    assert org.integration_user_id in found


def test_tasks_carry_a_unique_event_id(bench: SalesforceBench) -> None:
    """A Task field is made on Activity; a Task is created by its event id once, and found."""
    wanted = FieldDefinition(
        "Task", "Leadloop_Event_Id__c", "Leadloop Event Id", "text", length=64, unique=True
    )
    (made,) = bench.connector.ensure_fields([wanted])
    assert made.status is OutcomeStatus.OK, made.error
    bench.connector.configure({"Task": ("Subject", "Leadloop_Event_Id__c")})
    lead = bench.put(1)
    fields = {"WhoId": lead, "Subject": "Form: demo", "Status": "Completed"}
    key = ("Leadloop_Event_Id__c", "form:abc:1")
    row = Write("t", Operation.CREATE, "Task", fields, external_id=key)
    ids = {bench.connector.write([row])[0].id for _ in range(2)}
    assert len(ids) == 1
    found = bench.connector.find("Task", *key[:1], [key[1]])
    assert [r.ref.id for r in found] == list(ids)


def test_refused_customisation_names_the_steps(bench: SalesforceBench) -> None:
    """Where the API user may create no field, the outcome says how a person does it."""
    bench.org.can_customize = False
    wanted = FieldDefinition("Lead", "Leadloop_Form_Fills__c", "Form fills", "number")
    (outcome,) = bench.connector.ensure_fields([wanted])
    assert outcome.status is OutcomeStatus.REJECTED
    assert outcome.error is not None
    assert "Object Manager > Lead" in outcome.error.remedy
    assert "Leadloop_Form_Fills" in outcome.error.remedy


def test_the_daily_limit_parks_the_system(bench: SalesforceBench) -> None:
    """The day's allowance used up is no pause."""
    bench.vendors.arm("salesforce", "daily_limit", calls=1)
    with pytest.raises(QuotaExhaustedError):
        bench.puller().pull()
    assert bench.slept == 0


def test_the_allowance_is_learnt_from_every_answer(vendors: Vendors) -> None:
    """The limiter is asked before each call and told what the vendor counted."""

    class Watching:
        acquired = 0
        seen: tuple[int | None, int | None] = (None, None)

        def acquire(self, bucket: str = "default") -> None:
            self.acquired += 1

        def observe(self, *, daily_limit: int | None, daily_used: int | None) -> None:
            self.seen = (daily_limit, daily_used)

        def observe_rate(self, *, limit: int, left: int, seconds: float) -> None:
            raise AssertionError

        def ended(self, error: LeadloopError | None) -> None:
            assert error is None

    limiter = Watching()
    connector = load("salesforce", vendors.salesforce_settings, limiter=limiter)
    info = connector.check()
    assert limiter.acquired == 2
    assert limiter.seen[0] == info.daily_limit == 115_000
    assert limiter.seen[1]
    connector.close()


def test_a_wrong_secret_is_an_authentication_error(vendors: Vendors) -> None:
    """The login is refused once, and the error names no secret."""
    settings = {**vendors.salesforce_settings, "client_secret": "not-the-secret"}
    connector = load("salesforce", settings, sleep=vendors.sleep)
    with pytest.raises(AuthenticationError) as raised:
        connector.check()
    assert "not-the-secret" not in str(raised.value)
    assert vendors.slept == 0
    connector.close()


def test_a_signed_token_logs_in_as_well(vendors: Vendors, tmp_path: Path) -> None:
    """With a key in place of the secret a JWT is signed, and the same org answers."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = tmp_path / "key.pem"
    file.write_bytes(pem)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    org = vendors.sandbox.salesforce
    vendors.do(lambda: org.sessions.register_key(public))
    username = str(vendors.do(lambda: org.get("User", org.integration_user_id))["Username"])
    settings = {**vendors.salesforce_settings, "private_key_file": str(file), "username": username}
    del settings["client_secret"]
    connector = load("salesforce", settings, sleep=vendors.sleep)
    info = connector.check()
    assert (info.account_id, info.user_id) == (org.organization_id, org.integration_user_id)
    connector.close()
    file.write_text("no key")
    broken = load("salesforce", settings)
    with pytest.raises(ConfigurationError):
        broken.check()
    broken.close()


def test_an_untrusted_certificate_says_so(vendors: Vendors) -> None:
    """Without the authority's file the connection is refused, with the setting to correct."""
    settings = {k: v for k, v in vendors.salesforce_settings.items() if k != "ca_file"}
    connector = load("salesforce", settings, sleep=vendors.sleep)
    with pytest.raises(UnavailableError) as raised:
        connector.check()
    assert "ca_file" in raised.value.remedy
    connector.close()


def test_credentials_must_be_complete() -> None:
    """Neither secret nor key: the setting is named before any call."""
    with pytest.raises(ConfigurationError):
        load("salesforce", {"login_url": "https://x.example", "client_id": "c"})
    with pytest.raises(ConfigurationError):
        load("salesforce", {"client_id": "c", "client_secret": "s"})


def test_reads_survive_every_passing_fault(bench: SalesforceBench) -> None:
    """A cut body, a lost reply or a 5xx costs a read nothing but a moment."""
    bench.put(1)
    for kind in ("cut_body", "lost_reply", "error_before", "error_after"):
        bench.vendors.arm("salesforce", kind, match="query", calls=1)
        puller = bench.puller()
        puller.pull()
        assert len(puller.live()) == 1


def test_datetimes_are_cut_to_whole_seconds() -> None:
    """The vendor keeps whole seconds: a literal never lies behind its instant."""
    at = datetime(2026, 3, 2, 8, 0, 0, 999_000, tzinfo=UTC)
    assert literal(at) == "2026-03-02T08:00:00Z"


def test_rows_committed_late_are_not_missed(bench: SalesforceBench) -> None:
    """A row that appears with a stamp older than what was read already comes with the next pull,
    among more rows than a page holds too.
    """
    bench.flood(260, start=0)
    puller = bench.puller()
    puller.pull()
    bench.wait(3)
    puller.pull()
    bench.put(500)
    puller.pull()
    bench.vendors.arm("salesforce", "late_commit", value=20, calls=1)
    (outcome,) = bench.connector.write([bench.create(501)])
    puller.pull()
    bench.wait(30)
    puller.pull()
    assert outcome.id in puller.live()
    assert puller.live() == bench.live()


def test_a_query_whose_place_was_forgotten_is_asked_again(bench: SalesforceBench) -> None:
    """When the vendor closes a query in the middle, the pull goes on behind its last row."""
    bench.flood(650, start=0)
    puller = bench.puller()
    for number, _ in enumerate(puller.pages()):
        if number == 0:  # so many other queries that the vendor forgets this one's place
            for _ in range(70):
                other = bench.puller()
                next(other.pages())
    assert puller.live() == bench.live()
    assert len(puller.live()) == 650


def test_tracked_fields_have_a_history(bench: SalesforceBench) -> None:
    """Where tracking is on, the last change of each field is told by record and field; a field that
    is not tracked, and an object without history, tell nothing."""
    ids = [bench.put(number) for number in range(3)]
    bench.wait(60)
    for record_id in ids[:2]:
        change = partial(bench.org.update, "Lead", record_id, {"Company": "Later"})
        bench.vendors.do(change)
    bench.wait(60)
    bench.vendors.do(partial(bench.org.update, "Lead", ids[0], {"Company": "Latest"}))
    wanted = {record_id: ["Company", "FirstName"] for record_id in ids}
    found = bench.connector.versions("Lead", wanted)
    assert set(found) == {(ids[0], "Company"), (ids[1], "Company")}
    newest, earlier = found[(ids[0], "Company")][0], found[(ids[1], "Company")][0]
    assert newest.at - earlier.at == timedelta(seconds=60)
    assert [version.value for version in found[(ids[0], "Company")]] == ["Latest", "Later"]
    assert bench.connector.versions("Campaign", wanted) == {}
