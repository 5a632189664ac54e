"""Examines an installation: accounts, fields, quota, machine. Every finding has its remedy.

`examine` works on the `Connector` protocol alone, writes nothing unless `fix` is given, and then
only creates Leadloop's own fields. One broken system does not keep the others from being
examined. `validate` is the part that concerns the files: offline, or against live schemas.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mappings.drift import DriftKind, drifts
from mappings.errors import ConfigurationError, LeadloopError, Problem
from mappings.fieldmap import FieldRule, PairMapping
from mappings.loader import read_mapping
from mappings.loading import Schemas
from mappings.ports import AccountInfo, Cadence, Connector, FieldDefinition, ObjectSchema
from mappings.positions import Faults
from mappings.records import OutcomeStatus, Side
from mappings.required_fields import TASK, TOUCH_READS, required_fields
from sync import doctor_native
from sync.config import Config, PairConfig, ScheduleConfig, SystemConfig

if TYPE_CHECKING:
    from state.database import Sqlite

RESTING_SHARE = 0.25
"""Largest share of an account's daily calls that resting may cost (BEHAVIOURS, Quota)."""

_DAY = 86_400
_CLOCK_OFF = 60.0  # seconds; assumed: more than a slow answer, less than a JWT's three minutes
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LITTLE_DISK = 1_000_000_000  # bytes; assumed: room for a day's inbox of a large account
_NO_DISK = 100_000_000

FOREIGN_DAYS = 7
"""How far back somebody else's work on our accounts is told of."""


class Level(StrEnum):
    """How bad a finding is: an error keeps a run from being right."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing examined: a stable code, how it stands, what it is, and what to do about it."""

    code: str
    level: Level
    what: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """The finding as JSON-able data."""
        return {
            "code": self.code,
            "level": self.level.value,
            "what": self.what,
            "remedy": self.remedy,
        }


def examine(
    config: Config,
    connectors: Mapping[str, Connector],
    *,
    fix: bool = False,
    free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Finding]:
    """Everything worth knowing before a run, worst kept in place: in the order examined.

    `connectors` are by system name. `fix` creates Leadloop's missing fields through the vendors'
    own APIs; where the API user may not, the manual steps are the finding's remedy.
    """
    findings = [Finding("doctor.config", Level.OK, f"{config.path.name} and its mappings load.")]
    reached: set[str] = set()
    for system in _systems(config):
        connector = connectors[system.name]
        found, info = _account(system, connector)
        findings += found
        if info is not None:
            reached.add(system.name)
            findings += _clock(system, info, now())
            findings += _quota(system, info, connector, config.schedule)
    for pair in config.pairs:
        names = {Side.MAP: pair.map_system.name, Side.CRM: pair.crm_system.name}
        if reached.issuperset(names.values()):
            sides = {side: connectors[name] for side, name in names.items()}
            findings += _pair(config, pair, sides, fix=fix)
    findings += _disk(config, free_bytes)
    return findings


def live_schemas(mapping: PairMapping, connectors: Mapping[Side, Connector]) -> Schemas:
    """What both vendors describe of every object the mapping uses.

    Raises what `describe` raises.
    """
    wanted = {
        Side.MAP: [entry.map_object for entry in mapping.objects],
        Side.CRM: [name for entry in mapping.objects for name in entry.crm_objects],
    }
    return {
        side: {name: connectors[side].describe(name) for name in dict.fromkeys(names)}
        for side, names in wanted.items()
    }


def validate(config: Config, schemas: Mapping[str, Schemas] | None = None) -> tuple[Problem, ...]:
    """Every problem of the mappings, checked against `schemas` (by pair name) where given.

    The config itself was checked when it was loaded.
    """
    return tuple(
        problem
        for pair in config.pairs
        for problem in _mapping_problems(config, pair, (schemas or {}).get(pair.name))
    )


def _mapping_problems(
    config: Config, pair: PairConfig, schemas: Schemas | None
) -> tuple[Problem, ...]:
    faults = Faults()
    try:
        read_mapping(pair.mapping_path, faults, schemas=schemas, base=config.directory)
    except ConfigurationError as error:
        return error.problems
    return faults.found()


def calls_at_rest(connector: Connector, schedule: ScheduleConfig) -> int:
    """Calls a day when nothing changes: one for each stream each time it is due."""
    seconds = {
        Cadence.FAST: schedule.fast,
        Cadence.QUARTER: schedule.quarter,
        Cadence.NIGHTLY: float(_DAY),
    }
    return round(sum(_DAY / seconds[stream.cadence] for stream in connector.streams()))


