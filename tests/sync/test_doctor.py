"""The doctor: accounts, fields, quota and disk examined, each finding with its remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.memory import MemoryConnector
from mappings.errors import AuthenticationError, RecordRejectedError, UnavailableError
from mappings.ports import AccountInfo, Connector, FieldDefinition, FieldSchema, ObjectSchema
from mappings.records import Outcome, OutcomeStatus, Side
from mappings.standard_fields import standard_schemas
from state.database import Sqlite, journal_mode, open_engine, sqlite_of
from sync.config import Config, load_config
from sync.doctor import (
    Finding,
    Level,
    calls_at_rest,
    examine,
    library,
    live_schemas,
    same_account,
    validate,
)
from sync.workspace import write_workspace

PLENTY = 50_000_000_000


class Account(MemoryConnector):
    """A vendor account with the standard fields of its kind, and a daily allowance."""

    def __init__(self, side: Side, account_id: str, *, daily_limit: int | None = 250_000) -> None:
        standard = standard_schemas(side)
        schema = {name: tuple(s.fields.values()) for name, s in standard.items()}
        if side is Side.CRM:
            schema["Task"] = (FieldSchema("Subject", "Subject", "text"),)
        super().__init__(
            "hubspot" if side is Side.MAP else "salesforce", schema, account_id=account_id
        )
        self.changed: dict[str, dict[str, FieldSchema | None]] = {}
        self.refuses_fields = False
        self._daily_limit = daily_limit
        self.answered_at: datetime | None = None

    def check(self) -> AccountInfo:
        """The account with its allowance."""
        return replace(
            super().check(),
            daily_limit=self._daily_limit,
            daily_used=10,
            answered_at=self.answered_at,
        )

    def describe(self, object_name: str) -> ObjectSchema:
        """The fields, with what the test changed about them."""
        fields = dict(super().describe(object_name).fields)
        for name, field in self.changed.get(object_name, {}).items():
            if field is None:
                fields.pop(name, None)
            else:
                fields[name] = field
        return ObjectSchema(object_name, fields)

    def ensure_fields(self, definitions: Sequence[FieldDefinition]) -> list[Outcome]:
        """Created, or refused as to a user who may not."""
        if not self.refuses_fields:
            return super().ensure_fields(definitions)
        error = RecordRejectedError("may not be created", code="auth.forbidden", remedy="By hand.")
        return [
            Outcome(f"{d.object}.{d.name}", OutcomeStatus.REJECTED, error=error)
            for d in definitions
        ]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A workspace's config."""
    path = write_workspace(
        tmp_path,
        hubspot={"url": "http://127.0.0.1:1", "token": "pat", "portal_id": 8812345},
        salesforce={
            "login_url": "https://127.0.0.1:2",
            "client_id": "key",
            "client_secret": "word",
            "account_id": "00D000000000001",
        },
    )
    return load_config(path, environ={})


@pytest.fixture
def hubspot() -> Account:
    """The MAP account."""
    return Account(Side.MAP, "8812345")


@pytest.fixture
def salesforce() -> Account:
    """The CRM org."""
    return Account(Side.CRM, "00D000000000001AAA")


def run(
    config: Config,
    hubspot: Connector,
    salesforce: Connector,
    *,
    fix: bool = False,
    free: int = PLENTY,
) -> list[Finding]:
    """The findings."""
    connectors: dict[str, Connector] = {"hubspot": hubspot, "salesforce": salesforce}
    return examine(config, connectors, fix=fix, free_bytes=lambda _: free)


def faults(findings: list[Finding]) -> set[tuple[str, str]]:
    """Code and level of what is not well."""
    return {(f.code, f.level.value) for f in findings if f.level is not Level.OK}


def test_missing_fields_are_named_then_created(
    config: Config, hubspot: Account, salesforce: Account
) -> None:
    """Without --fix every missing field is an error with its recipe; --fix creates them all; after
    that there is nothing left to say.
    """
    before = run(config, hubspot, salesforce)
    assert faults(before) == {("doctor.field_missing", "error")}
    recipe = next(f.remedy for f in before if "Task.Leadloop_Event_Id__c" in f.what)
    assert "object Activity" in recipe
    assert "length 64" in recipe
    fixed = run(config, hubspot, salesforce, fix=True)
    assert faults(fixed) == set()
    assert sum(f.code == "doctor.field_created" for f in fixed) == len(
        [f for f in before if f.code == "doctor.field_missing"]
    )
    assert faults(run(config, hubspot, salesforce)) == set()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (0, "doctor.clock"),
        (59, "doctor.clock"),
        (-61, "doctor.clock_off"),
        (7200, "doctor.clock_off"),
    ],
)
def test_a_clock_that_is_off_is_told(
    seconds: int, code: str, config: Config, hubspot: Account, salesforce: Account
) -> None:
    """This machine's time is held against the vendor's own, where that tells it."""
    at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    hubspot.answered_at = at
    assert not [f for f in run(config, hubspot, salesforce) if "clock" in f.code], "the sandbox's"
    pair = config.pairs[0]
    away = replace(pair.map_system, settings={"base_url": "https://api.hubapi.com"})
    config = replace(config, pairs=(replace(pair, map_system=away),))
    connectors: dict[str, Connector] = {"hubspot": hubspot, "salesforce": salesforce}
    findings = examine(config, connectors, now=lambda: at + timedelta(seconds=seconds))
    [found] = [f for f in findings if f.code.startswith("doctor.clock")]
    assert found.code == code
    assert (found.level is Level.WARNING) == (code == "doctor.clock_off")
    assert ("ahead" in found.what) == (seconds > 60)


