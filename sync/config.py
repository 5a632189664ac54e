"""Loads `config.yaml`: systems, pairs, state, schedule, limits. The one place settings come from.

`load_config` answers a complete, frozen `Config` or raises ConfigurationError with every problem
of config and mappings in one pass. Secrets come from the environment (`${NAME}`) or from files
(`token_file`), are never literal, and appear in no repr, message or hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import time
from enum import StrEnum
from pathlib import Path

from mappings.errors import ConfigurationError
from mappings.fieldmap import PairMapping
from mappings.loader import FORMAT, mapping_files, read_mapping
from mappings.loading import Schemas
from mappings.positions import Faults, is_there, suggest
from mappings.sections import Section
from sync.config_layers import PROFILE_ENVIRONMENT, find_config, layered
from sync.config_profiles import check_others
from sync.config_service import (
    CONSOLE_KEYS,
    ERASURE_KEYS,
    RETENTION_KEYS,
    SERVICE_KEYS,
    STAFF_KEYS,
    ConsoleConfig,
    ErasureConfig,
    ReportMail,
    RetentionConfig,
    ServiceConfig,
    Staff,
    read_console,
    read_erasure,
    read_reports,
    read_retention,
    read_service,
    read_staff,
)
from sync.config_values import PLAYS, SystemKind, Values, named, read_region, secret_keys

TOP_KEYS = (
    "format", "tenant", "systems", "pairs", "state", "schedule", "matching", "guard",
    "notifications", "staff", "reports", "console", "service", "retention", "erasure", "log_level",
)  # fmt: skip


class LogLevel(StrEnum):
    """How much is said on stderr."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class SystemConfig:
    """One vendor account. `settings` hold resolved addresses and credentials.

    HubSpot: `access_token`, `base_url`, `api`. Salesforce: `login_url`, `client_id`, and
    `client_secret` or `username` with `private_key_file`; `ca_file`, `instance_url`, `version`.
    Outbox: `file`.
    Paths are absolute; keys that are not given are absent.
    """

    name: str
    kind: str
    account_id: str | None
    settings: Mapping[str, str] = field(repr=False)
    leadloop_share: float = 0.8


@dataclass(frozen=True, slots=True)
class PairConfig:
    """One MAP account with one CRM org. `region` (ISO country) reads national phone numbers."""

    name: str
    map_system: SystemConfig
    crm_system: SystemConfig
    mapping: PairMapping
    region: str | None
    mapping_path: Path


@dataclass(frozen=True, slots=True)
class MatchingConfig:
    """Probabilities: at or above `link` two records are one person, down to `review` a person
    decides, below they are two. The model is learned anew every `retrain_days` (0: never by
    itself), and used by itself where it decides at most the share `retrain_change` otherwise.
    """

    link: float = 0.99
    review: float = 0.04
    retrain_days: int = 30
    retrain_change: float = 0.005


@dataclass(frozen=True, slots=True)
class Limit:
    """How much one run may change before it stops and asks: a share of the population, a count."""

    share: float
    count: int

    def is_exceeded(self, number: int, population: int, floor: int) -> bool:
        """Whether `number` changes among `population` records are too many. Up to `floor` changes
        are always allowed, so that a handful among few people is no alarm.
        """
        if number <= floor:
            return False
        return number > self.count or number > self.share * population