def _systems(config: Config) -> list[SystemConfig]:
    pairs = config.pairs
    found = {s.name: s for pair in pairs for s in (pair.map_system, pair.crm_system)}
    return list(found.values())


def _account(
    system: SystemConfig, connector: Connector
) -> tuple[list[Finding], AccountInfo | None]:
    try:
        info = connector.check()
    except LeadloopError as error:
        return [_failed(system.name, error)], None
    said = f"{system.name}: account {info.account_id} answers, API {info.api_version}."
    if system.account_id is None:
        finding = Finding(
            "doctor.account_unnamed",
            Level.WARNING,
            said,
            f'Write `account_id: "{info.account_id}"` under `{system.name}`, so that another'
            " account is never mistaken for this one.",
        )
        return [finding], info
    if not same_account(system.account_id, info.account_id):
        finding = Finding(
            "doctor.account_mismatch",
            Level.ERROR,
            f"{system.name}: the credentials belong to account {info.account_id}, the"
            f" configuration names {system.account_id}.",
            "Correct `account_id`, or use the credentials of that account.",
        )
        return [finding], None
    return [Finding("doctor.account", Level.OK, said)], info


def same_account(configured: str, actual: str) -> bool:
    """Whether two account ids are the same; Salesforce ids have 15 or 18 characters."""
    if configured.startswith("00D") and {len(configured), len(actual)} == {15, 18}:
        return configured[:15] == actual[:15]
    return configured == actual


def _failed(name: str, error: LeadloopError) -> Finding:
    return Finding(error.code, Level.ERROR, f"{name}: {error.message}", error.remedy)


def _clock(system: SystemConfig, info: AccountInfo, now: datetime) -> list[Finding]:
    """How far this machine's clock is from the vendor's. Which of two changes was later is told by
    the vendors' clocks, but logging in by JWT and what is due when are told by ours."""
    if info.answered_at is None or _is_here(system):
        return []  # a vendor on this very machine, the sandbox, keeps a time of its own
    off = (now - info.answered_at).total_seconds()
    if abs(off) <= _CLOCK_OFF:
        what = f"{system.name}: its clock and this machine's agree."
        return [Finding("doctor.clock", Level.OK, what)]
    way = "ahead of" if off > 0 else "behind"
    return [
        Finding(
            "doctor.clock_off",
            Level.WARNING,
            f"{system.name}: this machine's clock is {abs(off):,.0f} seconds {way} the vendor's.",
            "Let the machine keep time by NTP (`timedatectl set-ntp true`): log-ins by JWT are"
            " refused when it is minutes off, and what is due comes at the wrong time.",
        )
    ]


def _is_here(system: SystemConfig) -> bool:
    """Whether the system is reached on this machine's own addresses."""
    addresses = (system.settings.get(key, "") for key in ("base_url", "login_url"))
    return any(urlsplit(url).hostname in _LOOPBACK for url in addresses)


def _quota(
    system: SystemConfig, info: AccountInfo, connector: Connector, schedule: ScheduleConfig
) -> list[Finding]:
    try:
        resting = calls_at_rest(connector, schedule)
    except LeadloopError as error:
        return [_failed(system.name, error)]
    if not info.daily_limit:
        what = f"{system.name}: {resting} calls a day at rest; the vendor names no daily limit."
        return [Finding("doctor.quota_unknown", Level.OK, what)]
    used = "" if info.daily_used is None else f", {info.daily_used} used"
    what = (
        f"{system.name}: {resting} calls a day at rest of {info.daily_limit} allowed{used}"
        f" ({resting / info.daily_limit:.1%})."
    )
    if resting > RESTING_SHARE * info.daily_limit:
        return [
            Finding(
                "doctor.quota_at_rest",
                Level.ERROR,
                what,
                f"Raise `schedule: fast` and `quarter` until it is below {RESTING_SHARE:.0%}.",
            )
        ]
    ours = int(system.leadloop_share * info.daily_limit)
    if info.daily_used is not None and info.daily_used >= ours:
        remedy = "Wait for the allowance to renew, or raise `leadloop_share`."
        return [Finding("doctor.quota_used", Level.WARNING, what, remedy)]
    return [Finding("doctor.quota", Level.OK, what)]