def test_what_may_not_be_created_says_how_by_hand(
    config: Config, hubspot: Account, salesforce: Account
) -> None:
    """Where the API user may not create fields, the vendor's steps are the remedy."""
    salesforce.refuses_fields = True
    findings = run(config, hubspot, salesforce, fix=True)
    assert faults(findings) == {("auth.forbidden", "error"), ("doctor.field_missing", "error")}
    assert "By hand." in {f.remedy for f in findings}


def test_nothing_is_written_without_fix(
    config: Config, hubspot: Account, salesforce: Account
) -> None:
    """Examining alone creates no field and writes no record."""
    run(config, hubspot, salesforce)
    assert hubspot.calls["ensure_fields"] == salesforce.calls["ensure_fields"] == 0
    assert hubspot.calls["write"] == salesforce.calls["write"] == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AuthenticationError("refused"), "auth.refused"),
        (UnavailableError("nothing listens"), "remote.unavailable"),
    ],
)
def test_a_system_that_fails_does_not_hide_the_other(
    config: Config,
    hubspot: Account,
    salesforce: Account,
    error: AuthenticationError | UnavailableError,
    code: str,
) -> None:
    """Refused credentials and a dead address are errors of that system; the other is examined."""
    hubspot.fail(error, calls=10)
    findings = run(config, hubspot, salesforce)
    assert (code, "error") in faults(findings)
    assert any(f.code == "doctor.account" and "salesforce" in f.what for f in findings)


def test_another_account_is_refused(config: Config, salesforce: Account) -> None:
    """Credentials of another account than configured are an error, and it is left alone."""
    findings = run(config, Account(Side.MAP, "999"), salesforce, fix=True)
    assert ("doctor.account_mismatch", "error") in faults(findings)
    assert not any(f.code == "doctor.field_created" for f in findings)


def test_an_unnamed_account_is_a_warning(
    config: Config, hubspot: Account, salesforce: Account
) -> None:
    """A config without account ids works, with the line to add."""
    pair = config.pairs[0]
    unnamed = replace(pair, map_system=replace(pair.map_system, account_id=None))
    findings = run(replace(config, pairs=(unnamed,)), hubspot, salesforce, fix=True)
    assert faults(findings) == {("doctor.account_unnamed", "warning")}
    assert 'account_id: "8812345"' in next(
        f.remedy for f in findings if f.code == "doctor.account_unnamed"
    )


@pytest.mark.parametrize(
    ("configured", "actual", "same"),
    [
        ("00D000000000001", "00D000000000001AAA", True),
        ("00D000000000001AAA", "00D000000000001", True),
        ("00D000000000001AAA", "00D000000000002AAA", False),
        ("00D00000000000a", "00D00000000000A", False),
        ("8812345", "8812345", True),
        ("881234", "8812345", False),
    ],
)
def test_account_ids_compare_as_the_vendors_mean_them(
    configured: str, actual: str, same: bool
) -> None:
    """Salesforce ids have two lengths; nothing else is alike."""
    assert same_account(configured, actual) is same


def test_resting_beyond_a_quarter_of_the_allowance_is_refused(
    config: Config, salesforce: Account
) -> None:
    """Calls a day at rest are counted against the allowance; an unknown one is no fault."""
    small = Account(Side.MAP, "8812345", daily_limit=10_000)
    assert calls_at_rest(small, config.schedule) == 4 * 1440
    findings = run(config, small, salesforce, fix=True)
    assert faults(findings) == {("doctor.quota_at_rest", "error")}
    slow = replace(config, schedule=replace(config.schedule, fast=600.0))
    assert faults(run(slow, small, salesforce)) == set()
    unknown = Account(Side.MAP, "8812345", daily_limit=None)
    assert faults(run(config, unknown, salesforce, fix=True)) == set()