@dataclass(frozen=True, slots=True)
class GuardConfig:
    """The mass-change brake (law 13) and the poison brake (BEHAVIOURS, Poison and brakes).

    Clears and deletes: 2 % or 500 records; consent: 1 % or 500 people; rejections: 5 % or 100 in
    a row. The other numbers are assumed: what a busy day of an account of that size brings.
    Deletes and merges are those the vendors' people made, of linked records; the others are writes
    of ours. `dead_letters` open ones call a person.
    """

    creates: Limit = Limit(0.10, 1_000)
    updates: Limit = Limit(0.50, 10_000)
    overwrites: Limit = Limit(0.25, 2_500)
    clears: Limit = Limit(0.02, 500)
    activities: Limit = Limit(1.00, 10_000)
    deletes: Limit = Limit(0.02, 500)
    merges: Limit = Limit(0.01, 100)
    consent: Limit = Limit(0.01, 500)
    moves: Limit = Limit(0.10, 1_000)
    assignments: Limit = Limit(0.05, 500)
    notices: Limit = Limit(0.05, 500)
    floor: int = 25
    rejected_share: float = 0.05
    rejected_streak: int = 100
    dead_letters: int = 100


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """Seconds between pulls of the fast and quarter cadence; UTC time of the nightly one; seconds
    a person's deletion is held in case it is half of a merge (assumed: what a merge's other half
    needs to be searchable, with room).
    """

    fast: float = 60.0
    quarter: float = 900.0
    nightly_hour: int = 2
    nightly_minute: int = 0
    hold_deletions: float = 900.0

    @property
    def nightly(self) -> time:
        """The time of day, in UTC, of what is done once a day."""
        return time(self.nightly_hour, self.nightly_minute)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything a run needs to know. `hash` covers config and mappings, never secrets or
    addresses: it is stamped on every run.
    """

    path: Path
    tenant: str
    state_url: str = field(repr=False)
    pairs: tuple[PairConfig, ...]
    matching: MatchingConfig
    guard: GuardConfig
    schedule: ScheduleConfig
    console: ConsoleConfig
    service: ServiceConfig | None
    retention: RetentionConfig
    erasure: ErasureConfig
    notifications: tuple[str, ...] = field(repr=False)
    staff: Staff
    reports: tuple[ReportMail, ...]
    log_level: str
    hash: str

    @property
    def directory(self) -> Path:
        """The workspace: where relative paths of the config are resolved."""
        return self.path.parent

    def pair(self, name: str) -> PairConfig:
        """The pair of that name. Raises KeyError."""
        for pair in self.pairs:
            if pair.name == name:
                return pair
        raise KeyError(name)


Describe = Callable[[str, SystemConfig, SystemConfig, PairMapping], Schemas | None]
"""What the vendors describe of what a pair's mapping uses: the pair's name, its MAP and its CRM
system, the mapping as it stands (faults and all). None where they cannot be asked."""


def load_config(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    describe: Describe | None = None,
    profile: str | None = None,
    every_profile: bool = False,
) -> Config:
    """The configuration and its mappings, complete and checked.

    `profile` (else $LEADLOOP_PROFILE) is laid over the rest of the file (`sync.config_layers`).
    With `every_profile` the others' values are checked as well, as far as this machine can tell.

    With `describe` mappings are checked against what the vendors describe, in the same pass. Raises
    ConfigurationError with every problem found.
    """
    environment = environ if environ is not None else os.environ
    file = find_config(path, environ=environment)
    faults = Faults()
    chosen = profile or environment.get(PROFILE_ENVIRONMENT) or None
    root = layered(file, faults, TOP_KEYS, chosen)
    top = Section(root, faults, "the configuration", TOP_KEYS)
    config = _Reader(top, file, faults, environment, describe).config()
    if every_profile:

        def read(other: str, aside: Faults) -> None:
            top = Section(layered(file, aside, TOP_KEYS, other), aside, "", TOP_KEYS)
            _Reader(top, file, aside, environment, None, with_mappings=False).config()

        check_others(file, chosen, faults, read)
    faults.stop("The configuration cannot be used")
    return config


class _Reader:
    """Reads one config file, section by section."""

    def __init__(
        self,
        top: Section,
        file: Path,
        faults: Faults,
        environ: Mapping[str, str],
        describe: Describe | None,
        *,
        with_mappings: bool = True,
    ) -> None:
        self._top = top
        self._file = file
        self._faults = faults
        self._values = Values(faults, file.parent, environ)
        self._describe = describe
        self._with_mappings = with_mappings

    def config(self) -> Config:
        top, values = self._top, self._values
        self._format()
        systems = self._systems()
        pairs = self._pairs(systems)
        state_url = self._state_url()
        parts = {
            "tenant": self._values.text(top, "tenant", "default"),
            "matching": self._matching(),
            "guard": self._guard(),
            "schedule": self._schedule(),
        }
        return Config(
            path=self._file,
            state_url=state_url,
            pairs=pairs,
            console=read_console(self._part("console", CONSOLE_KEYS), self._values),
            service=read_service(self._part("service", SERVICE_KEYS), self._faults),
            retention=read_retention(self._part("retention", RETENTION_KEYS)),
            erasure=read_erasure(self._part("erasure", ERASURE_KEYS), values, state_url),
            notifications=tuple(values.notification(*one) for one in top.names("notifications")),
            staff=read_staff(self._part("staff", STAFF_KEYS), values, self._faults),
            reports=read_reports(top, values, self._faults),
            log_level=top.choice("log_level", LogLevel, LogLevel.INFO).value,
            hash=_digest(parts, pairs),
            **parts,  # type: ignore[arg-type]  # checked where each part is read
        )

    def _format(self) -> None:
        node = self._top.node("format")
        given = self._top.need("format", f"Begin the file with `format: {FORMAT}`.")
        if given and node is not None and (node.value is True or node.value != FORMAT):
            self._faults.add(
                node.at, f"This is format `{node.text}`; this version reads format {FORMAT}.",
                f"Write `format: {FORMAT}`.", code="config.format",
            )  # fmt: skip

    def _systems(self) -> dict[str, SystemConfig]:
        self._top.need("systems", "Name the HubSpot account and the Salesforce org.")
        found = {}
        for name, _, node in self._top.entries("systems"):
            kind_node = node.value.get("kind") if isinstance(node.value, dict) else None
            word = kind_node.node.text if kind_node else ""
            keys = secret_keys(word if word in set(SystemKind) else None)
            section = Section(node, self._faults, f"the system `{name}`", keys)
            if not section.usable:
                continue
            section.need("kind", f"Say which system it is: {named(SystemKind)}.")
            kind = section.choice("kind", SystemKind, SystemKind.HUBSPOT)
            share = section.number("leadloop_share", 0.8, low=0.01, high=1.0)
            account = self._values.text(section, "account_id") or None
            settings = self._values.settings(section, kind.value) if section.has("kind") else {}
            found[name] = SystemConfig(name, kind.value, account, settings, float(share))
        return found

    def _pairs(self, systems: Mapping[str, SystemConfig]) -> tuple[PairConfig, ...]:
        self._top.need("pairs", "Name at least one pair of systems.")
        found: list[PairConfig] = []
        for name, at, node in self._top.entries("pairs"):
            section = Section(
                node, self._faults, f"the pair `{name}`", ("map", "crm", "mapping", "region")
            )
            map_system = self._system(section, "map", systems)
            crm_system = self._system(section, "crm", systems)
            mapping = self._mapping(section, name, map_system, crm_system)
            region = read_region(section, self._faults)
            if map_system is None or crm_system is None or mapping is None:
                continue
            twin = next(
                (
                    p
                    for p in found
                    if (p.map_system.name, p.crm_system.name) == (map_system.name, crm_system.name)
                ),
                None,
            )
            if twin is not None:
                self._faults.add(
                    at, f"The pair `{twin.name}` already joins these two systems.",
                    "Put both mappings into one pair.", code="config.duplicate_rule",
                )  # fmt: skip
            found.append(PairConfig(name, map_system, crm_system, mapping[0], region, mapping[1]))
        return tuple(found)

    def _system(
        self, section: Section, key: str, systems: Mapping[str, SystemConfig]
    ) -> SystemConfig | None:
        wanted = named(PLAYS[key])
        if not section.need(key, f"Name a system of kind {wanted}."):
            return None
        name = section.text(key)
        system = systems.get(name)
        if system is None:
            self._faults.add(
                section.place(key), f"There is no system `{name}`.",
                suggest(name, systems, "Name one that stands under `systems`."),
                code="config.unknown_system",
            )  # fmt: skip
        elif system.kind not in PLAYS[key]:
            self._faults.add(
                section.place(key), f"`{name}` is of kind {system.kind}, not {wanted}.",
                f"Name a system of kind {wanted}.", code="config.unknown_system",
            )  # fmt: skip
        return system

    def _mapping(
        self,
        section: Section,
        pair: str,
        map_system: SystemConfig | None,
        crm_system: SystemConfig | None,
    ) -> tuple[PairMapping, Path] | None:
        text = self._values.text(section, "mapping", "mappings")
        path = self._file.parent / text
        if not is_there(path) or not mapping_files(path):
            self._faults.add(
                section.place("mapping"), f"There is no mapping at `{text}`.",
                "Run `leadloop init`, or correct the path (relative to config.yaml).",
                code="config.missing_mapping",
            )  # fmt: skip
            return None
        if not self._with_mappings:
            return None
        before = len(self._faults.problems)
        schemas = None
        if self._describe is not None and map_system and crm_system:
            with contextlib.suppress(ConfigurationError):  # unreadable: told by the next line
                offline = read_mapping(path, Faults(), base=self._file.parent)
                schemas = self._describe(pair, map_system, crm_system, offline)
        try:
            mapping = read_mapping(path, self._faults, schemas=schemas, base=self._file.parent)
        except ConfigurationError:
            if len(self._faults.problems) == before:
                raise
            return None  # unreadable: its fault is recorded, other files are still checked
        return mapping, path

    def _state_url(self) -> str:
        node = self._top.node("state")
        url = "sqlite:///leadloop.sqlite3"
        at = node.at if node is not None else self._top.at
        if node is not None:
            section = Section(node, self._faults, "`state`", ("url", "url_file"))
            url = self._values.secret(section, "url", literal=True) or url
            at = section.place("url")
        return self._values.database(url, at)

    def _part(self, key: str, keys: tuple[str, ...]) -> Section | None:
        node = self._top.node(key)
        return Section(node, self._faults, f"`{key}`", keys) if node is not None else None

    def _matching(self) -> MatchingConfig:
        section = self._part("matching", tuple(f.name for f in fields(MatchingConfig)))
        default = MatchingConfig()
        if section is None:
            return default
        link = section.number("link", default.link, low=0.5, high=1.0)
        review = section.number("review", default.review, low=0.0, high=1.0)
        if review >= link:
            self._faults.add(
                section.place("review"), "`review` must be lower than `link`.",
                "Between the two a person decides: leave room.", code="config.out_of_range",
            )  # fmt: skip
        return MatchingConfig(
            float(link),
            float(review),
            section.whole("retrain_days", default.retrain_days, low=0, high=3_650),
            float(section.number("retrain_change", default.retrain_change, low=0.0, high=1.0)),
        )

    def _guard(self) -> GuardConfig:
        default = GuardConfig()
        limits = tuple(f.name for f in fields(GuardConfig) if isinstance(f.default, Limit))
        numbers = ("floor", "rejected_share", "rejected_streak", "dead_letters")
        section = self._part("guard", (*limits, *numbers))
        if section is None:
            return default
        found = {name: self._limit(section, name, getattr(default, name)) for name in limits}
        return replace(
            GuardConfig(**found),  # type: ignore[arg-type]  # the limits alone are in it
            floor=section.whole("floor", default.floor, low=0, high=1_000_000),
            rejected_share=section.number(
                "rejected_share", default.rejected_share, low=0.0, high=1.0
            ),
            rejected_streak=section.whole(
                "rejected_streak", default.rejected_streak, low=1, high=1_000_000
            ),
            dead_letters=section.whole("dead_letters", default.dead_letters, low=1, high=1_000_000),
        )

    def _limit(self, section: Section, name: str, default: Limit) -> Limit:
        node = section.node(name)
        if node is None:
            return default
        part = Section(node, self._faults, f"`{name}`", ("share", "count"))
        return Limit(
            float(part.number("share", default.share, low=0.0, high=1.0)),
            part.whole("count", default.count, low=0, high=1_000_000_000),
        )

    def _schedule(self) -> ScheduleConfig:
        default = ScheduleConfig()
        section = self._part("schedule", ("fast", "quarter", "nightly", "hold_deletions"))
        if section is None:
            return default
        hour, minute = self._values.time_of_day(section, "nightly", (2, 0))
        day = 86_400
        return ScheduleConfig(
            float(section.number("fast", default.fast, low=5, high=day, unit="seconds")),
            float(section.number("quarter", default.quarter, low=5, high=day, unit="seconds")),
            hour,
            minute,
            float(section.number("hold_deletions", default.hold_deletions, low=0, high=day)),
        )


def _digest(parts: Mapping[str, object], pairs: tuple[PairConfig, ...]) -> str:
    plain = {
        "parts": {
            name: value if isinstance(value, str) else asdict(value)  # type: ignore[call-overload]
            for name, value in parts.items()
        },
        "pairs": [
            [p.name, p.region, p.mapping.hash]
            + [[s.kind, s.account_id, s.leadloop_share] for s in (p.map_system, p.crm_system)]
            for p in pairs
        ],
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]