def _pair(
    config: Config, pair: PairConfig, connectors: Mapping[Side, Connector], *, fix: bool
) -> list[Finding]:
    findings: list[Finding] = []
    needed = required_fields(pair.mapping)
    for side, connector in connectors.items():
        try:
            findings += _own_fields(pair, connector, needed[side], fix=fix)
        except LeadloopError as error:
            findings.append(_failed(pair.name, error))
    try:
        schemas = live_schemas(pair.mapping, connectors)
    except LeadloopError as error:
        return [*findings, _failed(pair.name, error)]
    findings += _touch_points(pair, connectors)
    problems = _mapping_problems(config, pair, schemas)
    findings += [
        Finding(
            problem.code,
            Level.WARNING if problem.is_warning else Level.ERROR,
            f"{problem.at}: {problem.message}",
            problem.fix,
        )
        for problem in problems
    ]
    if all(problem.is_warning for problem in problems):
        what = f"{pair.name}: every mapped field exists and fits."
        findings.append(Finding("doctor.mapping", Level.OK, what))
    findings += _person_accounts(pair, schemas)
    findings += _consent(pair, schemas[Side.CRM])
    return [*findings, *_native_connector(pair, schemas[Side.MAP])]


def _person_accounts(pair: PairConfig, schemas: Schemas) -> list[Finding]:
    """An org whose people may be Accounts and Contacts at once is not for Leadloop."""
    found = drifts(pair.mapping, schemas, {})
    one = next((drift for drift in found if drift.kind is DriftKind.PERSON_ACCOUNTS), None)
    if one is None:
        return []
    what = f"{pair.name}: {one.what}."
    return [Finding("doctor.person_accounts", Level.ERROR, what, one.remedy)]


def _own_fields(
    pair: PairConfig, connector: Connector, needed: Sequence[FieldDefinition], *, fix: bool
) -> list[Finding]:
    missing, findings = _missing(connector, needed)
    if missing and fix:
        for outcome in connector.ensure_fields(missing):
            if outcome.status is OutcomeStatus.OK:
                created = f"{connector.system}: {outcome.key} has been created."
                findings.append(Finding("doctor.field_created", Level.OK, created))
            elif outcome.error is not None:
                findings.append(_failed(f"{connector.system} {outcome.key}", outcome.error))
        missing, _ = _missing(connector, missing)
    findings += [
        Finding(
            "doctor.field_missing",
            Level.ERROR,
            f"{connector.system}: {d.object}.{d.name} is missing.",
            "Run `leadloop doctor --fix`, or create it by hand: " + _recipe(d),
        )
        for d in missing
    ]
    if not missing:
        what = f"{pair.name}: {connector.system} has all {len(needed)} fields Leadloop needs."
        findings.append(Finding("doctor.fields", Level.OK, what))
    return findings


def _missing(
    connector: Connector, needed: Sequence[FieldDefinition]
) -> tuple[list[FieldDefinition], list[Finding]]:
    """Which definitions are absent, and findings about those that are there but unfit."""
    described: dict[str, ObjectSchema] = {}
    missing: list[FieldDefinition] = []
    findings: list[Finding] = []
    for definition in needed:
        name = definition.object
        if name not in described:
            described[name] = connector.describe(name)
        field = described[name].fields.get(definition.name)
        where = f"{connector.system}: {definition.object}.{definition.name}"
        if field is None:
            missing.append(definition)
        elif definition.unique and not (field.unique or field.external_id):
            findings.append(
                Finding(
                    "doctor.field_not_unique",
                    Level.ERROR,
                    f"{where} is not unique, so a lost reply could make a duplicate.",
                    "Delete the field and run `leadloop doctor --fix`, or mark it unique.",
                )
            )
        elif not (field.createable or field.updateable):
            findings.append(
                Finding(
                    "doctor.field_read_only",
                    Level.ERROR,
                    f"{where} cannot be written by the API user.",
                    "Give the API user edit access to the field.",
                )
            )
    return missing, findings


def _recipe(definition: FieldDefinition) -> str:
    size = f", length {definition.length}" if definition.type == "text" else ""
    unique = ", unique (Salesforce: External ID, too)" if definition.unique else ""
    owner = "Activity" if definition.object == TASK else definition.object
    return (
        f"object {owner}, name {definition.name}, label {definition.label},"
        f" type {definition.type}{size}{unique}."
    )


def _consent(pair: PairConfig, schemas: Mapping[str, ObjectSchema]) -> list[Finding]:
    findings = []
    for rule in pair.mapping.consent:
        for object_name, name in rule.crm.items():
            schema = schemas.get(object_name)
            field = schema.fields.get(name) if schema is not None else None
            if schema is not None and (field is None or not field.updateable):
                verb = "not visible to" if field is None else "not writable for"
                findings.append(
                    Finding(
                        "doctor.consent_hidden",
                        Level.ERROR,
                        f"{pair.name}: {object_name}.{name} is {verb} the API user: opt-outs"
                        " could not be kept.",
                        "Give the API user read and edit access to the field.",
                    )
                )
    return findings