@pytest.mark.parametrize(
    ("object_name", "name", "field", "code"),
    [
        ("Lead", "Title", None, "config.unknown_field"),
        ("Lead", "Title", FieldSchema("Title", "", "text", length=60), "config.too_long"),
        ("Lead", "Title", FieldSchema("Title", "", "number"), "config.field_type"),
        ("Lead", "Title", FieldSchema("Title", "", "text", createable=False, updateable=False),
         "config.read_only"),
        ("Lead", "Leadloop_Id__c", FieldSchema("Leadloop_Id__c", "", "text"),
         "doctor.field_not_unique"),
        ("Lead", "Leadloop_Form_Fills__c",
         FieldSchema("Leadloop_Form_Fills__c", "", "number", createable=False, updateable=False),
         "doctor.field_read_only"),
        ("Lead", "HasOptedOutOfEmail", None, "doctor.consent_hidden"),
        ("Contact", "HasOptedOutOfEmail",
         FieldSchema("HasOptedOutOfEmail", "", "boolean", updateable=False),
         "doctor.consent_hidden"),
    ],
)  # fmt: skip
def test_a_field_that_does_not_serve_is_an_error(
    *,
    config: Config,
    hubspot: Account,
    salesforce: Account,
    object_name: str,
    name: str,
    field: FieldSchema | None,
    code: str,
) -> None:
    """Missing, retyped, shortened, locked and not unique fields are found in the live account."""
    run(config, hubspot, salesforce, fix=True)
    salesforce.changed = {object_name: {name: field}}
    findings = run(config, hubspot, salesforce)
    assert (code, "error") in faults(findings)
    assert all(f.remedy for f in findings if f.level is not Level.OK)


def test_the_vendors_own_connector_is_noticed(
    config: Config, hubspot: Account, salesforce: Account
) -> None:
    """Properties of HubSpot's Salesforce integration are a warning, and so is each rule whose field
    it maps by itself, at its line; rules of ours alone are not named.
    """
    run(config, hubspot, salesforce, fix=True)
    hubspot.changed = {"contacts": {"salesforceleadid": FieldSchema("s", "", "text")}}
    findings = run(config, hubspot, salesforce)
    assert faults(findings) == {
        ("doctor.native_connector", "warning"),
        ("doctor.native_connector_field", "warning"),
    }
    both = [f.what for f in findings if f.code == "doctor.native_connector_field"]
    assert any("email>Contact.Email/Lead.Email" in what for what in both)
    assert any("company>Lead.Company" in what for what in both)
    assert all(what.startswith("mappings/hubspot-salesforce.yaml:") for what in both)
    assert [what for what in both if "MobilePhone" in what or "Account" in what] == []


@pytest.mark.parametrize(
    ("free", "expected"),
    [(PLENTY, set()), (500_000_000, {"warning"}), (1_000_000, {"error"})],
)
def test_a_full_disk_is_noticed(
    config: Config, hubspot: Account, salesforce: Account, free: int, expected: set[str]
) -> None:
    """Little space where the state is kept is a warning, next to none an error."""
    findings = run(config, hubspot, salesforce, fix=True, free=free)
    assert {level for code, level in faults(findings) if code == "doctor.disk"} == expected


@pytest.mark.parametrize(
    ("version", "journal", "code"),
    [
        ((3, 53, 0), "WAL", "doctor.sqlite"),
        ((3, 51, 3), "WAL", "doctor.sqlite"),
        ((3, 51, 2), "DELETE", "doctor.sqlite_old"),
        ((3, 7, 0), "DELETE", "doctor.sqlite_old"),
        ((3, 40, 1), "WAL", "doctor.sqlite_unsafe"),
    ],
)
def test_the_sqlite_that_keeps_the_state_is_named(
    version: tuple[int, ...], journal: str, code: str
) -> None:
    """Library, version and journal mode are told; WAL on a version with its bug is an error."""
    found = library(Sqlite("sqlite3", version, journal))
    assert found.code == code
    assert ".".join(map(str, version)) in found.what
    assert journal in found.what
    assert bool(found.remedy) is (code != "doctor.sqlite")


def test_what_is_told_of_the_state_is_what_runs(database_url: str) -> None:
    """The journal mode is asked of the open file; a state on PostgreSQL has none."""
    engine = open_engine(database_url)
    found = sqlite_of(engine)
    engine.dispose()
    if database_url.startswith("postgresql"):
        assert found is None
        return
    assert found is not None
    assert found.is_safe
    assert found.journal == journal_mode(found.version)


def test_validation_is_offline_or_against_the_accounts(
    config: Config, hubspot: Account, salesforce: Account
) -> None:
    """What offline cannot know, the live describe tells, at its line in the mapping."""
    salesforce.changed = {"Lead": {"Title": None}}
    assert validate(config) == ()
    live = live_schemas(config.pairs[0].mapping, {Side.MAP: hubspot, Side.CRM: salesforce})
    identity, rule = validate(config, {"main": live})
    assert identity.code == rule.code == "config.unknown_field"
    assert rule.at.file == "mappings/hubspot-salesforce.yaml"
    assert "jobtitle" in rule.excerpt