def _touch_points(pair: PairConfig, connectors: Mapping[Side, Connector]) -> list[Finding]:
    """Touch points that are to be read and cannot be: nobody would seem to have been touched."""
    findings = []
    for source in sorted(pair.mapping.read_touches):
        side, name, fields = TOUCH_READS[source]
        try:
            known = connectors[side].describe(name).fields
        except LeadloopError as error:
            findings.append(_failed(f"{pair.name} `touches: {source}`", error))
            continue
        hidden = [one for one in fields if "." not in one and one not in known]
        if hidden:
            findings.append(
                Finding(
                    "doctor.touches_hidden",
                    Level.WARNING,
                    f"{pair.name}: {source} are not read: {name} has no {hidden[0]} that the API"
                    " user may see.",
                    f"Give the API user read access to {name} (in HubSpot, scope"
                    f" crm.objects.contacts.read), or take `{source}` out of `touches`.",
                )
            )
    return findings


def _native_connector(pair: PairConfig, schemas: Mapping[str, ObjectSchema]) -> list[Finding]:
    """The vendors' own integration, and the rules both would write: one finding each."""
    present = doctor_native.traces(pair.mapping, schemas)
    if not present:
        return []
    said = Finding(
        "doctor.native_connector",
        Level.WARNING,
        f"{pair.name}: HubSpot's own Salesforce integration is or was installed"
        f" ({', '.join(present)}).",
        "Switch it off, or see that it and this mapping never write the same field.",
    )
    return [said, *(_written_twice(rule) for rule in doctor_native.shared_rules(pair.mapping))]


def _written_twice(rule: FieldRule) -> Finding:
    return Finding(
        "doctor.native_connector_field",
        Level.WARNING,
        f"{rule.at}: HubSpot's own integration maps {rule.key} by itself, too.",
        'Set its sync rule to "Don\'t sync" in HubSpot (Settings, Integrations, Connected apps,'
        " Salesforce), or remove this rule.",
    )


def not_alone(name: str, made: int) -> list[Finding]:
    """Whether somebody else works on the pair of this name: `made` records have our key, and this
    state did not make them (`state.foreign`)."""
    if not made:
        return []
    return [
        Finding(
            "doctor.second_installation",
            Level.WARNING,
            f"{name}: {made} records of the last {FOREIGN_DAYS} days carry Leadloop's key and were"
            " not made from this state: a second installation works on these accounts, or this"
            " state was restored from a backup.",
            "Stop the other installation: nobody is made twice, but two configurations undo each"
            " other's writes and both use up the calls. After a restore there is nothing to do.",
        )
    ]


def library(found: Sqlite) -> Finding:
    """Which SQLite keeps the state, and whether it may: 3.7.0 to 3.51.2 can corrupt a database in
    WAL mode when two processes write at once, as the daemon and a command do.
    """
    version = ".".join(map(str, found.version))
    what = f"SQLite {version} ({found.library}) keeps the state, journal mode {found.journal}"
    remedy = "Install the package pysqlite3, which brings a newer SQLite."
    if not found.has_wal_bug:
        return Finding("doctor.sqlite", Level.OK, f"{what}.")
    if found.is_safe:
        what += ": this version's WAL mode has a bug, so the safe and slower one is used."
        return Finding("doctor.sqlite_old", Level.WARNING, what, remedy)
    what += ": this version's WAL mode has a bug that can corrupt the state."
    return Finding("doctor.sqlite_unsafe", Level.ERROR, what, "Stop every leadloop. " + remedy)


def _disk(config: Config, free_bytes: Callable[[Path], int]) -> list[Finding]:
    if not config.state_url.startswith("sqlite:"):
        return []
    directory = Path(config.state_url.removeprefix("sqlite:///")).parent
    try:
        free = free_bytes(directory)
    except OSError:
        return [
            Finding(
                "doctor.state_directory",
                Level.ERROR,
                f"The directory of the state, {directory}, does not exist.",
                "Create it, or correct `state: url`.",
            )
        ]
    what = f"{free // 1_000_000} MB free where the state is kept."
    if free >= _LITTLE_DISK:
        return [Finding("doctor.disk", Level.OK, what)]
    level = Level.ERROR if free < _NO_DISK else Level.WARNING
    return [Finding("doctor.disk", level, what, "Free some space, or move the state elsewhere.")]
